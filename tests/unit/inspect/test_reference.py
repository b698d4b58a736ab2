"""The reference grammar: known cases, and properties that hold for every reference there is."""

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from checker.inspect.reference import Digested, InvalidReference, Reference, Repository, Tagged, parse

HEX = "0123456789abcdef" * 4
SHA256 = f"sha256:{HEX}"

# The published grammar once more, as one expression: a second opinion on what `parse` builds.
_LABEL = "[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_COMPONENT = "[a-z0-9]+(?:(?:[._]|__|[-]+)[a-z0-9]+)*"
CANONICAL = re.compile(
    rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?/{_COMPONENT}(?:/{_COMPONENT})*"
    r"(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}|@[a-z0-9]+:[0-9a-f]{32,})"
)

components = st.from_regex(r"[a-z0-9]{1,8}((\.|_|__|-{1,3})[a-z0-9]{1,8}){0,2}", fullmatch=True)
paths = st.lists(components, min_size=1, max_size=4).map("/".join)
ports = st.one_of(st.just(""), st.integers(0, 65535).map(lambda port: f":{port}"))
hosts = st.one_of(
    st.just("localhost"),
    st.just("127.0.0.1"),
    st.just("[fc00::1]"),
    st.from_regex(r"[a-zA-Z0-9]{1,6}(-[a-z0-9]{1,4})?\.[a-z]{2,5}", fullmatch=True),
)
registries = st.tuples(hosts, ports).map("".join)
tags = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", fullmatch=True)
digests = st.one_of(
    st.tuples(st.just(algorithm), st.text("0123456789abcdef", min_size=length, max_size=length)).map(":".join)
    for algorithm, length in (("sha256", 64), ("sha384", 96), ("sha512", 128))
)
repositories = st.builds(Repository, registries, paths)
references: st.SearchStrategy[Reference] = st.one_of(
    st.builds(Tagged, repositories, tags),
    st.builds(Digested, repositories, digests, st.one_of(st.just(""), tags)),
)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("nginx", "docker.io/library/nginx:latest"),
        ("nginx:1.27", "docker.io/library/nginx:1.27"),
        ("team/app", "docker.io/team/app:latest"),
        ("team/tools/app:1", "docker.io/team/tools/app:1"),
        ("docker.io/nginx", "docker.io/library/nginx:latest"),
        ("index.docker.io/nginx", "docker.io/library/nginx:latest"),
        ("library/nginx", "docker.io/library/nginx:latest"),
        ("ghcr.io/team/app", "ghcr.io/team/app:latest"),
        ("localhost/app", "localhost/app:latest"),
        ("localhost:5000/app", "localhost:5000/app:latest"),
        ("127.0.0.1:5000/team/app:1.4.2", "127.0.0.1:5000/team/app:1.4.2"),
        ("[fc00::1]:5000/app", "[fc00::1]:5000/app:latest"),
        ("test-com:8080/foo", "test-com:8080/foo:latest"),
        # Without a slash there is no registry: these are a repository, and one with a tag.
        ("192.168.0.1", "docker.io/library/192.168.0.1:latest"),
        ("192.168.0.1:80", "docker.io/library/192.168.0.1:80"),
        ("localhost:5000", "docker.io/library/localhost:5000"),
        # No dot, no colon, no capital: a path. A capital: a registry, since no path may have one.
        ("test_com/foo", "docker.io/test_com/foo:latest"),
        ("Foo/bar", "Foo/bar:latest"),
        ("doc--ker/a__b/c.d", "docker.io/doc--ker/a__b/c.d:latest"),
        (f"app@{SHA256}", f"docker.io/library/app@{SHA256}"),
        (f"ghcr.io/team/app:1.4@{SHA256}", f"ghcr.io/team/app@{SHA256}"),
        (f"docker.io/{HEX}", f"docker.io/library/{HEX}:latest"),
        (HEX[:63], f"docker.io/library/{HEX[:63]}:latest"),
        (f"app:{'v' * 128}", f"docker.io/library/app:{'v' * 128}"),
    ],
)
def test_short_names_are_filled_in(text: str, canonical: str) -> None:
    assert str(parse(text)) == canonical


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("", 0),
        (HEX, 0),
        ("team/App", 5),
        ("App", 0),
        ("-app", 0),
        ("app-", 3),
        ("app/", 4),
        ("a//b", 2),
        ("a..b/c", 1),
        ("dock_.er/app", 4),
        ("a___b", 1),
        ("https://github.com/a/b", 6),
        ("host:port/app", 5),
        ("host:/app", 5),
        ("host:80a/app", 7),
        ("fc00::1:5000/app", 5),
        ("[fe80::1%eth0]:5000/app", 0),
        ("my_host.com/app", 2),
        ("-host.com/app", 0),
        ("app:", 4),
        ("app:-1", 4),
        ("app:1.4.2+7", 9),
        ("app:1:2", 5),
        (f"app:{'v' * 129}", 132),
        ("app@", 4),
        ("app@latest", 4),
        ("app@md5:" + HEX[:32], 4),
        (f"app@sha256:{HEX[:63]}", 74),
        (f"app@sha256:{HEX}0", 75),
        (f"app@sha256:{HEX.upper()}", 21),
        (f"app@{SHA256}:1", 75),
        ("app 1", 3),
        (" app", 0),
        ("app\n", 3),
        ("äpp", 0),
        ("app:é", 4),
        ("a/" * 127 + "ab", 256),
    ],
)
def test_faults_are_refused_where_they_are(text: str, position: int) -> None:
    with pytest.raises(InvalidReference) as raised:
        parse(text)
    assert raised.value.position == position
    assert raised.value.expected in str(raised.value)


@given(references)
def test_the_canonical_form_reads_back_as_the_same_reference(reference: Reference) -> None:
    assume(reference.repository.registry != "docker.io" or "/" in reference.repository.path)
    assert parse(str(reference)) == reference


@given(references)
def test_the_canonical_form_fits_the_published_grammar(reference: Reference) -> None:
    assert CANONICAL.fullmatch(str(parse(str(reference))))


@given(components, tags)
def test_all_spellings_of_a_hub_name_are_one_reference(name: str, tag: str) -> None:
    assume(not re.fullmatch("[0-9a-f]{64}", name))
    spellings = (name, f"library/{name}", f"docker.io/{name}", f"index.docker.io/library/{name}")
    assert len({parse(f"{spelling}:{tag}") for spelling in spellings}) == 1


@given(repositories, tags, digests)
def test_a_digest_decides_and_the_tag_before_it_does_not(
    repository: Repository, tag: str, digest: str
) -> None:
    with_tag = parse(f"{repository}:{tag}@{digest}")
    assert with_tag == parse(f"{repository}@{digest}")
    assert isinstance(with_tag, Digested)
    assert with_tag.tag == tag


@given(st.one_of(st.text(max_size=40), st.text("abAB01:/@._-[] \n", max_size=40)))
def test_any_text_is_a_reference_or_is_refused_at_a_place_in_it(text: str) -> None:
    try:
        reference = parse(text)
    except InvalidReference as error:
        refused = error
    else:
        assert CANONICAL.fullmatch(str(reference))
        assert parse(str(reference)) == reference
        return
    assert 0 <= refused.position <= len(text)
    assert refused.text == text


def test_a_reference_is_a_value() -> None:
    reference = parse("team/app:1")
    assert reference == Tagged(Repository("docker.io", "team/app"), "1")
    with pytest.raises(AttributeError):
        reference.tag = "2"  # type: ignore[misc]
