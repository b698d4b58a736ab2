"""A learner's report held against what the checker found itself: the ways in which it may not be true.

No finding here is about how many there are: a report with nothing in it does not mean that an image is safe.
"""

from collections.abc import Collection
from typing import NoReturn

import msgspec

from checker.check import fail
from reading import URGENT, Found, Malformed, Report

NOT_SAFE = "And mind: 0 does not mean safe, only that this database knows of nothing."


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """What a report is to be about. path: of the report. names: all that the image is called by."""

    path: str
    image: str
    names: frozenset[str]
    own: Report
    again: str

    @property
    def expected(self) -> str:
        return f"{self.path} is what a scan of {self.image} says."


def require_report(subject: Subject, text: str | None, report: Report | Malformed | None) -> Report:
    """Return the report, if there is one and it has a report's form."""
    if text is None or report is None:
        fail(
            "report-missing",
            expected=subject.expected,
            observed=f"There is no file {subject.path} in the workspace.",
            action=f"{subject.again} {NOT_SAFE}",
        )
    if isinstance(report, Malformed):
        fail(
            "report-not-of-trivy",
            expected=subject.expected,
            observed=f"{subject.path} is no report. {report}",
            action=f"{subject.again} Use --output: what is redirected may hold messages as well.",
        )
    return report


def require_subject(subject: Subject, report: Report) -> None:
    """That the report is about the very image that is there now."""
    own = subject.own
    if not report.image_id and not report.digests:
        fail(
            "report-not-of-trivy",
            expected=subject.expected,
            observed=f"It does not say which image it is of: a report of Trivy has the image's ID, "
            f"{own.image_id[:19]}… here.",
            action=f"Keep what Trivy writes, as it writes it. {subject.again}",
        )
    if report.image_id != own.image_id:
        if report.name in subject.names:
            fail(
                "report-stale",
                expected=f"{subject.path} is of the image that is called {subject.image} now.",
                observed=f"It is of {report.image_id[:19]}…, and here the name belongs to {own.image_id[:19]}….",
                action="An image that was built or tagged anew has to be scanned anew, and one that was scanned "
                f"elsewhere, in a registry say, has to be scanned here. {subject.again}",
            )
        fail(
            "report-of-another-image",
            expected=f"{subject.path} is of {subject.image}, {own.image_id[:19]}….",
            observed=f"It is of {report.name or 'an image'}, {report.image_id[:19]}….",
            action=subject.again,
        )
    if report.layers and own.layers and report.layers != own.layers:
        fail(
            "report-patched-together",
            expected=subject.expected,
            observed="It has the ID of that image, and the layers of another one.",
            action=f"Keep what Trivy writes, as it writes it. {subject.again}",
        )


def require_findings(subject: Subject, report: Report, severities: frozenset[str] | None = None) -> None:
    """That the report has what a scan finds, no more and no less. severities: those asked for; None: all."""
    own, said = subject.own.of(severities), report.found
    theirs = {one.key for one in said}
    missing = [one for one in own if one.key not in theirs]
    mine = {one.key: one for one in subject.own.found}
    if len(said) != len(theirs):
        _altered(subject, "One of them stands there twice, with different facts.")
    more = sorted(one for one in said if severities and one.severity not in severities)
    if more and more[0] == mine.get(more[0].key):
        fail(
            "severity-not-filtered",
            expected=f"{subject.path} has what is {' or '.join(sorted(severities or ()))}, and nothing else.",
            observed=f"It has {more[0]} too, which is {more[0].severity}.",
            action=f"Name the severities with --severity. {subject.again}",
        )
    for one in sorted(said):
        if one.key not in mine:
            fail(
                "findings-invented",
                expected=subject.expected,
                observed=f"It has {one}, which no scan of that image finds.",
                action=f"Keep what Trivy writes, as it writes it. {subject.again}",
            )
        if mine[one.key] != one:
            known = mine[one.key]
            _altered(
                subject,
                f"It says that {one} is {one.severity}, fixed in {one.fixed or 'no version'}. "
                f"A scan says {known.severity}, fixed in {known.fixed or 'no version'}.",
            )
    if missing:
        _missing(subject, report, sorted(missing), own, severities)


def _altered(subject: Subject, how: str) -> NoReturn:
    fail(
        "findings-altered",
        expected=subject.expected,
        observed=how,
        action=f"Keep what Trivy writes, as it writes it. {subject.again}",
    )


def _missing(
    subject: Subject,
    report: Report,
    missing: list[Found],
    own: Collection[Found],
    severities: frozenset[str] | None,
) -> NoReturn:
    examples = _listed(missing)
    if not report.found:
        fail(
            "report-empty",
            expected=subject.expected,
            observed=f"It has no findings at all. A scan finds {examples}.",
            action=f"{subject.again} {NOT_SAFE}",
        )
    gone = {one.severity for one in missing}
    unfixed = all((not one.fixed) == (one in missing) for one in own)
    if all(one in missing for one in own if one.severity in gone):
        asked = f"Ask for --severity {','.join(sorted(severities))}" if severities else "Leave out --severity"
        fail(
            "severity-hidden",
            expected=subject.expected,
            observed=f"Nothing in it is {' or '.join(sorted(gone))}. A scan finds {examples}.",
            # Either option would have left out just these.
            action=f"{asked}{', and leave out --ignore-unfixed' if unfixed else ''}. {subject.again}",
        )
    if unfixed:
        fail(
            "unfixed-hidden",
            expected=subject.expected,
            observed=f"All that has no fix is left out, such as {examples}.",
            action=f"Leave out --ignore-unfixed: what cannot be mended is still there. {subject.again}",
        )
    fail(
        "findings-dropped",
        expected=subject.expected,
        observed=f"Missing there: {examples}.",
        action="A report is a record: nothing is taken out of it, neither by hand nor by a file of "
        "exceptions. " + subject.again,
    )


def _listed(found: list[Found]) -> str:
    shown = ", ".join(map(str, found[:3]))
    return f"{shown} and more" if len(found) > 3 else shown


__all__ = ["NOT_SAFE", "URGENT", "Subject", "require_findings", "require_report", "require_subject"]
