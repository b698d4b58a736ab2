"""One class's submissions: what was handed in, of whom, when, and what is missing."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import msgspec

from checker.intake import likeness, times
from checker.intake.places import Place, places
from checker.intake.roster import Roster, guess
from checker.model import Alike, Lab, LabReport, Missing, Person, Report, Versions

UNKNOWN = "unknown"
"""Stands for the lab where an archive cannot be read and nothing says which it is of."""


class Submission(msgspec.Struct, frozen=True):
    """One workspace to grade and all that is known about it. path may lead into an archive."""

    lab: Lab
    path: Path
    person: Person | None = None
    handed: times.Handed = times.Handed()
    late: bool | None = None
    warnings: tuple[str, ...] = ()

    @property
    def key(self) -> tuple[str, str]:
        return self.lab.name, str(self.path)


class Classwork(msgspec.Struct, frozen=True):
    """Everything that one grading is about. lost: results for what nothing can be run of."""

    submissions: tuple[Submission, ...]
    due: datetime | None = None
    lost: tuple[LabReport, ...] = ()
    missing: tuple[Missing, ...] = ()
    unmatched: tuple[str, ...] = ()
    alike: tuple[Alike, ...] = ()

    @property
    def paths(self) -> list[Path]:
        return [*(one.path for one in self.submissions), *(Path(lost.path) for lost in self.lost)]

    def stamped(self, report: Report) -> Report:
        """The report with whose each result is, when it came, and what this class lacks."""
        known = {submission.key: submission for submission in self.submissions}
        results = [_stamped(result, known.get((result.lab, result.path))) for result in report.results]
        return msgspec.structs.replace(
            report,
            results=(*results, *(lost for lost in self.lost if lost not in report.results)),
            due=times.written(self.due),
            missing=self.missing,
            unmatched=self.unmatched,
            alike=self.alike,
        )


def collect(
    named: Sequence[Path],
    labs: list[Lab],
    *,
    only: Lab | None = None,
    roster: Roster | None = None,
    due: datetime | None = None,
) -> Classwork:
    """Find everything handed in at the paths, whose it is, and who handed in nothing. Reads only.

    only: the lab it is all of, whatever folders are called.
    """
    found = list({place.path: place for path in named for place in places(path, labs, only)}.values())
    graded = {place.lab.name: place.lab for place in found if place.lab}
    sole = next(iter(graded.values())) if len(graded) == 1 else None
    repositories = [place.top.name for place in found if (place.top / ".git").is_dir()]
    submissions: list[Submission] = []
    lost: list[LabReport] = []
    unmatched: list[str] = []
    seen: dict[tuple[str, str], Path] = {}
    for place in found:
        person = _whose(place, roster, repositories)
        if roster and not (person and person.listed):
            unmatched.append(str(place.path))
        handed = times.handed_in(place.path, place.top)
        late = times.is_late(handed, due)
        lab = place.lab or sole
        warnings = []
        if due and late is None and handed.at:
            warnings.append(
                "Its files are newer than the due time, which copying or downloading does as well: "
                "whether it was late has to be looked up where it was handed in."
            )
        if _is_empty(place.path):
            warnings.append(
                "The folder is empty, as a clone leaves it when a repository was committed inside another: "
                "ask for what `lab submit` makes."
            )
        if lab and person:
            if first := seen.get((lab.name, person.identifier)):
                warnings.append(f"{person.identifier} has handed in this lab twice; the other is {first}.")
            seen.setdefault((lab.name, person.identifier), place.path)
        if lab is None:
            report = _lost(place)
            lost.append(_marked(report, person, handed, late))
            continue
        submissions.append(Submission(lab, place.path, person, handed, late, tuple(warnings)))
    missing = _missing(roster, submissions, [name for name in (lab.name for lab in labs) if name in graded])
    alike = likeness.alike_in((one.lab, one.path, one.person) for one in submissions)
    return Classwork(tuple(submissions), due, tuple(lost), missing, tuple(unmatched), alike)


def _whose(place: Place, roster: Roster | None, repositories: list[str]) -> Person | None:
    listed = roster.match(place.trail) if roster else None
    return listed or guess(place.trail, repositories if place.top.name in repositories else ())


def _is_empty(path: Path) -> bool:
    """Whether there is nothing at all in a folder. A workspace has a history of its own, which git commits as
    a mere reference where somebody adds the workspace to another repository."""
    try:
        return path.is_dir() and next(path.iterdir(), None) is None
    except OSError:
        return False


def _missing(roster: Roster | None, there: list[Submission], labs: list[str]) -> tuple[Missing, ...]:
    if roster is None:
        return ()
    done = {(one.lab.name, one.person.identifier) for one in there if one.person and one.person.listed}
    lacking = [
        Missing(person=person, labs=tuple(lab for lab in labs if (lab, person.identifier) not in done))
        for person in roster.people
    ]
    return tuple(entry for entry in lacking if entry.labs)


def _lost(place: Place) -> LabReport:
    return LabReport(
        lab=UNKNOWN,
        title="Nothing says which lab this is of",
        path=str(place.path),
        steps=(),
        versions=Versions(),
        error=f"{place.problem} Ask for it again as `lab submit` makes it, or name the lab with --lab.",
    )


def _stamped(result: LabReport, submission: Submission | None) -> LabReport:
    if submission is None:
        return result
    marked = _marked(result, submission.person, submission.handed, submission.late)
    new = tuple(warning for warning in submission.warnings if warning not in result.warnings)
    return msgspec.structs.replace(marked, warnings=(*new, *result.warnings))


def _marked(result: LabReport, person: Person | None, handed: times.Handed, late: bool | None) -> LabReport:
    return msgspec.structs.replace(
        result,
        person=person,
        submitted_at=times.written(handed.at),
        submitted_by=handed.by,
        late=late,
    )
