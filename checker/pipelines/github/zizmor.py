"""What zizmor, a static analyser of GitHub workflows, finds in one: text of strangers in scripts, and the passwords of
job containers.

It knows the grammar of expressions, which actions run a text as a script, and what of an event's data is a text. What
counts is less than it finds: text that anybody can write who may open an issue or a pull request, as GitHub's "Secure
use reference" lists it. Names of branches that are pushed, of people and of repositories are not among that.
"""

import importlib.metadata
import json
import re
import shutil
import subprocess
import sysconfig
from functools import cache, lru_cache
from pathlib import Path

import msgspec

from checker.base.errors import EnvironmentFault

SECONDS = 60.0
INJECTION, CONTAINER = "template-injection", "hardcoded-container-credentials"
_TEXTS = r"title|body|message|label|name|email|ref|default_branch|description"
UNTRUSTED = re.compile(
    rf"github\.(?:head_ref|event\.(?:"
    rf"(?:issue|discussion|comment|review|review_comment)\.(?:{_TEXTS})|"
    rf"pull_request\.(?:title|body|head\.(?:ref|label|repo\.(?:default_branch|description|homepage)))|"
    rf"workflow_run\.(?:head_branch|display_title|head_commit\.(?:{_TEXTS}|(?:author|committer)\.(?:name|email))|"
    rf"head_repository\.description)|"
    rf"head_commit\.(?:message|(?:author|committer)\.(?:name|email))|"
    rf"commits\.(?:\d+|\*)\.(?:message|(?:author|committer)\.(?:name|email))|"
    rf"pages\.(?:\d+|\*)\.(?:page_name|title)))"
)
"""Contexts that strangers fill with what they like."""
WHOLES = re.compile(
    r"github(?:\.event(?:\.(?:issue|discussion|comment|review|review_comment|head_commit|commits(?:\.(?:\d+|\*))?|"
    r"pages(?:\.(?:\d+|\*))?|pull_request(?:\.head(?:\.repo)?)?|workflow_run(?:\.head_commit)?))?)?"
)
"""Objects with such a text somewhere inside."""


class ZizmorFinding(msgspec.Struct, frozen=True):
    """One context that is put into a script, or one password of a container. what: the context, as `plain` writes it;
    shown: as it stands in the file. line: from 1. certain: whether zizmor says that others than the owners fill it."""

    kind: str
    what: str
    shown: str
    line: int
    certain: bool


def untrusted(context: str) -> bool:
    """Return whether a context, as `plain` writes it, holds text of strangers.

    Example: `untrusted("github.event.pull_request.title")` is True, `untrusted("github.sha")` is False.
    """
    return bool(UNTRUSTED.fullmatch(context) or WHOLES.fullmatch(context))


def plain(context: str) -> str:
    """Return a context with dots and small letters only, as `GitHub['head_ref']` is `github.head_ref`."""
    found = re.sub(r"\[\s*'([^']*)'\s*\]", r".\1", context)
    found = re.sub(r"\[\s*(\d+|\*)\s*\]", r".\1", found)
    return re.sub(r"\s+", "", found).lower()


@lru_cache(64)
def audit(text: str) -> tuple[ZizmorFinding, ...] | None:
    """Return what zizmor finds in a workflow; None for one that it cannot read. Raises EnvironmentFault
    without zizmor."""
    command = [str(program()), "--offline", "--no-progress", "--no-config", "--no-ignores", "--no-exit-codes"]
    try:
        done = subprocess.run(
            [*command, "--quiet", "--format", "json", "-"],
            input=text.removeprefix("\ufeff").encode("utf-8", "replace"),
            capture_output=True,
            timeout=SECONDS,
            check=False,
            env={"PATH": "/usr/bin:/bin"},
        )
        found = json.loads(done.stdout or b"null")
    except (OSError, subprocess.TimeoutExpired, ValueError) as error:
        raise EnvironmentFault(
            f"zizmor, which reads workflows, did not work ({type(error).__name__}).", "Try again."
        ) from error
    if found is None:
        return None
    entries = (_entry(each) for each in found if each.get("ident") in (INJECTION, CONTAINER))
    return tuple(sorted({each for each in entries if each}, key=lambda each: (each.line, each.what)))


def _entry(finding: dict[str, object]) -> ZizmorFinding | None:
    locations = finding["locations"]
    assert isinstance(locations, list)
    primary = next((each for each in locations if each["symbolic"]["kind"] == "Primary"), None)
    if primary is None:
        return None
    place = primary["concrete"]["location"]["start_point"]["row"] + 1
    rated = finding["determinations"]
    assert isinstance(rated, dict)
    return ZizmorFinding(
        kind=str(finding["ident"]),
        what=plain(_fragment(primary["symbolic"]["feature_kind"])),
        shown=_fragment(primary["symbolic"]["feature_kind"]),
        line=int(place),
        certain=rated["severity"] == "High",
    )


def _fragment(feature: object) -> str:
    """Return the text of the file that a finding is about; empty if it is about a whole key."""
    if not isinstance(feature, dict) or "Subfeature" not in feature:
        return ""
    fragment = feature["Subfeature"]["fragment"]
    if "Raw" in fragment:
        return str(fragment["Raw"])
    return re.sub(r"\\(.)", r"\1", str(fragment.get("Regex", "")).replace(r"\s+", " "))


@cache
def program() -> Path:
    """Return the program of the package zizmor, wherever that is installed. Raises EnvironmentFault."""
    name = "zizmor.exe" if sysconfig.get_platform().startswith("win") else "zizmor"
    candidates = [Path(sysconfig.get_path("scripts")) / name]
    try:
        files = importlib.metadata.files("zizmor") or ()
        candidates += [Path(str(file.locate())) for file in files if file.name == name]
    except importlib.metadata.PackageNotFoundError:
        pass
    candidates += [Path(found)] if (found := shutil.which("zizmor")) else []
    for candidate in candidates:
        if candidate.is_file():
            return candidate.resolve()
    raise EnvironmentFault(
        "zizmor, which reads workflows, is not there.",
        "Install registry-lab again: it is one of its packages.",
    )
