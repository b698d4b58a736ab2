"""docker/metadata-action: tags and labels out of the event, by the rules that its documentation states."""

import csv
import json
import os
import re
from datetime import UTC, datetime

from .common import ActionTask, Failed, ask, say

PRIORITIES = {
    "schedule": 1000,
    "semver": 900,
    "pep440": 900,
    "match": 800,
    "edge": 700,
    "ref": 600,
    "raw": 200,
    "sha": 100,
}
DEFAULTS = ("type=schedule", "type=ref,event=branch", "type=ref,event=tag", "type=ref,event=pr")
SEMVER = re.compile(r"v?(\d+)\.(\d+)\.(\d+)(?:-([0-9A-Za-z.-]+))?(?:\+([0-9A-Za-z.-]+))?")
PEP440 = re.compile(r"v?(\d+)(?:\.(\d+))?(?:\.(\d+))?(\.?(?:a|b|rc|dev|post)\d+)?")
EXPRESSION = re.compile(r"\{\{\s*(\w+)(?:\s+'([^']*)')?\s*\}\}")
MOMENT = {"YYYY": "%Y", "YY": "%y", "MM": "%m", "DD": "%d", "HH": "%H", "mm": "%M", "ss": "%S"}
FULL, SHORT = "{{version}}", 7


class Flavor:
    """latest: auto, true or false; what goes before and behind every tag."""

    def __init__(self, task: ActionTask) -> None:
        self.latest, self.prefix, self.suffix = "auto", "", ""
        self.on_latest = {"prefix": False, "suffix": False}
        last = ""
        for field in (field for line in task.text("flavor").splitlines() for field in _fields(line)):
            key, _, value = field.partition("=")
            if key == "onlatest":
                self.on_latest[last] = value == "true"
            elif key in ("latest", "prefix", "suffix"):
                setattr(self, key, value)
                last = key
            else:
                raise Failed(f"Unknown flavor entry: {field}")
        if self.latest not in ("auto", "true", "false"):
            raise Failed(f"Invalid latest flavor entry: {self.latest}")


class TagRule:
    """One line of `tags`."""

    def __init__(self, line: str) -> None:
        self.type, self.attributes = "raw", {}
        for field in _fields(line):
            key, equals, value = field.partition("=")
            if not equals:
                self.attributes["value"] = key
            elif key == "type":
                self.type = value
            else:
                self.attributes[key.lower()] = value
        if self.type not in PRIORITIES:
            raise Failed(f"Unknown tag type attribute: {self.type}")
        if self.type in ("semver", "pep440") and "pattern" not in self.attributes:
            raise Failed(f"Missing pattern attribute for type={self.type}: {line}")
        if self.type == "match" and "pattern" not in self.attributes:
            raise Failed(f"Missing pattern attribute: {line}")
        if self.type == "ref" and self.attributes.get("event") not in ("branch", "tag", "pr"):
            raise Failed(f"Missing or unknown event attribute: {line}")
        default = PRIORITIES[self.type]
        self.priority = int(self.attributes.get("priority", default))


def run(task: ActionTask) -> None:
    images = [_image(line) for line in task.lines("images", commas=False)]
    flavor = Flavor(task)
    lines = task.lines("tags", commas=False) or list(DEFAULTS)
    names, latest = tags_of(task, [TagRule(line) for line in lines], flavor)
    if not names:
        say("::warning::No Docker image version has been generated. Check tags input.")
    everything = [*names, *([_latest(flavor)] if latest else [])]
    full = [f"{image.lower()}:{name}" for image in filter(None, images) for name in everything]
    version = names[0] if names else ""
    labels = _labels(task, version)
    task.output("version", version)
    task.output("tags", _joined(task, "sep-tags", full if images else everything))
    task.output("tag-names", _joined(task, "sep-tags", everything))
    task.output("labels", _joined(task, "sep-labels", labels))
    task.output("annotations", _joined(task, "sep-annotations", [f"manifest:{entry}" for entry in labels]))
    about = dict(entry.partition("=")[::2] for entry in labels)
    task.output("json", json.dumps({"tags": full, "labels": about, "tag-names": everything}))
    say("Docker tags:\n" + "\n".join(full or everything))


def tags_of(task: ActionTask, rules: list[TagRule], flavor: Flavor) -> tuple[list[str], bool]:
    """Return the tags in their order, the version first, and whether `latest` goes with them."""
    found: list[str] = []
    latest: bool | None = None
    for rule in sorted(rules, key=lambda rule: -rule.priority):
        if _filled(task, rule.attributes.get("enable", "true")) != "true":
            continue
        value, is_latest = _value(task, rule)
        if not value:
            continue
        prefix = _filled(task, rule.attributes.get("prefix", "sha-" if rule.type == "sha" else flavor.prefix))
        if rule.type == "ref" and rule.attributes["event"] == "pr" and "prefix" not in rule.attributes:
            prefix = "pr-"
        suffix = _filled(task, rule.attributes.get("suffix", flavor.suffix))
        name = re.sub(r"[^a-zA-Z0-9._-]+", "-", f"{prefix}{value}{suffix}")
        if name not in found:
            found.append(name)
        if latest is None:  # the tag of the highest priority decides
            latest = is_latest if flavor.latest == "auto" else flavor.latest == "true"
    return found, bool(latest)


def _value(task: ActionTask, rule: TagRule) -> tuple[str, bool]:
    """Return what a rule gives for this event, empty if it does not apply; whether `latest` may go with
    it."""
    ref, own = task.ref, rule.attributes
    tag = ref.removeprefix("refs/tags/") if ref.startswith("refs/tags/") else ""
    branch = ref.removeprefix("refs/heads/") if ref.startswith("refs/heads/") else ""
    given = _filled(task, own.get("value", "")) or tag.replace("/", "-")
    match rule.type:
        case "ref" if own["event"] == "tag":
            return tag.replace("/", "-"), True
        case "ref" if own["event"] == "branch":
            return branch.replace("/", "-"), False
        case "ref":
            number = re.fullmatch(r"refs/pull/(\d+)/(?:merge|head)", ref)
            return (number[1], False) if number else ("", False)
        case "semver" | "pep440":
            return _version(rule, given)
        case "match":
            return _matched(rule, given)
        case "edge":
            wanted = own.get("branch") or default_branch(task)
            return ("edge" if branch and branch == wanted else "", False)
        case "raw":
            return _filled(task, own.get("value", "")), False
        case "sha":
            return (task.sha if own.get("format") == "long" else task.sha[:SHORT]), False
        case _:  # schedule
            by_clock = os.environ.get("GITHUB_EVENT_NAME") == "schedule"
            return (_filled(task, own.get("pattern", "nightly")) if by_clock else "", False)


def _version(rule: TagRule, given: str) -> tuple[str, bool]:
    found = (SEMVER if rule.type == "semver" else PEP440).fullmatch(given)
    if not found:
        if given:
            say(f"::warning::{given} is not a valid {rule.type}.")
        return "", False
    major, minor, patch, pre = (found[number] or "" for number in range(1, 5))
    parts = (
        [major, minor, patch] if rule.type == "semver" else [part for part in (major, minor, patch) if part]
    )
    version = ".".join(parts) + (f"-{pre}" if pre and rule.type == "semver" else pre)
    known = {
        "raw": given,
        "version": version,
        "major": major,
        "minor": minor,
        "patch": patch,
        "prerelease": pre,
    }
    pattern = rule.attributes["pattern"]
    if pre and pattern.strip() != "{{raw}}":
        pattern = FULL  # a release before the release never takes the short names
    return EXPRESSION.sub(lambda name: known.get(name[1], ""), pattern), not pre


def _matched(rule: TagRule, given: str) -> tuple[str, bool]:
    pattern = rule.attributes["pattern"].strip("/")
    try:
        found = re.search(pattern, given) if given else None
        if not found:
            return "", False
        return str(found[int(rule.attributes.get("group", "0"))]), True
    except (re.error, IndexError, ValueError) as error:
        raise Failed(f"The pattern {pattern} cannot be used: {error}.") from None


def default_branch(task: ActionTask) -> str:
    repository = task.event.get("repository")
    return str(repository.get("default_branch", "main")) if isinstance(repository, dict) else "main"


def _filled(task: ActionTask, text: str) -> str:
    """Return a text with the action's global expressions filled in."""
    ref = task.ref

    def value(found: re.Match[str]) -> str:
        now = datetime.now(UTC)
        if found[1] == "commit_date":
            now = datetime.fromisoformat(
                ask("git", "-C", task.config["source"], "show", "-s", "--format=%cI")
            )
        match found[1]:
            case "branch":
                return ref.removeprefix("refs/heads/") if ref.startswith("refs/heads/") else ""
            case "tag":
                return ref.removeprefix("refs/tags/") if ref.startswith("refs/tags/") else ""
            case "sha":
                return task.sha[:SHORT]
            case "base_ref":
                return os.environ.get("GITHUB_BASE_REF", "")
            case "is_default_branch":
                return str(ref == f"refs/heads/{default_branch(task)}").lower()
            case "date" | "commit_date":
                return re.sub("|".join(MOMENT), lambda part: now.strftime(MOMENT[part[0]]), found[2] or "")
            case other:
                raise Failed(f"Unknown expression {other} in {text}.")

    return EXPRESSION.sub(value, text)


def _latest(flavor: Flavor) -> str:
    before = flavor.prefix if flavor.on_latest["prefix"] else ""
    return before + "latest" + (flavor.suffix if flavor.on_latest["suffix"] else "")


def _labels(task: ActionTask, version: str) -> list[str]:
    repository = task.config["repository"]
    url = f"https://github.com/{repository}"
    created = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    found = {
        "org.opencontainers.image.title": repository.rpartition("/")[2],
        "org.opencontainers.image.description": "",
        "org.opencontainers.image.url": url,
        "org.opencontainers.image.source": url,
        "org.opencontainers.image.version": version,
        "org.opencontainers.image.created": created,
        "org.opencontainers.image.revision": task.sha,
        "org.opencontainers.image.licenses": "",
    }
    for line in task.lines("labels", commas=False):
        key, _, value = line.partition("=")
        found[key] = _filled(task, value)
    return [f"{key}={value}" for key, value in sorted(found.items())]


def _image(line: str) -> str:
    """Return the name of an image; empty if its line switches it off."""
    about = dict(field.partition("=")[::2] if "=" in field else ("name", field) for field in _fields(line))
    return "" if about.get("enable", "true") == "false" else about.get("name", "")


def _joined(task: ActionTask, separator: str, entries: list[str]) -> str:
    # Untouched: the default is a line feed, which `text` would take off.
    return (task.inputs.get(separator) or "\n").join(entries)


def _fields(line: str) -> list[str]:
    return [field.strip() for row in csv.reader([line.strip()], skipinitialspace=True) for field in row]
