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
"""What `only` is for a job that says nothing about when it runs."""


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


class Policy(msgspec.Struct, frozen=True):
    """`only` or `except`. variables: expressions, of which one has to hold. unknown: other conditions in it."""

    refs: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()


def policy(value: Any) -> Policy | None:
    """Read what stands below `only` or `except`, in either of its forms; None if nothing does."""
    if value is None:
        return None
    if isinstance(value, Mapping):
        return Policy(
            refs=_listed(value.get("refs")),
            variables=_listed(value.get("variables")),
            unknown=tuple(str(key) for key in value if key not in ("refs", "variables")),
        )
    return Policy(refs=_listed(value))


def keeps(only: Policy | None, but: Policy | None, ref: Ref) -> bool:
    """Whether a job with these two, and without `rules`, is in the pipeline, as far as its refs decide."""
    wanted = only.refs if only else DEFAULT
    if wanted and not takes(wanted, ref):
        return False
    return not (but and takes(but.refs, ref))


def takes(patterns: Sequence[str], ref: Ref) -> bool:
    """Whether one of the patterns fits: a keyword, a name, or a regular expression between slashes.

    A name fits only as a whole; an asterisk in it is an asterisk.
    """
    return any(_fits(pattern, ref) for pattern in patterns)


def never(pattern: str) -> bool:
    """Whether a pattern looks like one but fits no ref: a name with an asterisk, as other services have it."""
    return not REGEX.fullmatch(pattern) and any(sign in pattern for sign in "*?[")


def _fits(pattern: str, ref: Ref) -> bool:
    name, at, path = pattern.partition("@")
    if not REGEX.fullmatch(pattern) and at:
        if path != ref.project:
            return False
        pattern = name
    if pattern == PLURALS.get(ref.kind):
        return True
    if pattern in (SOURCES.get(ref.source, ref.source), ref.source.removesuffix("_event")):
        return True
    if ref.kind not in PLURALS:  # GitLab compares names for branches and tags only
        return False
    if found := REGEX.fullmatch(pattern):
        expression = _compiled(found["pattern"], found["flags"])
        return expression is not None and expression.search(ref.name) is not None
    return pattern == ref.name


@cache
def _compiled(pattern: str, flags: str) -> re.Pattern[str] | None:
    """A regular expression, found anywhere in a name unless it is anchored; None for one that is none."""
    bits = {"i": re.IGNORECASE, "m": re.DOTALL, "s": re.DOTALL}
    chosen = 0
    for flag in flags:
        chosen |= bits.get(flag, 0)
    try:
        return re.compile(pattern.replace(r"\/", "/").replace(r"\A", "^").replace(r"\z", r"\Z"), chosen)
    except re.error:
        return None


def _listed(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    return tuple(str(entry) for entry in value) if isinstance(value, list | tuple) else (str(value),)
