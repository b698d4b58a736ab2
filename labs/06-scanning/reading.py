"""What Trivy's reports say, whoever brings them: as plain facts that can be compared.

Reports of learners are data of strangers: nothing in them is believed, and no shape is taken for granted.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from checker.lab.workspace import Workspace

SEVERITIES = ("UNKNOWN", "LOW", "MEDIUM", "HIGH", "CRITICAL")
URGENT = frozenset(("HIGH", "CRITICAL"))
_SARIF_LINE = re.compile(r"^([A-Z][A-Za-z ]+): (.*)$", re.MULTILINE)
_VULNERABILITY = re.compile(r"^Vulnerability (\S+)$", re.MULTILINE)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


class Malformed(Exception):
    """What is there is no such report; the message says how, as a whole sentence."""


class Found(msgspec.Struct, frozen=True, order=True):
    """One vulnerability in one package. fixed: versions that are without it; empty where there is none."""

    id: str
    package: str
    installed: str
    severity: str
    fixed: str = ""

    @property
    def key(self) -> tuple[str, str, str]:
        return self.id, self.package, self.installed

    def __str__(self) -> str:
        return f"{self.id} in {self.package} {self.installed}"


class Marked(msgspec.Struct, frozen=True, order=True):
    """A secret or a misconfiguration: the rule, and the file it is in."""

    rule: str
    target: str
    severity: str = ""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What a report says. kind: as `container_image` or `cyclonedx`. image_id: empty if it names no image.

    digests: of manifests in registries. layers: diff ids. packages: name and version of each that it lists.
    python: names of those with findings that are Python's.
    """

    name: str
    kind: str
    image_id: str = ""
    digests: frozenset[str] = frozenset()
    layers: tuple[str, ...] = ()
    found: frozenset[Found] = frozenset()
    secrets: frozenset[Marked] = frozenset()
    faults: frozenset[Marked] = frozenset()
    packages: frozenset[tuple[str, str]] = frozenset()
    python: frozenset[str] = frozenset()

    def of(self, severities: frozenset[str] | None) -> frozenset[Found]:
        """Return what was found, of these severities only (all if None)."""
        return frozenset(one for one in self.found if severities is None or one.severity in severities)


def text_of(workspace: Workspace, path: str) -> str | None:
    """Return a report's text; None if there is none. Raises Malformed for one that is cut or empty."""
    text = workspace.read(path)
    if text is not None and not text.strip():
        raise Malformed("It is empty.")
    return text


def trivy_json(text: str) -> Report:
    """Trivy's own JSON (schema version 2). Raises Malformed."""
    data = _object(text)
    if data.get("SchemaVersion") != 2 or not isinstance(data.get("ArtifactType"), str):
        raise Malformed(
            "It has not the form of a report of Trivy: SchemaVersion and ArtifactType are missing."
        )
    metadata = _mapping(data.get("Metadata"))
    results = [_mapping(entry) for entry in _list(data.get("Results"))]
    return Report(
        name=str(data.get("ArtifactName", "")),
        kind=str(data["ArtifactType"]),
        image_id=str(metadata.get("ImageID") or ""),
        digests=frozenset(str(name).rpartition("@")[2] for name in _list(metadata.get("RepoDigests"))),
        layers=tuple(str(layer) for layer in _list(metadata.get("DiffIDs"))),
        found=frozenset(
            Found(
                _text(one, "VulnerabilityID"),
                _text(one, "PkgName"),
                _text(one, "InstalledVersion"),
                _text(one, "Severity"),
                _text(one, "FixedVersion"),
            )
            for one in _each(results, "Vulnerabilities")
        ),
        secrets=frozenset(
            Marked(_text(one, "RuleID"), target, _text(one, "Severity"))
            for target, one in _targets(results, "Secrets")
        ),
        faults=frozenset(
            Marked(_text(one, "ID"), target, _text(one, "Severity"))
            for target, one in _targets(results, "Misconfigurations")
            if one.get("Status") == "FAIL"
        ),
        packages=frozenset((_text(one, "Name"), _version(one)) for one in _each(results, "Packages")),
        python=frozenset(
            _text(one, "PkgName")
            for one in _each(
                [part for part in results if part.get("Type") == "python-pkg"], "Vulnerabilities"
            )
        ),
    )


def sarif(text: str) -> Report:
    """SARIF 2.1.0 as Trivy writes it, from all its runs. Raises Malformed."""
    data = _object(text)
    runs = [_mapping(run) for run in _list(data.get("runs"))]
    if data.get("version") != "2.1.0" or not runs:
        raise Malformed("It has not the form of SARIF 2.1.0: its version and its runs are missing.")
    properties = [_mapping(run.get("properties")) for run in runs]
    ids = {str(entry["imageID"]) for entry in properties if entry.get("imageID")}
    found, secrets = set(), set()
    for run in runs:
        for result in map(_mapping, _list(run.get("results"))):
            said = str(_mapping(result.get("message")).get("text", ""))
            lines = dict(_SARIF_LINE.findall(said))
            rule = str(result.get("ruleId", ""))
            if "Installed Version" in lines:
                named = _VULNERABILITY.search(said)
                if named is None or named[1] != rule:
                    raise Malformed(f"A result of the rule {rule} is not about {rule}.")
                found.add(
                    Found(
                        rule,
                        lines.get("Package", ""),
                        lines["Installed Version"],
                        lines.get("Severity", ""),
                        lines.get("Fixed Version", ""),
                    )
                )
            else:
                secrets.add(Marked(rule, lines.get("Artifact", ""), lines.get("Severity", "")))
    return Report(
        name=next((str(entry["imageName"]) for entry in properties if entry.get("imageName")), ""),
        kind="sarif",
        image_id=ids.pop() if len(ids) == 1 else "",
        digests=frozenset(
            str(name).rpartition("@")[2] for entry in properties for name in _list(entry.get("repoDigests"))
        ),
        found=frozenset(found),
        secrets=frozenset(secrets),
    )


def materials(text: str) -> Report:
    """Return a bill of materials, CycloneDX or SPDX in JSON: what it is of, and what it lists. Raises
    Malformed.

    layers: every digest that it mentions for the image as a whole.
    """
    data = _object(text)
    if data.get("bomFormat") == "CycloneDX":
        about = _mapping(_mapping(data.get("metadata")).get("component"))
        listed = [
            ("/".join(filter(None, (_text(one, "group"), _text(one, "name")))), _text(one, "version"))
            for one in map(_mapping, _list(data.get("components")))
        ]
        kind = "cyclonedx"
    elif str(data.get("spdxVersion", "")).startswith("SPDX-"):
        entries = [_mapping(one) for one in _list(data.get("packages"))]
        images = [one for one in entries if one.get("primaryPackagePurpose") == "CONTAINER"]
        about = {"image": images, "name": data.get("name", "")}
        listed = [(_text(one, "name"), _text(one, "versionInfo")) for one in entries]
        kind = "spdx"
    else:
        raise Malformed("It is neither CycloneDX nor SPDX in JSON.")
    return Report(
        name=str(about.get("name", "")),
        kind=kind,
        digests=frozenset(_DIGEST.findall(json.dumps(about))),
        packages=frozenset(listed),
    )


def _version(package: Mapping[str, Any]) -> str:
    """Return a package's version as its own kind of package writes it."""
    epoch, release = package.get("Epoch") or 0, _text(package, "Release")
    version = _text(package, "Version") + (f"-{release}" if release else "")
    return f"{epoch}:{version}" if epoch else version


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise Malformed(f"It is no JSON. It begins with {text.strip()[:60]!r}.") from None
    return _mapping(value)


def _mapping(value: object) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Malformed("Where a report has an object, it has something else.")
    return value


def _list(value: object) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise Malformed("Where a report has a list, it has something else.")
    return value


def _text(entry: Mapping[str, Any], name: str) -> str:
    return str(entry.get(name) or "")


def _each(results: list[dict[str, Any]], name: str) -> Iterator[dict[str, Any]]:
    for _, one in _targets(results, name):
        yield one


def _targets(results: list[dict[str, Any]], name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for result in results:
        for one in _list(result.get(name)):
            yield str(result.get("Target", "")), _mapping(one)
