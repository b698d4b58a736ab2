"""Compose files are read as `docker compose config` (2.26) shows them: each row was compared with it."""

import pytest

from composefile import Unreadable, read

ENVIRONMENT = {"REPOSITORY": "127.0.0.1:5000/t/app", "EMPTY": ""}
FILE = "deploy/compose.yaml"


def images(text: str, files: dict[str, str] | None = None) -> dict[str, str]:
    whole = {FILE: text, **(files or {})}
    return read(whole.get, FILE, ENVIRONMENT).images()


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("$REPOSITORY@x", "127.0.0.1:5000/t/app@x"),
        ("${REPOSITORY}@x", "127.0.0.1:5000/t/app@x"),
        ("${REPOSITORY:?not set}@x", "127.0.0.1:5000/t/app@x"),
        ("${EMPTY?may be empty}x", "x"),
        ("${REPOSITORY:-other}", "127.0.0.1:5000/t/app"),
        ("${EMPTY:-x/y}", "x/y"),
        ("${EMPTY-x/y}z", "z"),
        ("${NOPE-x/y}", "x/y"),
        ("${NOPE:-${REPOSITORY}}", "127.0.0.1:5000/t/app"),
        ("${NOPE:-${ALSO:-$REPOSITORY}}@x", "127.0.0.1:5000/t/app@x"),
        ("${NOPE:-a}b}", "ab}"),
        ("a${NOPE:+b}${EMPTY:+c}${EMPTY+d}${REPOSITORY:+e}", "ade"),
        ("x$$y", "x$y"),
        ("${NOPE:-$$x}", "$x"),
        ("x$.y$", "x$.y$"),
        ("$NOPE@x", "@x"),
        ("'${REPOSITORY}:$${X}'", "127.0.0.1:5000/t/app:${X}"),
        (">-\n      a/b", "a/b"),
        ("!override a", "a"),
    ],
)
def test_variables(written: str, meant: str) -> None:
    assert images(f"services:\n  web:\n    image: {written}\n") == {"web": meant}


@pytest.mark.parametrize(
    ("written", "why"),
    [
        (
            "${NOPE:?please set it}",
            "the variable NOPE has no value, and the file asks for one: please set it",
        ),
        ("${EMPTY:?}", "the variable EMPTY has no value"),
        ("${NOPE:-${EMPTY:?deep}}", "deep"),
        ("${REPOSITORY", "after its name comes"),
        ("${REPOSITORY:-a", "a brace is not closed"),
        ("${1X}", "no variable"),
        ("${REPOSITORY!}", "no variable"),
        ("5", "the image of the service web is no text"),
    ],
)
def test_variables_that_compose_refuses(written: str, why: str) -> None:
    with pytest.raises(Unreadable, match=why.replace("$", r"\$")):
        images(f"services:\n  web:\n    image: {written}\n")


@pytest.mark.parametrize(
    ("env", "meant"),
    [
        ("F=abc # remark", "abc"),
        ("F=abc#none", "abc#none"),
        ("# first\nexport F=\"a/b\" # x\n", "a/b"),
        ("F='a$REPOSITORY'", "a$REPOSITORY"),
        ("F=a$REPOSITORY", "a127.0.0.1:5000/t/app"),
        ("E=one\nF=${E}/two", "one/two"),
        ("F = two\r\n", "two"),
        ("F: two", "two"),
        ("\ufeffF=two", "two"),
        ("F=${NOPE:-d}", "d"),
        ("F=one\nF=two", "two"),
    ],
)  # fmt: skip
def test_a_file_of_variables_beside_it(env: str, meant: str) -> None:
    assert images("services: {web: {image: '${F}'}}", {"deploy/.env": env}) == {"web": meant}


def test_the_environment_wins_over_the_file_beside_it_and_that_over_the_workspaces() -> None:
    text = "services: {web: {image: '$REPOSITORY $A $B'}}"

    found = images(text, {"deploy/.env": "REPOSITORY=x\nA=beside", ".env": "A=above\nB=above"})

    assert found == {"web": "127.0.0.1:5000/t/app beside above"}


@pytest.mark.parametrize(
    ("text", "files", "meant"),
    [
        ("x-i: &i $REPOSITORY@x\nservices:\n  web:\n    image: *i", {}, {"web": "127.0.0.1:5000/t/app@x"}),
        ("x-b: &b {image: a}\nservices:\n  web:\n    <<: *b\n  two:\n    <<: *b\n    image: c", {},
         {"web": "a", "two": "c"}),
        ("services:\n  base:\n    image: a\n  web:\n    extends: base", {}, {"base": "a", "web": "a"}),
        ("services:\n  base: {image: a}\n  web:\n    extends: {service: base}\n    image: b", {},
         {"base": "a", "web": "b"}),
        ("services: {web: {extends: {file: c.yaml, service: app}}}",
         {"deploy/c.yaml": "services: {app: {image: $EMPTY-a}}"}, {"web": "-a"}),
        ("services: {web: {extends: {file: ../c.yaml, service: app}}}",
         {"c.yaml": "services: {app: {image: a}}"}, {"web": "a"}),
        ("include: [a.yaml]", {"deploy/a.yaml": "services: {app: {image: a}}"}, {"app": "a"}),
        ("include:\n  - path: [a.yaml, b.yaml]\nservices: {web: {image: c}}",
         {"deploy/a.yaml": "services: {app: {image: a}}", "deploy/b.yaml": "services: {app: {image: b}}"},
         {"app": "b", "web": "c"}),
        ("services: {web: {image: a}}\n---\nservices: {web: {ports: ['80']}, two: {image: b}}", {},
         {"web": "a", "two": "b"}),
        ("\ufeff---\nservices: {web: {image: a, ports: !reset []}}\n...", {}, {"web": "a"}),
        ("services: {web: {build: .}}", {}, {}),
    ],
)  # fmt: skip
def test_what_a_file_takes_from_elsewhere(text: str, files: dict[str, str], meant: dict[str, str]) -> None:
    assert images(text, files) == meant


@pytest.mark.parametrize(
    "text",
    [
        "services:\n  web:\n    extends: {file: nope.yaml, service: app}",
        "services:\n  web:\n    extends: {service: nope}",
        "services:\n  web:\n    extends: web",
        "include: [compose.yaml]\nservices: {web: {image: a}}",
        "services:\n  web:\n    image: a\n    image: b",
        "services:\n  web:\n    image: a\n  two:",
        "services: [web]",
        "a: &a [*a]\nservices: {web: {image: a}}",
        "- a",
        "",
        "image: \u00a0{",
    ],
)
def test_what_compose_does_not_take(text: str) -> None:
    with pytest.raises(Unreadable):
        images(text)


def test_a_short_file_that_stands_for_billions_of_values_is_not_unfolded() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]

    with pytest.raises(Unreadable, match="more than"):
        images("\n".join([*lines, "services: {web: {image: a}}"]))


def test_variables_that_are_set_nowhere_are_told() -> None:
    text = "services: {web: {image: '$NOPE${ALSO:-x}$NOPE$EMPTY'}}"

    assert read({FILE: text}.get, FILE, ENVIRONMENT).unset == ("NOPE",)
