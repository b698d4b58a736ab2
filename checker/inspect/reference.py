"""Image references as types: a reference names an image by a tag or by a digest, and is never a string.

The grammar is the one at the head of `reference.go` in github.com/distribution/reference; the
rules for what a short name leaves out (`docker.io`, `library/`, `latest`) are those of its
`normalize.go`. The OCI distribution-spec ("Pulling manifests") has narrower rules for the part
a registry gets to see, and every name accepted here fits those too.

    reference := name [ ":" tag ] [ "@" digest ]
    name      := [ host [ ":" port ] "/" ] path
"""

import re
from dataclasses import dataclass, field

DEFAULT_REGISTRY = "docker.io"
DEFAULT_NAMESPACE = "library"
DEFAULT_TAG = "latest"
OLD_DEFAULT_REGISTRY = "index.docker.io"
"""The Hub's former name (`legacyDefaultDomain`); it still means the same registry."""

MAX_PATH = 255
"""Characters a repository's path may have (`RepositoryNameTotalLengthMax`)."""
MAX_TAG = 128
DIGEST_LENGTHS = {"sha256": 64, "sha384": 96, "sha512": 128}
"""Hex digits per algorithm: those that go-digest knows; the OCI image-spec registers the same family."""

_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})*|\[[0-9A-Fa-f:]+\]")
_COMPONENT = re.compile(r"[a-z0-9]+(?:(?:\.|__|_|-+)[a-z0-9]+)*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_HEX = re.compile(r"[0-9a-f]*")
_IDENTIFIER = re.compile(r"[0-9a-f]{64}")


class InvalidReference(ValueError):
    """A text that is no image reference.

    text: what was given. position: index in it (from 0) of the first character that cannot stand
    there; `len(text)` if something is missing at the end. expected: what could have stood there.
    """

    def __init__(self, text: str, position: int, expected: str) -> None:
        seen = repr(text[position]) if position < len(text) else "the end"
        super().__init__(
            f"{text!r} is no image reference: at character {position + 1} is {seen}, expected {expected}."
        )
        self.text = text
        self.position = position
        self.expected = expected


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository: the registry that keeps it (`host[:port]`) and its path there."""

    registry: str
    path: str

    def __str__(self) -> str:
        return f"{self.registry}/{self.path}"


@dataclass(frozen=True, slots=True)
class Tagged:
    """A reference by tag: what it names can change. `str()` gives the canonical form."""

    repository: Repository
    tag: str

    def __str__(self) -> str:
        return f"{self.repository}:{self.tag}"


@dataclass(frozen=True, slots=True)
class Digested:
    """A reference by digest: what it names can never change. `str()` gives the canonical form.

    tag: the tag written in front of the digest, if any. Clients look at the digest alone
    (`ParseDockerRef`), so it takes no part in comparing and is not in the canonical form.
    """

    repository: Repository
    digest: str
    tag: str = field(default="", compare=False)

    def __str__(self) -> str:
        return f"{self.repository}@{self.digest}"


Reference = Tagged | Digested


def parse(text: str) -> Reference:
    """Return the reference a text stands for, with everything filled in that a short name leaves out.

    Raises InvalidReference with the position of the first fault. Stricter than the Go code in one
    spot: there `my_host.com/app` comes out with an empty registry, which nothing can be pulled from.
    """
    if not text:
        raise InvalidReference(text, 0, "the name of a repository")
    if _IDENTIFIER.fullmatch(text):
        raise InvalidReference(text, 0, "a repository name; 64 hex digits alone are an image ID")
    registry, start = _registry(text)
    path, position = _path(text, start)
    if registry == DEFAULT_REGISTRY and "/" not in path:
        path = f"{DEFAULT_NAMESPACE}/{path}"
    if len(path) > MAX_PATH:
        raise InvalidReference(text, position, f"a path of at most {MAX_PATH} characters")
    repository = Repository(registry, path)
    tag = ""
    if text.startswith(":", position):
        tag, position = _tag(text, position + 1)
    if text.startswith("@", position):
        return Digested(repository, _digest(text, position + 1), tag)
    return Tagged(repository, tag or DEFAULT_TAG)


def _registry(text: str) -> tuple[str, int]:
    """Return the registry and where the path starts (`splitDockerDomain`).

    What stands before the first slash is a registry only if it could not be the first part of a
    path on the default one: `localhost`, or something with a dot, a colon or a capital letter.
    """
    first, slash, _ = text.partition("/")
    if not slash or not (first == "localhost" or set(first) & set(".:") or first != first.lower()):
        return DEFAULT_REGISTRY, 0
    host = _HOST.match(first)
    if host is None:
        raise InvalidReference(text, 0, "the host name or address of a registry")
    end = host.end()
    if first.startswith(":", end):
        digits = re.compile("[0-9]*").match(first, end + 1)
        stop = digits.end() if digits else end + 1
        if stop == end + 1 or stop != len(first):
            raise InvalidReference(text, stop, "a port number")
    elif end != len(first):
        raise InvalidReference(text, end, "a host name of letters, digits, dots and inner hyphens")
    return (DEFAULT_REGISTRY if first == OLD_DEFAULT_REGISTRY else first), len(first) + 1


def _path(text: str, start: int) -> tuple[str, int]:
    """Return the path that starts at `start`, and where it ends."""
    position = start
    while True:
        component = _COMPONENT.match(text, position)
        if component is None:
            raise InvalidReference(text, position, "a lower-case letter or a digit")
        position = component.end()
        if position == len(text) or text[position] in ":@":
            return text[start:position], position
        if text[position] != "/":
            raise InvalidReference(
                text,
                position,
                "lower-case letters and digits, with single . or _, __ or hyphens between them",
            )
        position += 1


def _tag(text: str, start: int) -> tuple[str, int]:
    """Return the tag that starts at `start`, and where it ends: at the text's end or at an `@`."""
    tag = _TAG.match(text, start)
    if tag is None:
        raise InvalidReference(text, start, "a tag, which starts with a letter, a digit or _")
    end = tag.end()
    if end - start > MAX_TAG:
        raise InvalidReference(text, start + MAX_TAG, f"a tag of at most {MAX_TAG} characters")
    if end != len(text) and text[end] != "@":
        raise InvalidReference(text, end, "a tag of letters, digits, . _ and -")
    return tag.group(), end


def _digest(text: str, start: int) -> str:
    """Return the digest that starts at `start` and has to reach the text's end."""
    algorithm, colon, _ = text[start:].partition(":")
    if not colon or algorithm not in DIGEST_LENGTHS:
        raise InvalidReference(
            text, start, f"a digest: one of {', '.join(DIGEST_LENGTHS)}, a colon and hex digits"
        )
    first = start + len(algorithm) + 1
    wanted = DIGEST_LENGTHS[algorithm]
    found = _HEX.match(text, first, first + wanted)
    end = found.end() if found else first
    if end != first + wanted or end != len(text):
        raise InvalidReference(text, end, f"exactly {wanted} lower-case hex digits after {algorithm}:")
    return text[start:]
