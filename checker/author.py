"""An author's safety net: proofs that a lab is neither too lax nor too strict.

The untouched workspace fails every step with a finding, the solution and every alternative pass every step, and
each mistake fails exactly the step it should with exactly the finding it should.
"""

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

from checker import lesson
from checker.catalog import CHECKS, CONFIG, Catalog, shipped_files
from checker.engine import Engine
from checker.errors import BrokenLab
from checker.model import Alternative, Lab, LabReport, Mistake, Outcome
from checker.replay import Fill, Silent, replay
from checker.submission import Intake

PARTS = frozenset(
    {CONFIG, CHECKS, "starter", "solution", "mistakes", "alternatives", "README.md", "__pycache__"}
)
ABOUT = frozenset({"mistake.toml", "alternative.toml"})
"""Files that say what a mistake or an alternative is, and are no part of an answer."""
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


def prove(engine: Engine, catalog: Catalog, lab: Lab) -> Iterator[Proof]:
    """All proofs for a lab, each as soon as it is known. Raises what a replay raises."""
    yield from prove_lab(engine, catalog, lab)
    for alternative in catalog.alternatives(lab):
        yield prove_alternative(engine, lab, alternative)
    for mistake in catalog.mistakes(lab):
        yield prove_mistake(engine, lab, mistake)


def prove_lab(engine: Engine, catalog: Catalog, lab: Lab) -> Iterator[Proof]:
    """The proofs that need no mistake: files, hints, the untouched workspace, the solution."""
    yield Proof("lab.toml, notebook and files agree", tuple(_files(catalog, lab)))
    yield Proof("hints do not contain the solution", tuple(_hints(lab)))
    untouched = _replayed(engine, lab, laid_out(lab.folder / "starter"), "untouched", honour_needs=False)
    yield Proof("the untouched workspace fails every step", tuple(_untouched(untouched)))
    solved = _replayed(engine, lab, laid_out(lab.folder / "starter", lab.folder / "solution"), "solution")
    yield Proof("the solution passes every step", tuple(_solved(solved)))


def groups(lab: Lab, overlays: Sequence[Overlay], most: int = 5) -> list[tuple[Overlay, ...]]:
    """Mistakes, or alternatives, that can be tried in one replay, `most` of them at a time.

    Each in a step of its own that needs none of the others', with files of its own, so that it shows which
    of them failed a step.
    """
    found: list[list[Overlay]] = []
    for overlay in overlays:
        for group in found:
            if len(group) < most and all(_apart(lab, overlay, other) for other in group):
                group.append(overlay)
                break
        else:
            found.append([overlay])
    return [tuple(group) for group in found]


def prove_group(engine: Engine, lab: Lab, group: Sequence[Mistake]) -> list[Proof]:
    """The proofs of several mistakes from one replay; from one each where that one does not show them all."""
    fill = laid_out(lab.folder / "starter", lab.folder / "solution", *(mistake.folder for mistake in group))
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
    return not (_changed(one) & _changed(other))


def _changed(overlay: Mistake | Alternative) -> set[Path]:
    files = (path for path in shipped_files(overlay.folder) if path.name not in ABOUT)
    return {path.relative_to(overlay.folder) for path in files}


def prove_mistake(engine: Engine, lab: Lab, mistake: Mistake) -> Proof:
    """That one mistake fails its step with its finding and nothing else fails."""
    fill = laid_out(lab.folder / "starter", lab.folder / "solution", mistake.folder)
    report = _replayed(engine, lab, fill, mistake.name)
    note = f"{mistake.step}: {mistake.finding}"
    return Proof(f"mistake {mistake.name}", tuple(_mistaken(lab, mistake, report)), note)


def prove_alternatives(engine: Engine, lab: Lab, group: Sequence[Alternative]) -> list[Proof]:
    """The proofs of several alternatives from one replay; from one each where that one does not pass."""
    fill = laid_out(lab.folder / "starter", lab.folder / "solution", *(entry.folder for entry in group))
    report = _replayed(engine, lab, fill, ", ".join(entry.name for entry in group))
    problems = tuple(_solved(report))
    if problems and len(group) > 1:
        return [prove_alternative(engine, lab, entry) for entry in group]
    return [Proof(f"alternative {entry.name}", problems, f"{entry.step}: pass") for entry in group]


def prove_alternative(engine: Engine, lab: Lab, alternative: Alternative) -> Proof:
    """That the solution with one alternative laid over it passes every step."""
    [proof] = prove_alternatives(engine, lab, [alternative])
    return proof


def _replayed(engine: Engine, lab: Lab, fill: Fill, path: str, *, honour_needs: bool = True) -> LabReport:
    """Replay, and once more after an error, as a class is graded: a slow machine is no fact about a lab."""
    report = replay(engine, lab, fill, path, Silent(), honour_needs=honour_needs)
    if report.outcome is Outcome.ERROR:
        report = replay(engine, lab, fill, path, Silent(), honour_needs=honour_needs)
    return report


def laid_out(*layers: Path) -> Fill:
    """Layers of files, each over the ones before."""

    def fill(target: Path) -> Intake:
        target.mkdir(parents=True)
        for layer in layers:
            if layer.is_dir():
                shutil.copytree(
                    layer,
                    target,
                    dirs_exist_ok=True,
                    ignore=shutil.ignore_patterns(*ABOUT, "__pycache__"),
                )
        return Intake(())

    return fill


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
        yield from _overlay_files(lab, mistake, f"mistake {mistake.name}")
    for alternative in catalog.alternatives(lab):
        yield from _overlay_files(lab, alternative, f"alternative {alternative.name}")


def _overlay_files(lab: Lab, overlay: Mistake | Alternative, name: str) -> Iterator[str]:
    if lab.step(overlay.step) is None:
        yield f"{name} is of {overlay.step!r}, which is no step"
    solution = lab.folder / "solution"
    if not any(_differs(overlay.folder / path, solution / path) for path in _changed(overlay)):
        yield f"{name} changes nothing in the solution"


def _differs(path: Path, other: Path) -> bool:
    return not other.is_file() or path.read_bytes() != other.read_bytes()


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
            yield f"step {step.step} is {step.outcome} as well: {', '.join(codes) or step.reason}"


def _needed(lab: Lab, name: str) -> set[str]:
    """All steps a step needs, directly or through others."""
    step = lab.step(name)
    if step is None:
        raise BrokenLab(f"There is no step {name!r} in lab {lab.name}.")
    return set(step.needs).union(*(_needed(lab, need) for need in step.needs))
