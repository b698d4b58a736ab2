"""An author's safety net: proofs that a lab is neither too lax nor too strict.

The untouched workspace fails every step with a finding, the solution and every alternative pass every step, and
each mistake fails exactly the step it should with exactly the finding it should.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import msgspec

from checker.base.errors import BrokenLab
from checker.base.model import Alternative, Lab, Mistake, Step
from checker.base.results import LabReport, Outcome
from checker.engine.connection import Engine
from checker.judge import overlays
from checker.judge.replay import Fill, Silent, replay
from checker.lab import lesson
from checker.lab.catalog import CHECKS, CONFIG, Catalog

PARTS = frozenset(
    {CONFIG, CHECKS, "starter", "solution", "mistakes", "alternatives", "README.md", "__pycache__"}
)
Tell = Callable[[str, str], None]
"""Is told what is tried now, and which step's answer runs for it; no step before the first."""
Overlay = TypeVar("Overlay", Mistake, Alternative)
SHORT = 12
"""Characters below which a line of a solution is too common to be given away by a hint."""


class Proof(msgspec.Struct, frozen=True):
    """One thing that was tried; it holds if there are no problems. note: for a table of mistakes."""

    name: str
    problems: tuple[str, ...]
    note: str = ""

    @property
    def holds(self) -> bool:
        return not self.problems


def untold(_name: str, _step: str) -> None:
    """Tell nobody what is tried."""


class Telling(Silent):
    """Tells which answer of a replay runs."""

    def __init__(self, name: str, tell: Tell) -> None:
        self._name = name
        self._tell = tell
        tell(name, "")

    def on_answer(self, step: Step, text: str) -> None:
        self._tell(self._name, step.name)


def prove(engine: Engine, catalog: Catalog, lab: Lab, tell: Tell = untold) -> Iterator[Proof]:
    """Yield all proofs for a lab, each as soon as it is known. Raises what a replay raises."""
    yield from prove_lab(engine, catalog, lab, tell)
    for alternative in catalog.alternatives(lab):
        yield prove_alternative(engine, lab, alternative, tell)
    for mistake in catalog.mistakes(lab):
        yield prove_mistake(engine, lab, mistake, tell)


def prove_quickly(engine: Engine, lab: Lab, overlay: Mistake | Alternative, tell: Tell = untold) -> Proof:
    """Prove a mistake or an alternative by its own step only, in a fraction of the time.

    Answers run up to that step, as any of them may lay the ground for it, and no other step is judged. That a mistake
    leaves the other steps alone, and an alternative suits later ones, is for `prove_mistake` and `prove_alternative`.
    """
    fill = overlays.laid_out(lab, overlay)
    report = _replayed(engine, lab, fill, overlay.name, tell, only=overlay.step)
    own = tuple(step for step in report.steps if step.step == overlay.step)
    report = msgspec.structs.replace(report, steps=own)
    if isinstance(overlay, Mistake):
        note = f"{overlay.step}: {overlay.finding}"
        return Proof(f"mistake {overlay.name}", tuple(_mistaken(lab, overlay, report)), note)
    return Proof(f"alternative {overlay.name}", tuple(_solved(report)), f"{overlay.step}: pass")


def prove_lab(engine: Engine, catalog: Catalog, lab: Lab, tell: Tell = untold) -> Iterator[Proof]:
    """Yield the proofs that need no mistake: files, hints, the untouched workspace, the solution."""
    yield Proof("lab.toml, notebook and files agree", tuple(_files(catalog, lab)))
    yield Proof("hints do not contain the solution", tuple(_hints(lab)))
    nothing = overlays.untouched(lab)
    untouched = _replayed(engine, lab, nothing, "the untouched workspace", tell, honour_needs=False)
    yield Proof("the untouched workspace fails every step", tuple(_untouched(untouched)))
    solution = overlays.laid_out(lab)
    solved = _replayed(engine, lab, solution, "the solution", tell)
    yield Proof("the solution passes every step", tuple(_solved(solved)))


def groups(lab: Lab, entries: Sequence[Overlay], most: int = 8) -> list[tuple[Overlay, ...]]:
    """Mistakes, or alternatives, that can be tried in one replay, `most` of them at a time.

    Each in a step of its own that needs none of the others', with files or lines of its own, so that it shows
    which of them failed a step.
    """
    found: list[list[Overlay]] = []
    # Those that get on with the fewest first (Welsh and Powell's colouring): they need a group of their own anyway.
    clashes = {one.name: {other.name for other in entries if not _apart(lab, one, other)} for one in entries}
    for overlay in sorted(entries, key=lambda one: -len(clashes[one.name])):
        for group in found:
            if len(group) < most and not clashes[overlay.name] & {other.name for other in group}:
                group.append(overlay)
                break
        else:
            found.append([overlay])
    return [tuple(group) for group in found]


def prove_group(engine: Engine, lab: Lab, group: Sequence[Mistake]) -> list[Proof]:
    """Return the proofs of several mistakes from one replay; from one each where that one does not show them
    all."""
    fill = overlays.laid_out(lab, *group)
    report = _replayed(engine, lab, fill, ", ".join(mistake.name for mistake in group))
    steps = {mistake.step for mistake in group}
    proofs = []
    for mistake in group:
        others = steps - {mistake.step}
        left = tuple(step for step in report.steps if not ({step.step, *_needed(lab, step.step)} & others))
        problems = tuple(_mistaken(lab, mistake, msgspec.structs.replace(report, steps=left)))
        proofs.append(Proof(f"mistake {mistake.name}", problems, f"{mistake.step}: {mistake.finding}"))
    if len(group) > 1 and not all(proof.holds for proof in proofs):
        return [prove_mistake(engine, lab, mistake) for mistake in group]
    return proofs


def _apart(lab: Lab, one: Mistake | Alternative, other: Mistake | Alternative) -> bool:
    steps = {one.step, other.step}
    if len(steps) == 1 or any(steps & _needed(lab, name) for name in steps):
        return False
    return overlays.independent(lab, one, other)


def prove_mistake(engine: Engine, lab: Lab, mistake: Mistake, tell: Tell = untold) -> Proof:
    """That one mistake fails its step with its finding and nothing else fails."""
    fill = overlays.laid_out(lab, mistake)
    report = _replayed(engine, lab, fill, mistake.name, tell)
    note = f"{mistake.step}: {mistake.finding}"
    return Proof(f"mistake {mistake.name}", tuple(_mistaken(lab, mistake, report)), note)


def prove_alternatives(
    engine: Engine, lab: Lab, group: Sequence[Alternative], tell: Tell = untold
) -> list[Proof]:
    """Return the proofs of several alternatives from one replay; from one each where that one does not
    pass."""
    fill = overlays.laid_out(lab, *group)
    report = _replayed(engine, lab, fill, ", ".join(entry.name for entry in group), tell)
    problems = tuple(_solved(report))
    if problems and len(group) > 1:
        return [prove_alternative(engine, lab, entry, tell) for entry in group]
    return [Proof(f"alternative {entry.name}", problems, f"{entry.step}: pass") for entry in group]


def prove_alternative(engine: Engine, lab: Lab, alternative: Alternative, tell: Tell = untold) -> Proof:
    """That the solution with one alternative laid over it passes every step."""
    [proof] = prove_alternatives(engine, lab, [alternative], tell)
    return proof


def _replayed(
    engine: Engine,
    lab: Lab,
    fill: Fill,
    path: str,
    tell: Tell = untold,
    *,
    honour_needs: bool = True,
    only: str = "",
) -> LabReport:
    """Replay, and once more after an error, as a class is graded: a slow machine is no fact about a lab."""
    watcher = Telling(path, tell)
    report = replay(engine, lab, fill, path, watcher, honour_needs=honour_needs, only=only)
    if report.outcome is Outcome.ERROR:
        report = replay(engine, lab, fill, path, watcher, honour_needs=honour_needs, only=only)
    return report


def _files(catalog: Catalog, lab: Lab) -> Iterator[str]:
    for path in sorted(lab.folder.iterdir()):
        if path.name not in PARTS and path.suffix != ".py":
            yield f"{path.name} does not belong into a lab's folder"
    for part in ("starter", "solution", "mistakes"):
        if not (lab.folder / part).is_dir():
            yield f"the folder {part}/ is missing"
    answered = [cell.answers for cell in lesson.cells(lab) if cell.answers]
    # Where several steps look at one file, the first of them has the cell that it is written in.
    first = {step.answer_path: step.name for step in reversed(lab.steps)}
    written = [step.name for step in lab.steps if first[step.answer_path] == step.name]
    if answered != written:
        yield f"the notebook has step cells for {', '.join(answered) or 'nothing'}"
        yield f"lab.toml has answers for {', '.join(written)}"
    if not lesson.ends_with_hand_in(lab):
        yield "the notebook does not end with a cell %submit and a link to another notebook"
    sections = {cell.step for cell in lesson.cells(lab)}
    for step in lab.steps:
        if step.name not in sections:
            yield f"the notebook has no text for step {step.name}"
        if not (lab.folder / "solution" / step.answer_path).is_file():
            yield f"the solution has no {step.answer_path}"
        if not step.hints:
            yield f"step {step.name} has no hints"
    if not catalog.mistakes(lab):
        yield "the lab ships no mistakes"
    for mistake in catalog.mistakes(lab):
        yield from overlays.problems(lab, mistake, f"mistake {mistake.name}")
    for alternative in catalog.alternatives(lab):
        yield from overlays.problems(lab, alternative, f"alternative {alternative.name}")


def _hints(lab: Lab) -> Iterator[str]:
    for step in lab.steps:
        path = lab.folder / "solution" / step.answer_path
        lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
        told = [
            line.strip() for line in lines if len(line.strip()) >= SHORT and not line.strip().startswith("#")
        ]
        for number, hint in enumerate(step.hints, start=1):
            yield from (
                f"hint {number} of step {step.name} contains a line of the solution: {line}"
                for line in told
                if line in hint
            )


def _untouched(report: LabReport) -> Iterator[str]:
    for step in report.steps:
        if step.outcome is not Outcome.FAIL:
            yield f"step {step.step} is {step.outcome}, not fail. {step.reason}".rstrip()


def _solved(report: LabReport) -> Iterator[str]:
    for step in report.steps:
        if step.outcome is not Outcome.PASS:
            why = "; ".join(f"{finding.code}: {finding.observed}" for finding in step.findings) or step.reason
            yield f"step {step.step} is {step.outcome}: {why}"
        elif step.answer and step.answer.exit_code != 0:
            yield f"the answer of step {step.step} ended with exit code {step.answer.exit_code}"


def _mistaken(lab: Lab, mistake: Mistake, report: LabReport) -> Iterator[str]:
    for step in report.steps:
        codes = sorted({finding.code for finding in step.findings})
        if step.step == mistake.step:
            if step.outcome is not Outcome.FAIL or codes != [mistake.finding]:
                seen = ", ".join(codes) or "no finding"
                yield f"step {step.step} is {step.outcome} with {seen} {step.reason}".strip()
        elif step.outcome is Outcome.SKIPPED and mistake.step in _needed(lab, step.step):
            continue
        elif step.outcome is not Outcome.PASS:
            seen = "; ".join(f"{finding.code}: {finding.observed}" for finding in step.findings)
            yield f"step {step.step} is {step.outcome} as well: {seen or step.reason}"


def _needed(lab: Lab, name: str) -> set[str]:
    """Return all steps a step needs, directly or through others."""
    step = lab.step(name)
    if step is None:
        raise BrokenLab(f"There is no step {name!r} in lab {lab.name}.")
    return set(step.needs).union(*(_needed(lab, need) for need in step.needs))
