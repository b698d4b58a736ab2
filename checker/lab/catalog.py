"""Reading `labs/`: every lab is a folder, and nothing else in the package knows one by name."""

import os
import re
import tomllib
from pathlib import Path
from typing import Any

import msgspec

from checker.base import texts
from checker.base.errors import BrokenLab, UsageError
from checker.base.model import Alternative, Change, Lab, Mistake, Service, Step, Value

FOLDER = re.compile(r"\d\d-[a-z0-9]+(-[a-z0-9]+)*")
NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
CONFIG = "lab.toml"
CHECKS = "checks.py"
FIXTURES = "fixtures.py"
"""Fixtures of a lab's own, where it has any."""


class LabFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What may stand in a lab.toml; the meaning of each key is that of `checker.base.model.Lab`."""

    title: str
    version: str
    summary: str
    steps: tuple[Step, ...]
    minutes: int = 30
    services: tuple[Service, ...] = ()
    values: dict[str, Value] = {}
    images: tuple[str, ...] = ()
    owned: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    files: dict[str, str] = {}
    fixtures: tuple[str, ...] = ()


class MistakeFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What stands in a mistake.toml: the step it fails, the finding it must cause, why people do it."""

    step: str
    finding: str
    why: str
    changes: tuple[Change, ...] = ()


class AlternativeFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What stands in an alternative.toml: the step it answers in another way, and who does it so."""

    step: str
    why: str
    changes: tuple[Change, ...] = ()


def default_root() -> Path:
    """Return the folder holding `labs/` and `notebooks/`: `$REGISTRY_LAB_ROOT`, else what came with the
    installed package, else this checkout."""
    if named := os.environ.get("REGISTRY_LAB_ROOT"):
        return Path(named).resolve()
    package = Path(__file__).resolve().parents[1]
    installed = package / "content"
    return installed if (installed / "labs").is_dir() else package.parent


class Catalog:
    """The labs of one root folder, read when asked for."""

    def __init__(self, root: Path | None = None) -> None:
        self.root = root or default_root()

    def names(self) -> list[str]:
        """Return the folder names of all labs, in order. Raises UsageError when there is no labs folder."""
        folder = self.root / "labs"
        if not folder.is_dir():
            raise UsageError(
                f"There is no labs folder in {self.root}.", "Point REGISTRY_LAB_ROOT at a checkout."
            )
        return sorted(path.name for path in folder.iterdir() if FOLDER.fullmatch(path.name) and path.is_dir())

    def labs(self) -> list[Lab]:
        return [self._load(name) for name in self.names()]

    def lab(self, wanted: str) -> Lab:
        """Return the lab called `01`, `names-and-tags` or `01-names-and-tags`. Raises UsageError,
        BrokenLab."""
        names = self.names()
        for name in names:
            number, _, topic = name.partition("-")
            if wanted in (name, number, topic) or (wanted.isdigit() and int(wanted) == int(number)):
                return self._load(name)
        raise UsageError(
            f"There is no lab {wanted!r}.", f"There are: {', '.join(names) or 'none'}. See `lab list`."
        )

    def mistakes(self, lab: Lab) -> list[Mistake]:
        """Return the mistakes a lab ships, by name. Raises BrokenLab."""
        return [
            Mistake(
                name=path.name,
                folder=path,
                step=entry.step,
                finding=entry.finding,
                why=entry.why,
                changes=entry.changes,
            )
            for path in _folders(lab.folder / "mistakes")
            for entry in [_convert(path / "mistake.toml", MistakeFile)]
        ]

    def alternatives(self, lab: Lab) -> list[Alternative]:
        """Return the other right answers a lab ships, by name. Raises BrokenLab."""
        return [
            Alternative(name=path.name, folder=path, step=entry.step, why=entry.why, changes=entry.changes)
            for path in _folders(lab.folder / "alternatives")
            for entry in [_convert(path / "alternative.toml", AlternativeFile)]
        ]

    def _load(self, name: str) -> Lab:
        folder = self.root / "labs" / name
        entry = _convert(folder / CONFIG, LabFile)
        services = tuple(_own_kind(folder, service) for service in entry.services)
        entry = msgspec.structs.replace(entry, services=services)
        lab = Lab(
            name=name,
            folder=folder,
            notebook=self.root / "notebooks" / f"{name}.ipynb",
            **msgspec.structs.asdict(entry),
        )
        if problem := _problem(lab):
            raise BrokenLab(f"{folder / CONFIG}: {problem}", "This is for the lab's author to mend.")
        return lab


def _own_kind(folder: Path, service: Service) -> Service:
    """Return the service with the whole path of its kind's module, where that is a file of the lab."""
    if not service.kind.endswith(".py"):
        return service
    return msgspec.structs.replace(service, kind=str(folder / service.kind))


def _folders(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def shipped_files(folder: Path) -> list[Path]:
    """Return the files below a part of a lab, but for what Python adds when a package is installed."""
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.parent.name != "__pycache__")


def find_step(lab: Lab, name: str) -> Step:
    """Return a step of the lab by its name or its number from 1. Raises UsageError naming those there are."""
    found = lab.step(name)
    if found is None and name.isdigit() and 1 <= int(name) <= len(lab.steps):
        found = lab.steps[int(name) - 1]
    if found is None:
        names = ", ".join(step.name for step in lab.steps)
        raise UsageError(f"Lab {lab.name} has no step {name!r}.", f"Its steps are: {names}.")
    return found


def _convert(path: Path, shape: type[Any]) -> Any:
    try:
        text = path.read_text(encoding="utf-8-sig")
        return msgspec.convert(tomllib.loads(text), shape)
    except FileNotFoundError:
        raise BrokenLab(f"{path} is missing.", "This is for the lab's author to mend.") from None
    except tomllib.TOMLDecodeError as error:
        problem = texts.toml_problem(text, error)
        raise BrokenLab(f"{path}: {problem}", "This is for the lab's author to mend.") from error
    except (OSError, RecursionError, ValueError, msgspec.ValidationError) as error:
        raise BrokenLab(f"{path}: {error}", "This is for the lab's author to mend.") from error


def _problem(lab: Lab) -> str:
    """Return the first thing in a well-formed lab.toml that contradicts itself; empty if nothing does."""
    if not lab.steps:
        return "it has no steps"
    services = {service.name for service in lab.services}
    seen: set[str] = set()
    for step in lab.steps:
        if not NAME.fullmatch(step.name):
            return f"the step name {step.name!r} is not lower case words with hyphens"
        if step.name in seen:
            return f"the step {step.name!r} stands twice"
        if unknown := set(step.needs) - seen:
            return f"the step {step.name!r} needs {sorted(unknown)[0]!r}, which does not come before it"
        if step.points <= 0 or step.time_limit <= 0:
            return f"the step {step.name!r} must have points and a time limit above 0"
        if not _inside(step.answer_path):
            return f"the answer of step {step.name!r} lies outside the workspace"
        seen.add(step.name)
    for name, value in lab.values.items():
        if value.kind in ("address", "container") and value.service not in services:
            return (
                f"the value {name} is the {value.kind} of {value.service!r}, which is no service of the lab"
            )
    for service in lab.services:
        if service.kind.endswith(".py") and not Path(service.kind).is_file():
            return f"the kind of the service {service.name!r} is in {service.kind}, which is missing"
    for path in lab.files:
        if not _inside(path):
            return f"the given file {path!r} lies outside the workspace"
    return ""


def _inside(path: str) -> bool:
    parts = Path(path).parts
    return bool(parts) and not Path(path).is_absolute() and ".." not in parts and parts[0] != ".lab"
