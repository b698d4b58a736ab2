"""Writing a report in every form that was asked for; and `lab report`, which does it without grading."""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from checker.base.errors import EnvironmentFault, ExitCode, UsageError
from checker.base.files import replace_file
from checker.base.results import LabReport, Report
from checker.base.say import Say
from checker.grading import shards
from checker.lab.catalog import Catalog

if TYPE_CHECKING:
    from rich.console import Console

    from checker.report.graded import Grades, Learner
    from checker.report.gradingrules import GradingRules
    from checker.report.marks import Marks

_NO_FILE_NAME = re.compile(r"[^\w.@+-]+")


class Files(msgspec.Struct, frozen=True, kw_only=True):
    """Where to write the report, per form; None where it isn't wanted. rules: a grading.toml.

    marks: comments and points by hand.
    """

    json: Path | None = None
    junit: Path | None = None
    markdown: Path | None = None
    html: Path | None = None
    csv: Path | None = None
    feedback: Path | None = None
    gradescope: Path | None = None
    classroom: Path | None = None
    codequality: Path | None = None
    csv_for: Literal["plain", "canvas", "moodle"] = "plain"
    rules: Path | None = None
    marks: Path | None = None

    def named(self) -> list[Path]:
        every = (
            self.json, self.junit, self.markdown, self.html, self.csv,
            self.feedback, self.gradescope, self.classroom, self.codequality,
        )  # fmt: skip
        return [path for path in every if path]


def ready(files: Files, catalog: Catalog) -> None:
    """Refuse what could not be written or applied later, before anything is graded. Raises UsageError."""
    for path in files.named():
        if not path.parent.is_dir():
            raise UsageError(f"There is no folder {path.parent} to write {path.name} to.")
    for path in files.named():
        if path != files.feedback:
            _require_room(path)
    if files.feedback:
        try:
            files.feedback.mkdir(exist_ok=True)
        except OSError as error:
            raise UsageError(
                f"The folder {files.feedback} cannot be made: {error.strerror}.", "Name another folder."
            ) from None
        _require_room(files.feedback / "learner.html")
    rules_of(files, catalog)
    marks_of(files)


def _require_room(path: Path) -> None:
    """Refuse a file that could not be written when everything is graded. Raises UsageError."""
    if path.is_dir() or (path.is_absolute() and path.parts[1] in ("dev", "proc")):
        return
    if not os.access(path.parent, os.W_OK) or (path.exists() and not os.access(path, os.W_OK)):
        raise UsageError(f"{path} cannot be written here.", "Name another file.")


def marks_of(files: Files) -> "Marks | None":
    """Return the comments and points by hand; None without. Raises UsageError."""
    from checker.report import marks

    return marks.read(files.marks) if files.marks else None


def rules_of(files: Files, catalog: Catalog) -> "GradingRules | None":
    """Return the rules that were named; None without. Raises UsageError."""
    from checker.report import gradingrules

    return gradingrules.read(files.rules, catalog.labs()) if files.rules else None


def write(report: Report, files: Files, catalog: Catalog, say: Say = lambda _text: None) -> None:
    """Write every form that is wanted. Raises EnvironmentFault, and UsageError where a form is of one learner.

    say: is told what of the comments and points by hand is of nobody.
    """
    from checker.report import codequality, gradebook, jsonform, junit, markdown
    from checker.report.grades import grade

    if files.json:
        save(files.json, jsonform.to_json(report))
    if files.junit:
        save(files.junit, junit.to_junit(report))
    if files.codequality:
        save(files.codequality, codequality.to_codequality(report, answers=answers(catalog)))
    rules = rules_of(files, catalog)
    by_hand = marks_of(files)
    grades = grade(report, rules, by_hand)
    if by_hand:
        _tell_unknown(by_hand, grades, say)
    if files.markdown:
        shown = grades if rules or by_hand else None
        save(files.markdown, markdown.to_markdown(report, grades=shown).encode())
    if files.html:
        from checker.report import classpage

        save(files.html, classpage.to_html(grades).encode())
    if files.csv:
        save(files.csv, gradebook.to_csv(grades, files.csv_for))
    _write_for_each(grades, files)


def _tell_unknown(by_hand: "Marks", grades: "Grades", say: Say) -> None:
    from checker.report import marks

    known: dict[str, dict[str, set[str]]] = {}
    for learner in grades.learners:
        labs = known.setdefault(learner.person.identifier, {})
        for lab in learner.labs:
            labs.setdefault(lab.result.lab, set()).update(step.report.step for step in lab.steps)
    for line in marks.unknown(by_hand, known):
        say(f"Not used of the comments and points: {line}")
    if by_hand.report and by_hand.report != grades.report.generated_at:
        say(f"The comments and points were written for the grading of {by_hand.report}; this is another one.")


def answers(catalog: Catalog) -> dict[str, dict[str, str]]:
    """Lab -> step -> the answer's path in a workspace."""
    return {lab.name: {step.name: step.answer_path for step in lab.steps} for lab in catalog.labs()}


def save(path: Path, data: bytes) -> None:
    """Write a file whole or not at all; into a device or a pipe, such as /dev/stdout, as it comes.

    Raises EnvironmentFault.
    """
    if path.is_absolute() and path.parts[1] in ("dev", "proc") and path.parts[2:3] != ("shm",):
        try:
            with path.open("ab") as stream:
                stream.write(data)
        except OSError as error:
            raise EnvironmentFault(f"Cannot write {path}: {error.strerror}.", "Name another file.") from error
        return
    try:
        replace_file(path, data, durable=False)
    except OSError as error:
        raise EnvironmentFault(
            f"Cannot write {path}: {error.strerror}.", "Make room, or name another file."
        ) from error


def render_again(
    sources: tuple[Path, ...],
    files: Files,
    learner: str | None,
    fail_under: float | None,
    console: "Console",
    say: Say,
) -> int:
    """Render JSON reports in other forms, of one learner if named; the exit code `lab grade` would end with."""
    from checker.cli.grading import verdict
    from checker.report import terminal

    catalog = Catalog()
    ready(files, catalog)
    report, whole = together(sources, say)
    whole = whole or len(sources) == 1  # to look at one part is no mistake
    if learner is not None:
        report = of_learner(report, learner)
    write(report, files, catalog, say)
    if not files.named():
        terminal.render(report, console, output_lines=10)
    for path in files.named():
        say(f"Wrote {path}.")
    if not whole:
        return ExitCode.ENVIRONMENT
    if fail_under is None and files.named():
        return ExitCode.PASSED
    return verdict(report, fail_under, rules_of(files, catalog))


def together(sources: tuple[Path, ...], say: Say) -> tuple[Report, bool]:
    """Return the one report of those in the files, and whether no part of it is missing. Raises UsageError.

    Says which parts are missing or given twice, and what two reports do not agree on.
    """
    from checker.report.wording import ranges

    joined = shards.join([_read(source) for source in sources])
    for path in joined.doubled:
        say(f"{path} was graded differently in two parts; the first counts.")
    if joined.twice:
        say(
            f"Given more than once of {joined.of} parts: {ranges(joined.twice)}. Every submission counts once."
        )
    if joined.absent:
        say(
            f"Missing or interrupted of {joined.of} parts: {ranges(joined.absent)}. The report lacks what they were to "
            f"grade: name their reports too, or make them, `lab grade --shard {joined.absent[0]}/{joined.of}`."
        )
    return joined.report, not joined.absent


def _read(source: Path) -> Report:
    from checker.report import jsonform

    try:
        return jsonform.from_json(source.read_bytes())
    except OSError as error:
        raise UsageError(
            f"Cannot read {source}: {error.strerror}.", "Name a report written by --json."
        ) from None


def of_learner(report: Report, learner: str) -> Report:
    """Return the same report with one learner's results only. Raises UsageError if there are none."""
    from checker.report.grades import person_of

    def is_meant(result: LabReport) -> bool:
        person = person_of(result)
        return learner in (person.identifier, person.login, person.email, person.name)

    results = tuple(result for result in report.results if is_meant(result))
    if not results:
        known = ", ".join(sorted({person_of(result).identifier for result in report.results})[:20])
        raise UsageError(f"The report has nothing of {learner!r}.", f"There is: {known or 'nobody'}.")
    return msgspec.structs.replace(report, results=results, missing=(), unmatched=(), alike=())


def file_names(learners: "tuple[Learner, ...]", ending: str) -> list[str]:
    """Return a file name for each learner: readable, safe on any file system, and nobody's twice."""
    taken: set[str] = set()
    names: list[str] = []
    for learner in learners:
        stem = _NO_FILE_NAME.sub("_", learner.person.identifier).strip("._-")[:80] or "learner"
        name, number = f"{stem}{ending}", 1
        while name.casefold() in taken:
            number += 1
            name = f"{stem}-{number}{ending}"
        taken.add(name.casefold())
        names.append(name)
    return names


def _write_for_each(grades: "Grades", files: Files) -> None:
    from checker.report import classroom, gradescope

    if files.feedback:
        from checker.report import classpage

        for learner, name in zip(grades.learners, file_names(grades.learners, ".html"), strict=True):
            save(files.feedback / name, classpage.to_feedback(learner).encode())
    if files.gradescope:
        _one_or_folder(grades, files.gradescope, gradescope.to_gradescope, "--gradescope")
    if files.classroom:
        _one_or_folder(grades, files.classroom, classroom.to_classroom, "--classroom")


def _one_or_folder(grades: "Grades", path: Path, rendered: "Callable[[Learner], bytes]", option: str) -> None:
    if path.is_dir():
        for learner, name in zip(grades.learners, file_names(grades.learners, ".json"), strict=True):
            save(path / name, rendered(learner))
    elif len(grades.learners) == 1:
        save(path, rendered(grades.learners[0]))
    else:
        raise UsageError(
            f"{option} {path}: this form is of one learner, and the report has {len(grades.learners)}.",
            "Name a folder that is there, and each learner gets a file in it; "
            "or choose one: `lab report REPORT.json --learner NAME`.",
        )
