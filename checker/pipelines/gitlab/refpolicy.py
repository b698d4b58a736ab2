"""Which jobs `only` and `except` keep for a pipeline (GitLab Docs, "Deprecated keywords"; tutorials still use
them). gitlab-ci-local ignores both, so they are evaluated here.
"""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import msgspec

REGEX = re.compile(r"/(?P<pattern>.*)/(?P<flags>[imsU]*)", re.DOTALL)
SOURCES = {
    "push": "pushes",
    "merge_request_event": "merge_requests",
    "external_pull_request_event": "external_pull_requests",
    "schedule": "schedules",
    "trigger": "triggers",
    "pipeline": "pipelines",
}
"""`CI_PIPELINE_SOURCE` -> the keyword that stands for it, where it is another word."""
PLURALS = {"branch": "branches", "tag": "tags"}
DEFAULT = ("branches", "tags")
"""What `only` is for a job that says nothing about when it runs, or names no refs."""
CLASSES = {
    "alnum": "a-zA-Z0-9", "alpha": "a-zA-Z", "digit": "0-9", "lower": "a-z", "upper": "A-Z",
    "word": r"\w", "xdigit": "0-9a-fA-F", "space": r"\s",
}  # fmt: skip
"""Names of classes of characters, as in `[[:digit:]]`, which Python does not know."""
NOT_IN_RE2 = re.compile(r"\(\?(?:[=!>(]|<[=!])|\\[1-9GZ]")
"""What GitLab's regular expressions (RE2) have not: looking ahead or behind, what a group has matched."""


class Ref(msgspec.Struct, frozen=True, kw_only=True):
    """What a pipeline is for. kind: branch or tag, or merge_request with its source branch as the name.

    source: as in `CI_PIPELINE_SOURCE`. project: the path of the project, for `main@group/project`.
    """

    name: str
    kind: str = "branch"
    source: str = "push"
    project: str = ""

    @property
    def shown(self) -> str:
        """As the middle of a sentence."""
        kinds = {"merge_request": "a merge request from the branch"}
        return f"{kinds.get(self.kind, f'the {self.kind}')} {self.name}"


class RefPolicy(msgspec.Struct, frozen=True):
    """`only` or `except`. variables: expressions, of which one has to hold. changes: patterns of paths, None if
    there are none. unknown: other conditions in it, `changes` among them."""

    refs: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    changes: tuple[str, ...] | None = None


def policy(value: Any) -> RefPolicy | None:
    """Read what stands below `only` or `except`, in either of its forms; None if nothing does."""
    if value is None:
        return None
    if isinstance(value, Mapping):
        return RefPolicy(
            refs=_listed(value.get("refs")),
            variables=_listed(value.get("variables")),
            unknown=tuple(str(key) for key in value if key not in ("refs", "variables")),
            changes=_listed(value["changes"]) if "changes" in value else None,
        )
    return RefPolicy(refs=_listed(value))


def keeps(only: RefPolicy | None, but: RefPolicy | None, ref: Ref) -> bool:
    """Return whether a job with these two, and without `rules`, is in the pipeline, as far as its refs
    decide."""
    if not takes((only.refs if only else ()) or DEFAULT, ref):
        return False
    return not (but and takes(but.refs, ref))


def takes(patterns: Sequence[str], ref: Ref) -> bool:
    """Return whether one of the patterns fits: a keyword, a name, or a regular expression between slashes.

    A name fits only as a whole; an asterisk in it is an asterisk.
    """
    return any(_fits(pattern, ref) for pattern in patterns)


def never(pattern: str) -> bool:
    """Return whether a pattern looks like one but fits no ref: a name with an asterisk, as other services
    have it."""
    return not REGEX.fullmatch(pattern) and any(sign in pattern for sign in "*?[")


def unreadable(pattern: str) -> bool:
    """Return whether a pattern is a regular expression that GitLab does not understand: it refuses the file
    then."""
    found = REGEX.fullmatch(pattern.partition("@")[0])
    return found is not None and compiled(found["pattern"], found["flags"]) is None


def _fits(pattern: str, ref: Ref) -> bool:
    pattern, at, path = pattern.partition("@")
    if at and path != ref.project:
        return False
    if pattern == PLURALS.get(ref.kind):
        return True
    if pattern in (SOURCES.get(ref.source, ref.source), ref.source.removesuffix("_event")):
        return True
    if ref.kind not in PLURALS:  # GitLab compares names for branches and tags only
        return False
    if found := REGEX.fullmatch(pattern):
        expression = compiled(found["pattern"], found["flags"])
        return expression is not None and expression.search(ref.name) is not None
    return pattern == ref.name


@cache
def compiled(pattern: str, flags: str) -> re.Pattern[str] | None:
    """Return a regular expression, found anywhere in a name unless it is anchored; None for one that is
    none."""
    escaped = re.sub(r"\\[^1-9GZ]", "", pattern)
    if NOT_IN_RE2.search(re.sub(r"\[[^\]]*\]", "", escaped)):
        return None
    pattern = re.sub(r"\[:(\w+):\]", lambda name: CLASSES.get(name[1], name[0]), pattern)
    try:
        # Names of refs are single lines, for which the other flags mean nothing.
        return re.compile(pattern.replace(r"\z", r"\Z"), re.ASCII | (re.IGNORECASE if "i" in flags else 0))
    except re.error:
        return None


def _listed(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    return tuple(str(entry) for entry in value) if isinstance(value, list | tuple) else (str(value),)
