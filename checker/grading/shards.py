"""Merge the reports of parts of a class that were graded on several machines."""

from collections import Counter
from collections.abc import Sequence

import msgspec

from checker.base.errors import UsageError
from checker.base.results import LabReport, Missing, Outcome, Report, Shard


class Joined(msgspec.Struct, frozen=True):
    """What became of joining. absent: numbers of the parts that are not among them, or were interrupted. twice: numbers
    of the parts that are in several of them. of: how many parts there are; 0 if nothing was graded in parts. doubled:
    paths of submissions that two reports judge differently, where the first one counts."""

    report: Report
    absent: tuple[int, ...] = ()
    twice: tuple[int, ...] = ()
    of: int = 0
    doubled: tuple[str, ...] = ()


def join(reports: Sequence[Report]) -> Joined:
    """One report in which every submission is once. Raises UsageError where they are no parts of one grading.

    A submission that one shard could not grade counts as another graded it. Results are sorted by path, so that the
    order of the reports does not matter. A person is missing if no shard had anything of theirs for a lab. If shards
    are left out, `shard` of the result names those that are in it, and it can be joined with the others later; if every
    shard is present, `shard` is None. A report without `shard` stands for no shard, whatever it holds.
    """
    first = reports[0]
    counts = {report.shard.of for report in reports if report.shard}
    if len({(report.mode, report.due) for report in reports}) > 1 or len(counts) > 1:
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
    of = max(counts, default=0)
    given = Counter(part for report in reports if report.shard for part in report.shard.parts)
    absent = tuple(part for part in range(1, of + 1) if part not in given)
    twice = tuple(sorted(part for part, count in given.items() if count > 1))
    shard = Shard(parts=tuple(sorted(given)), of=of) if absent else None
    if len(reports) == 1:
        return Joined(msgspec.structs.replace(first, shard=shard), absent, of=of)
    report = msgspec.structs.replace(
        first,
        generated_at=max(report.generated_at for report in reports),
        results=tuple(found[key] for key in sorted(found)),
        missing=_missing(reports),
        unmatched=tuple(dict.fromkeys(path for report in reports for path in report.unmatched)),
        alike=tuple(dict.fromkeys(each for report in reports for each in report.alike)),
        shard=shard,
    )
    return Joined(report, absent, twice, of, tuple(dict.fromkeys(doubled)))


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
