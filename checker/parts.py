"""Parts of a class that were graded apart, put together as one report."""

from collections.abc import Sequence

import msgspec

from checker.errors import UsageError
from checker.model import LabReport, Missing, Outcome, Report, Shard


class Joined(msgspec.Struct, frozen=True):
    """What became of joining. absent: numbers of the parts that are not among them. doubled: paths of submissions that
    two parts judged differently, where the first one counts."""

    report: Report
    absent: tuple[int, ...] = ()
    doubled: tuple[str, ...] = ()


def join(reports: Sequence[Report]) -> Joined:
    """One report in which every submission is once. Raises UsageError where they are no parts of one grading.

    What one part could not grade counts as another graded it. Results are in the order of their paths, so that it does
    not matter who did what. Somebody is missing if nothing of a lab was there in any part. A report of some parts
    only says of which.
    """
    first = reports[0]
    numbers = {report.shard.of for report in reports if report.shard}
    if len({(report.mode, report.due) for report in reports}) > 1 or len(numbers) > 1:
        raise UsageError(
            "These reports are no parts of one grading: they differ in mode, due time or the number of parts.",
            "Name the reports of one grading, all made with equal options.",
        )
    found: dict[tuple[str, str], LabReport] = {}
    doubled: list[str] = []
    for result in (result for report in reports for result in report.results):
        key = (result.path, result.lab)
        before = found.get(key)
        if before is None or (before.outcome is Outcome.ERROR and result.outcome is not Outcome.ERROR):
            found[key] = result
        elif result.outcome is not Outcome.ERROR and before.points != result.points:
            doubled.append(result.path)
    shard = _shard(reports)
    absent = tuple(sorted(set(range(1, shard.of + 1)) - set(shard.parts))) if shard else ()
    if len(reports) == 1:
        return Joined(first, absent)
    report = msgspec.structs.replace(
        first,
        generated_at=max(report.generated_at for report in reports),
        results=tuple(found[key] for key in sorted(found)),
        missing=_missing(reports),
        unmatched=tuple(dict.fromkeys(path for report in reports for path in report.unmatched)),
        alike=tuple(dict.fromkeys(each for report in reports for each in report.alike)),
        shard=shard,
    )
    return Joined(report, absent, tuple(dict.fromkeys(doubled)))


def _shard(reports: Sequence[Report]) -> Shard | None:
    """Which parts are there; None where that is all."""
    shards = [report.shard for report in reports if report.shard]
    if not shards:
        return None
    parts = sorted({part for shard in shards for part in shard.parts})
    return Shard(parts=tuple(parts), of=shards[0].of) if len(parts) < shards[0].of else None


def _missing(reports: Sequence[Report]) -> tuple[Missing, ...]:
    gone = [
        {(entry.person.identifier, lab) for entry in one.missing for lab in entry.labs} for one in reports
    ]
    everywhere = set.intersection(*gone)
    return tuple(
        Missing(person=entry.person, labs=labs)
        for entry in reports[0].missing
        if (labs := tuple(lab for lab in entry.labs if (entry.person.identifier, lab) in everywhere))
    )
