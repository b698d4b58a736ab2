"""A lab as plain data: its services, values, steps and mistakes. What a check run makes of it is in `results`.

Data flows one way: catalog -> stack -> answers -> checks -> report -> rendering. No I/O here.
"""

from pathlib import Path
from typing import Any, Literal

import msgspec


class Service(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A service a lab asks for: its name in the lab and its kind among the stack modules.

    options: what the kind lets a lab choose; texts in it may name values as `{NAME}`. real: the variables
    of a learner's environment that, all set, have the practice use the real service instead.
    """

    name: str
    kind: str
    options: dict[str, Any] = {}
    real: tuple[str, ...] = ()


class Value(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How one per-run value is made; see `checker.lab.values` for what each kind gives.

    secret: it must not stand in the engine's labels, environments or process list. real: what it is where
    a service of the lab is the real one, with variables of the learner's environment as `{NAME}`.
    """

    kind: Literal[
        "word", "token", "semver", "next-patch", "date", "number", "text", "address", "container", "port"
    ]
    text: str = ""
    of: str = ""
    service: str = ""
    port: str = ""
    secret: bool = False
    real: str = ""
    min: int = 1
    max: int = 999


class Step(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One task of a lab.

    answer: path inside the workspace; `*.sh` is run with bash, anything else is a plain file.
    needs: steps that have to be done first. time_limit: seconds for one run of the answer. files_only: whether its
    checks look at nothing but the workspace's files and what they start themselves, so that a verdict holds for
    as long as no file changes.
    """

    name: str
    title: str
    points: int
    answer: str = ""
    needs: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()
    time_limit: float = 60.0
    files_only: bool = False

    @property
    def answer_path(self) -> str:
        """The answer's path inside the workspace; `steps/<name>.sh` unless the lab names one."""
        return self.answer or f"steps/{self.name}.sh"

    @property
    def is_script(self) -> bool:
        """Whether the answer is run, rather than only looked at."""
        return self.answer_path.endswith(".sh")


class Lab(msgspec.Struct, frozen=True, kw_only=True):
    """One lab as its folder describes it.

    images: names in the table of `checker.engine.images` that answers build from. owned: patterns
    (fnmatch, values filled in as `{NAME}`) of the engine's image names that one run makes.
    resources: such patterns of the names of containers, networks and volumes that answers make.
    tools: programs of the host that answers use, by their names in `checker.programs.tools`.
    files: workspace path -> text with `{NAME}` filled in, written whenever a run starts.
    fixtures: modules of pytest fixtures that the checks use, beside those that every check has.
    """

    name: str
    folder: Path
    notebook: Path
    title: str
    version: str
    summary: str
    minutes: int
    services: tuple[Service, ...]
    values: dict[str, Value]
    steps: tuple[Step, ...]
    images: tuple[str, ...] = ()
    owned: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    files: dict[str, str] = {}
    fixtures: tuple[str, ...] = ()

    @property
    def number(self) -> str:
        """The leading `NN` of the folder's name."""
        return self.name.partition("-")[0]

    @property
    def topic(self) -> str:
        """The folder's name without its number."""
        return self.name.partition("-")[2]

    @property
    def points(self) -> int:
        return sum(step.points for step in self.steps)

    def step(self, name: str) -> Step | None:
        return next((step for step in self.steps if step.name == name), None)


class Change(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Other lines in one file of the solution. old: what is there, once. new: what is put there; empty for nothing."""

    file: str
    old: str
    new: str


class Mistake(msgspec.Struct, frozen=True, kw_only=True):
    """A plausible wrong answer: the solution with the files of `folder` laid over it, and with changes."""

    name: str
    folder: Path
    step: str
    finding: str
    why: str
    changes: tuple[Change, ...] = ()


class Alternative(msgspec.Struct, frozen=True, kw_only=True):
    """Another right answer: the solution with the files of `folder` laid over it, and with changes.

    step: the one it answers.
    """

    name: str
    folder: Path
    step: str
    why: str
    changes: tuple[Change, ...] = ()
