"""registry-rbac.conf: what is read from it, where a mistake is said to be, and that nothing else can come
out.
"""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checker.services.rbac import ACTIONS, LARGEST, RIGHTS, Rbac, RbacError, Role, Rule, matches, parse

WHOLE = b"""
# who may do what
role developer {
  repositories "team/*" "tools/app"   # two patterns
  actions pull push

  repositories "archive/**"
  actions pull

  registry catalog
}
role nobody { }
"""

components = st.from_regex(r"[a-z0-9]{1,6}([._-][a-z0-9]{1,4})?", fullmatch=True)
names = st.lists(components, min_size=1, max_size=4).map("/".join)
patterns = st.lists(st.one_of(components, st.sampled_from(["*", "**", "app-*"])), min_size=1, max_size=4).map(
    "/".join
)
rules = st.builds(
    Rule,
    st.lists(patterns, min_size=1, max_size=3, unique=True).map(tuple),
    st.lists(st.sampled_from(ACTIONS), min_size=1, unique=True).map(tuple),
)
roles = st.builds(
    Role, st.lists(rules, max_size=3).map(tuple), st.lists(st.sampled_from(RIGHTS), unique=True).map(tuple)
)
files = st.dictionaries(st.from_regex(r"[a-z][a-z0-9_-]{0,8}", fullmatch=True), roles, max_size=4).map(Rbac)


def written(rbac: Rbac) -> bytes:
    lines = []
    for name, role in rbac.roles.items():
        lines.append(f"role {name} {{")
        for rule in role.rules:
            lines.append("  repositories " + " ".join(f'"{each}"' for each in rule.repositories))
            lines.append("  actions " + " ".join(rule.actions))
        if role.registry:
            lines.append("  registry " + " ".join(role.registry))
        lines.append("}")
    return "\n".join(lines).encode()


def test_a_role_may_do_what_its_rules_say_and_nothing_else() -> None:
    developer = parse(WHOLE).role("developer")
    assert developer.actions("team/app") == {"pull", "push"}
    assert developer.actions("tools/app") == {"pull", "push"}
    assert developer.actions("archive/2020/app") == {"pull"}
    assert developer.actions("team/a/b") == frozenset()
    assert developer.actions("team") == frozenset()
    assert developer.registry == ("catalog",)


BLANK, QUOTE, UNSEEN = "a plain blank", "a plain double quote", "cannot be seen"


@pytest.mark.parametrize(
    ("text", "line", "column", "expected", "seen"),
    [
        (
            'role admin {\n\u00a0 \u00a0 repositories "a"\n actions pull\n}',
            2,
            1,
            BLANK,
            "U+00A0 (NO-BREAK SPACE)",
        ),
        ("role admin\u00a0{}", 1, 11, BLANK, "U+00A0"),
        ("role\u2003admin {}", 1, 5, BLANK, "U+2003 (EM SPACE)"),
        ("\u3000role admin {}", 1, 1, BLANK, "U+3000 (IDEOGRAPHIC SPACE)"),
        ('role a {\n repositories "a" actions pull\u202fpush }', 2, 31, BLANK, "U+202F"),
        ("role a {}\u2028role b {}", 1, 10, BLANK, "U+2028 (LINE SEPARATOR)"),
        ("role a {}\x0crole b {}", 1, 10, BLANK, "U+000C (a control character)"),
        ("role a {\n}\n\u00a0", 3, 1, BLANK, "U+00A0"),
        ("role ad\u200bmin {}", 1, 8, UNSEEN, "U+200B (ZERO WIDTH SPACE)"),
        ("role a {}\n\ufeffrole b {}", 2, 1, UNSEEN, "U+FEFF (ZERO WIDTH NO-BREAK SPACE)"),
        ("r\x00o\x00l\x00e\x00", 1, 2, UNSEEN, "U+0000 (a control character)"),
        ("role a { repositories \u201cteam/*\u201d actions pull }", 1, 23, QUOTE, "U+201C"),
        ("role a { repositories \u201eteam/*\u201c actions pull }", 1, 23, QUOTE, "U+201E"),
        ("role a { repositories \u00abteam/*\u00bb actions pull }", 1, 23, QUOTE, "U+00AB"),
        ('role a { repositories "team/\u00a0*" actions pull }', 1, 29, BLANK, "U+00A0"),
        ('role a { repositories "team/\u200b*" actions pull }', 1, 29, UNSEEN, "U+200B"),
        ("role a \uff5b}", 1, 8, "a plain {", "U+FF5B (FULLWIDTH LEFT CURLY BRACKET)"),
    ],
)
def test_a_character_that_only_looks_right_is_told_by_its_place_and_name(
    text: str, line: int, column: int, expected: str, seen: str
) -> None:
    with pytest.raises(RbacError) as raised:
        parse(text.encode())
    error = raised.value
    assert (error.line, error.column) == (line, column)
    assert expected in error.expected
    assert error.seen.startswith(seen)


def test_such_characters_do_no_harm_in_remarks_and_before_the_text() -> None:
    assert parse("\ufeff# wer\u00a0darf \u201ewas\u201c\r\nrole a {}\r\n".encode()) == Rbac({"a": Role()})


def test_a_file_in_utf_16_is_told_as_that() -> None:
    with pytest.raises(RbacError, match=r"line 1, column 1: expected text in UTF-8, .* the mark of UTF-16"):
        parse("role a {}".encode("utf-16"))


def test_a_role_that_is_empty_or_unknown_may_do_nothing() -> None:
    rbac = parse(WHOLE)
    assert rbac.role("nobody") == rbac.role("unheard-of") == Role()
    assert Role().actions("team/app") == frozenset()


@pytest.mark.parametrize(
    ("text", "line", "column", "expected", "seen"),
    [
        ("rule dev {}", 1, 1, "the word role", "rule"),
        ("role {}", 1, 6, "the name of a role", "{"),
        ('role dev\n  repositories "a"', 2, 3, "{", "repositories"),
        ('role dev {\n repositories "a" actions pul }', 2, 27, "one of pull, push, delete", "pul"),
        ('role dev {\n repositories "a" actions pull, push }', 2, 27, "one of pull", "pull,"),
        ("role dev { repositories team actions pull }", 1, 25, "in double quotes", "team"),
        ("role dev { repositories 'team' actions pull }", 1, 25, "in double quotes", "'team'"),
        ('role dev { repositories "a" }', 1, 29, "the word actions", "}"),
        ("role dev { actions pull }", 1, 12, "the word repositories", "actions"),
        ("role dev {", 1, 11, "}", "the end of the file"),
        ("role dev { registry all }", 1, 21, "one of catalog, audit", "all"),
        ("role a {}\nrole a {}", 2, 6, "the name of a role that is not there yet", "a"),
        ('role a { repositories "Team" actions pull }', 1, 23, "in lower case", '"Team"'),
        ('role a { repositories "a:1" actions pull }', 1, 23, "without a registry or a tag", '"a:1"'),
        ('role a { repositories "***" actions pull }', 1, 23, "* or **", '"***"'),
        ('role a { repositories "a', 1, 23, "in double quotes", '"a'),
    ],
)
def test_a_mistake_is_told_by_line_column_what_was_expected_and_what_is_there(
    text: str, line: int, column: int, expected: str, seen: str
) -> None:
    with pytest.raises(RbacError) as raised:
        parse(text.encode())
    error = raised.value
    assert (error.line, error.column, error.seen) == (line, column, seen)
    assert expected in error.expected


def test_a_file_that_is_not_text_is_told_by_its_first_bad_byte() -> None:
    with pytest.raises(RbacError) as raised:
        parse(b"role a {}\n# \xff")
    assert (raised.value.line, raised.value.column, raised.value.seen) == (2, 3, "the byte 0xff")


def test_a_file_that_is_too_large_is_refused() -> None:
    with pytest.raises(RbacError, match="at most"):
        parse(b"#" * (LARGEST + 1))


@given(files)
def test_what_is_written_in_the_format_is_read_as_it_was_meant(rbac: Rbac) -> None:
    assert parse(written(rbac)) == rbac


@given(st.one_of(st.binary(max_size=200), st.text(max_size=200).map(str.encode)))
def test_any_bytes_are_either_read_or_refused_at_a_place_within_the_file(content: bytes) -> None:
    found: RbacError | None = None
    try:
        parse(content)
    except RbacError as error:
        found = error
    lines = content.decode("utf-8-sig", errors="replace").split("\n")
    if found:
        assert 1 <= found.line <= len(lines)
        assert 1 <= found.column <= len(lines[found.line - 1]) + 1
        assert found.expected
        assert found.seen


@given(files, st.data())
def test_a_broken_file_never_grants_what_the_whole_one_does_not(rbac: Rbac, data: st.DataObject) -> None:
    whole = written(rbac)
    cut = whole[: data.draw(st.integers(0, len(whole)))]
    try:
        part = parse(cut)
    except RbacError:
        return
    for name, role in part.roles.items():
        assert set(role.rules) <= set(rbac.role(name).rules)
        assert set(role.registry) <= set(rbac.role(name).registry)


@given(patterns, names)
def test_patterns_match_as_the_equal_regular_expressions_do(pattern: str, name: str) -> None:
    parts = re.split(r"(\*\*|\*)", pattern)
    known = {"**": ".*", "*": "[^/]*"}
    expression = "".join(known.get(part, re.escape(part)) for part in parts)
    assert matches(pattern, name) == (re.fullmatch(expression, name) is not None)


def test_a_pattern_full_of_stars_is_answered_at_once() -> None:
    assert not matches("*a" * 120, "a" * 254 + "b")
