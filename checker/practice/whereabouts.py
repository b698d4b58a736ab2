"""Where a learner is: the labs, what is done of each, what runs, and which commands make sense next."""

import os
import threading
from pathlib import Path

import msgspec

from checker.base.errors import LabError, UsageError
from checker.base.model import Lab, Step
from checker.lab import progress
from checker.lab.catalog import Catalog
from checker.lab.progress import Progress, Standing
from checker.lab.workspace import Workspace, locate

ENGINE_LIMIT = 1.5
"""Seconds that the engine may take to say what runs. Where it takes longer, nothing is said about that."""


class Whereabouts(msgspec.Struct, frozen=True):
    """One lab and the learner. running: whether its services run for this workspace."""

    lab: Lab
    place: Workspace
    record: Progress
    running: bool = False

    @property
    def laid_out(self) -> bool:
        return self.place.private.is_dir()

    @property
    def begun(self) -> bool:
        return self.running or any(
            step.standing is not Standing.NOT_BEGUN for step in self.record.steps.values()
        )

    @property
    def done(self) -> bool:
        return progress.next_step(self.lab, self.record) is None


class Suggestion(msgspec.Struct, frozen=True):
    """A command that makes sense now, and what it does."""

    command: str
    does: str


def all_labs(catalog: Catalog, *, ask_engine: bool = True) -> list[Whereabouts]:
    """Every lab, with its usual workspace seen from here."""
    running = running_places() if ask_engine else set()
    found = []
    for lab in catalog.labs():
        place = locate(lab)
        found.append(Whereabouts(lab, place, progress.read(place)[0], str(place.path) in running))
    return found


def running_places() -> set[str]:
    """Return the workspaces of practices whose services are up; none if the engine does not say so soon."""
    found: set[str] = set()

    def ask() -> None:
        from checker.engine.connection import candidates, connect
        from checker.stack import stack as stacks

        try:
            if candidates():
                found.update(
                    stack.place
                    for stack in stacks.stacks(connect())
                    if stack.up and stack.place and Workspace(Path(stack.place)).owner == stack.owner
                )
        except LabError:
            pass  # no engine: nothing runs

    thread = threading.Thread(target=ask, daemon=True)  # daemon: an engine that hangs must not keep us
    thread.start()
    thread.join(ENGINE_LIMIT)
    return set(found)


def next_commands(labs: list[Whereabouts]) -> list[Suggestion]:
    """Return the three commands that make most sense, the best one first."""
    running = [one for one in labs if one.running]
    open_labs = [one for one in running if not one.done]
    if open_labs:
        return _in_the_middle(open_labs[0], alone=len(running) == 1)
    if running:
        done = running[0]
        following = _after(labs, done)
        number = done.lab.number
        return [
            Suggestion(f"lab submit {number}", "make the archive to hand in"),
            Suggestion(f"lab stop {number}", "end its services; your answers stay"),
            _begin(following) if following else Suggestion("lab stop --all", "leave no trace"),
        ]
    begun = [one for one in labs if one.begun and not one.done]
    going_on = begun[0] if begun else next((one for one in labs if not one.done), None)
    if going_on is None:
        return [
            Suggestion("lab submit LAB", "make the archive to hand in"),
            Suggestion("lab stop --all", "leave no trace"),
        ]
    number = going_on.lab.number
    first = (
        Suggestion(f"lab start {number}", "start its services again and go on")
        if begun
        else Suggestion(f"lab start {number}", f"begin with {going_on.lab.title}")
    )
    return [
        first,
        Suggestion("lab notebook", "the same in JupyterLab"),
        Suggestion(f"lab list {number}", "its steps"),
    ]


def _in_the_middle(one: Whereabouts, *, alone: bool) -> list[Suggestion]:
    step = _at_hand(one)
    lab = "" if alone else f"{one.lab.number} "
    tried = one.record.step(step.name)
    hints = step.hints and tried.standing is Standing.TRIED
    return [
        Suggestion(f"lab hint {lab}{step.name}", "a hint, as it is not right yet")
        if hints
        else Suggestion(f"lab show {lab}{step.name}", "read what the step is about"),
        Suggestion(
            f"lab {'run' if step.is_script else 'check'} {lab}{step.name}",
            f"{'run' if step.is_script else 'check'} your answer in {step.answer_path}",
        ),
        Suggestion(f"lab watch {lab}".strip(), "have every save and every push checked at once"),
    ]


def _at_hand(one: Whereabouts) -> Step:
    step = progress.next_step(one.lab, one.record)
    assert step is not None  # the lab is not done
    return step


def _after(labs: list[Whereabouts], done: Whereabouts) -> Whereabouts | None:
    names = [one.lab.name for one in labs]
    behind = labs[names.index(done.lab.name) + 1 :]
    return next((one for one in (*behind, *labs) if not one.done), None)


def _begin(one: Whereabouts) -> Suggestion:
    return Suggestion(f"lab start {one.lab.number}", f"go on with {one.lab.title}")


def addressed(
    words: tuple[str, ...], workspace: Path | None = None, catalog: Catalog | None = None
) -> tuple[str, tuple[str, ...]]:
    """Return which lab is meant, and the words that are left, which name steps.

    The first word may name the lab. Without that it is the lab of the named workspace, of the folder that we stand
    in, the one that is running, or the only one that is laid out here. Raises UsageError where that leaves a doubt.
    """
    catalog = catalog or Catalog()
    labs = catalog.labs()
    if words and (named := _named(words[0], labs)):
        return named.name, words[1:]
    meant = _meant(workspace, labs)
    if len(meant) == 1:
        [lab] = meant
        if unknown := [word for word in words if lab.step(word) is None and not word.isdigit()]:
            steps = ", ".join(step.name for step in lab.steps)
            raise UsageError(
                f"There is no lab {unknown[0]!r}, and lab {lab.name} has no step {unknown[0]!r}.",
                f"Its steps are: {steps}. `lab list` shows the labs.",
            )
        return lab.name, words
    numbers = ", ".join(lab.number for lab in meant or labs)
    if words and not any(lab.step(words[0]) for lab in labs):
        raise UsageError(f"There is no lab {words[0]!r}.", f"There are: {numbers}. See `lab list`.")
    if not meant:
        raise UsageError(
            "No lab is named, and none is running.", f"Name one: {numbers}. `lab list` shows them."
        )
    raise UsageError(
        f"No lab is named, and there are several here: {numbers}.",
        f"Name the one you mean, for instance `lab show {meant[0].number}`.",
    )


def _named(word: str, labs: list[Lab]) -> Lab | None:
    for lab in labs:
        if word in (lab.name, lab.topic, lab.number):
            return lab
    if word.isdigit():
        return next((lab for lab in labs if int(lab.number) == int(word)), None)
    return None


def _meant(workspace: Path | None, labs: list[Lab]) -> list[Lab]:
    """Return the labs that may be meant where none is named; one if there is no doubt."""
    if workspace is not None:
        name = Path(os.path.realpath(workspace)).name
        return [lab for lab in labs if lab.name == name]
    here = Path(os.path.realpath(Path.cwd()))
    if inside := [lab for lab in labs if locate(lab).path in (here, *here.parents)]:
        return inside[:1]
    laid_out = [lab for lab in labs if locate(lab).private.is_dir()]
    if len(laid_out) <= 1:
        return laid_out
    places = running_places()
    return [lab for lab in laid_out if str(locate(lab).path) in places] or laid_out
