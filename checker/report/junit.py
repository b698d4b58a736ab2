"""JUnit XML: one test suite per workspace, one test case per step.

A fail is a `failure` whose message is the finding's code, an error is an `error`, a skipped step is
`skipped`. What an answer printed is the case's `system-out`.
"""

from xml.etree import ElementTree as ET

from checker.base.plain import plain, plain_line
from checker.base.results import LabReport, Outcome, Report, StepReport
from checker.report.wording import codes, described, trouble

LAB_CASE = "(lab)"
"""Name of the case that carries an error of the whole lab; no step can be called so."""


def to_junit(report: Report) -> bytes:
    """Return the report as UTF-8 JUnit XML. Characters XML cannot hold appear as escapes."""
    root = ET.Element("testsuites", name="registry-lab")
    suites = [_suite(result, report) for result in report.results]
    root.extend(suites)
    for count in ("tests", "failures", "errors", "skipped"):
        root.set(count, str(sum(int(suite.get(count, "0")) for suite in suites)))
    root.set("time", _seconds(sum(result.seconds for result in report.results)))
    ET.indent(root)
    body: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return body + b"\n"


def _suite(result: LabReport, report: Report) -> ET.Element:
    name = f"{plain_line(result.lab)} ({plain_line(result.path)})"
    suite = ET.Element("testsuite", name=name)
    suite.append(_properties(result, report))
    cases = [_case(step, name) for step in result.steps]
    if why := trouble(result):
        cases.insert(0, _lab_case(why, name))
    suite.extend(cases)
    if result.warnings:
        ET.SubElement(suite, "system-out").text = "\n".join(plain(warning) for warning in result.warnings)
    suite.set("tests", str(len(cases)))
    for count, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(count, str(sum(case.find(tag) is not None for case in cases)))
    suite.set("time", _seconds(result.seconds))
    # The format's timestamp has no zone (xs:dateTime without one in the usual schema); it is UTC here.
    suite.set("timestamp", plain_line(report.generated_at).removesuffix("Z"))
    return suite


def _properties(result: LabReport, report: Report) -> ET.Element:
    element = ET.Element("properties")
    facts = {
        "mode": report.mode,
        "points": str(result.points),
        "max_points": str(result.max_points),
        "percent": str(round(result.percent, 2)),
        "version.lab": result.versions.lab,
        "version.checker": result.versions.checker,
        "version.engine": result.versions.engine,
        "version.registry": result.versions.registry,
    }
    for name, value in facts.items():
        if value:
            ET.SubElement(element, "property", name=name, value=plain_line(value))
    return element


def _case(step: StepReport, suite: str) -> ET.Element:
    case = ET.Element("testcase", classname=suite, name=plain_line(step.step), time=_seconds(step.seconds))
    match step.outcome:
        case Outcome.FAIL:
            _verdict(case, "failure", codes(step), described(step))
        case Outcome.ERROR:
            _verdict(case, "error", codes(step), described(step))
        case Outcome.SKIPPED:
            ET.SubElement(case, "skipped", message=codes(step))
        case Outcome.PASS:
            pass
    if step.answer and step.answer.output:
        ET.SubElement(case, "system-out").text = plain(step.answer.output)
    return case


def _lab_case(why: str, suite: str) -> ET.Element:
    case = ET.Element("testcase", classname=suite, name=LAB_CASE, time="0.000")
    _verdict(case, "error", plain_line(why), why)
    return case


def _verdict(case: ET.Element, tag: str, message: str, text: str) -> None:
    ET.SubElement(case, tag, message=message, type=tag).text = text


def _seconds(seconds: float) -> str:
    return f"{seconds:.3f}"
