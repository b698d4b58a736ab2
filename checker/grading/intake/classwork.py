"""One class's submissions: what was handed in, of whom, when, and what is missing."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import msgspec

from checker.archives.names import stem
from checker.archives.platforms import is_receipt
from checker.archives.platforms import named as named_by_platform
from checker.base.model import Lab
from checker.base.results import Alike, LabReport, Missing, Person, Report, Versions
from checker.grading.intake import likeness, times
from checker.grading.intake.looking import NotGraded
from checker.grading.intake.places import HandedInPlace, look, trail
from checker.grading.intake.roster import Roster
from checker.grading.intake.whose import Owner, Whose

UNKNOWN = "unknown"
"""Stands for the lab where an archive cannot be read and nothing says which it is of."""


class Submission(msgspec.Struct, frozen=True):
    """One workspace to grade and all that is known about it. path may lead into an archive. others: who handed it in
    together with the person."""

    lab: Lab
    path: Path
    person: Person | None = None
    handed: times.HandInTime = times.HandInTime()
    late: bool | None = None
    warnings: tuple[str, ...] = ()
    others: tuple[Person, ...] = ()

    @property
    def key(self) -> tuple[str, str]:
        return self.lab.name, str(self.path)


class Classwork(msgspec.Struct, frozen=True):
    """Everything that one grading is about. lost: results for what nothing can be run of. left: what else lies there
    that nothing is graded of."""

    submissions: tuple[Submission, ...]
    due: datetime | None = None
    lost: tuple[LabReport, ...] = ()
    missing: tuple[Missing, ...] = ()
    unmatched: tuple[str, ...] = ()
    alike: tuple[Alike, ...] = ()
    left: tuple[NotGraded, ...] = ()

    @property
    def paths(self) -> list[Path]:
        return [*(one.path for one in self.submissions), *(Path(lost.path) for lost in self.lost)]

    def stamped(self, report: Report) -> Report:
        """Return the report with whose each result is, when it came, and what this class lacks."""
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
    looked = {path: look(path, labs, only) for path in dict.fromkeys(named)}
    found = list({place.path: place for one in looked.values() for place in one.places}.values())
    graded = {place.lab.name: place.lab for place in found if place.lab}
    sole = next(iter(graded.values())) if len(graded) == 1 else None
    whose = Whose(found, labs, roster)
    submissions: list[Submission] = []
    lost: list[LabReport] = []
    unmatched: list[str] = []
    seen: dict[tuple[str, str], Path] = {}
    for place, owner in zip(found, whose.of_all(found), strict=True):
        person = owner.person
        if roster and not (person and person.listed):
            unmatched.append(str(place.path))
        handed = times.handed_in(place.path, place.top)
        late = times.is_late(handed, due)
        lab = place.lab or sole
        if lab is None:
            lost.append(_marked(_lost(place.path, place.problem), person, handed, late))
            continue
        warnings = _warnings(place, owner, handed, late, due)
        if person:
            if first := seen.get((lab.name, person.identifier)):
                warnings.append(f"{person.identifier} has handed in this lab twice; the other is {first}.")
            seen.setdefault((lab.name, person.identifier), place.path)
        submissions.append(Submission(lab, place.path, person, handed, late, tuple(warnings), owner.others))
    known = {one.person for one in submissions} | {report.person for report in lost}
    left: list[NotGraded] = []
    for path, one in looked.items():
        for rest in one.left:
            owner = whose.of(path, trail(path, rest.path, labs), rest.path, rest.submitters)
            if rest.whole and owner.person not in known and _is_somebodys(rest, owner):
                known.add(owner.person)
                lost.append(_marked(_lost(rest.path, rest.why), owner.person, times.HandInTime(), None))
                if roster and not (owner.person and owner.person.listed):
                    unmatched.append(str(rest.path))
            elif not is_receipt(rest.path.name):
                left.append(rest)
    unread = {report.person.identifier for report in lost if report.person}
    there = [name for name in (lab.name for lab in labs) if name in graded]
    missing = _missing(roster, submissions, there, unread)
    alike = likeness.alike_in((one.lab, one.path, one.person) for one in submissions)
    return Classwork(tuple(submissions), due, tuple(lost), missing, tuple(unmatched), alike, tuple(left))


def _warnings(
    place: HandedInPlace, owner: Owner, handed: times.HandInTime, late: bool | None, due: datetime | None
) -> list[str]:
    warnings = [place.problem] if place.problem else []
    if due and handed.at and handed.earliest != handed.latest and late is not False:
        warnings.append(
            f"Its archive has the time {handed.at.astimezone():%Y-%m-%d %H:%M} without a zone"
            + (": " if late is None else ", which is late in every zone, but by how much is not known: ")
            + "when it came has to be looked up where it was handed in."
        )
    elif due and late is None and handed.at:
        warnings.append(
            "Its files are newer than the due time, which copying or downloading does as well: "
            "whether it was late has to be looked up where it was handed in."
        )
    if _is_empty(place.path):
        warnings.append(
            "The folder is empty, as a clone leaves it when a repository was committed inside another: "
            "ask for what `lab submit` makes."
        )
    if owner.others:
        names = ", ".join(person.identifier for person in owner.others)
        warnings.append(f"It was handed in by a group, also for {names}: their marks are not in this report.")
    return warnings


def _is_somebodys(left: NotGraded, owner: Owner) -> bool:
    """Return whether what is left is known to be a person's, rather than a file or folder of the
    instructor's."""
    by_platform = any(named_by_platform(stem(part)) for part in left.path.parts)
    return bool(owner.person and (owner.person.listed or by_platform or left.submitters))


def _is_empty(path: Path) -> bool:
    """Return whether there is nothing at all in a folder. A workspace has a history of its own, which git
    commits as a mere reference where somebody adds the workspace to another repository."""
    try:
        return path.is_dir() and next(path.iterdir(), None) is None
    except OSError:
        return False


def _missing(
    roster: Roster | None, there: list[Submission], labs: list[str], unread: set[str]
) -> tuple[Missing, ...]:
    """Who handed in nothing of some lab. unread: who handed in something that may be of any lab."""
    if roster is None:
        return ()
    done = {
        (one.lab.name, person.identifier)
        for one in there
        for person in (one.person, *one.others)
        if person and person.listed
    }
    lacking = [
        Missing(person=person, labs=tuple(lab for lab in labs if (lab, person.identifier) not in done))
        for person in roster.people
        if person.identifier not in unread
    ]
    return tuple(entry for entry in lacking if entry.labs)


def _lost(path: Path, problem: str) -> LabReport:
    return LabReport(
        lab=UNKNOWN,
        title="Nothing says which lab this is of",
        path=str(path),
        steps=(),
        versions=Versions(),
        error=f"{problem} Ask for it again as `lab submit` makes it, or name the lab with --lab.",
    )


def _stamped(result: LabReport, submission: Submission | None) -> LabReport:
    if submission is None:
        return result
    marked = _marked(result, submission.person, submission.handed, submission.late)
    new = tuple(warning for warning in submission.warnings if warning not in result.warnings)
    return msgspec.structs.replace(marked, warnings=(*new, *result.warnings))


def _marked(
    result: LabReport, person: Person | None, handed: times.HandInTime, late: bool | None
) -> LabReport:
    return msgspec.structs.replace(
        result,
        person=person,
        submitted_at=times.written(handed.at),
        submitted_by=handed.by,
        late=late,
    )
