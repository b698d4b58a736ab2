"""JUnit XML that any reader takes, whatever the answers printed."""

from collections.abc import Callable
from xml.etree import ElementTree as ET

from checker.base.results import Report
from checker.report.junit import to_junit


def test_golden(class_report: Report, golden: Callable[[str, str | bytes], None]) -> None:
    golden("class.junit.xml", to_junit(class_report))


def test_outcomes_map_to_elements(class_report: Report) -> None:
    root = ET.fromstring(to_junit(class_report))
    assert {name: root.get(name) for name in ("tests", "failures", "errors", "skipped")} == {
        "tests": "8",
        "failures": "1",
        "errors": "2",
        "skipped": "1",
    }
    first, second, third = root.findall("testsuite")
    inside = {case.get("name"): [child.tag for child in case] for case in first.findall("testcase")}
    assert inside == {
        "references": [],
        "build": ["system-out"],
        "release": ["failure", "system-out"],
        "promote": ["skipped"],
        "slim": ["error"],
    }
    assert second.get("failures") == "0"
    case = third.find("testcase")
    assert case is not None
    assert case.get("name") == "(lab)"
    assert case[0].get("message") == "The engine stopped answering. Start it and grade again."


def test_a_failure_carries_code_and_the_three_sentences(sample_report: Report) -> None:
    failure = ET.fromstring(to_junit(sample_report)).find(".//failure")
    assert failure is not None
    assert failure.get("message") == "tags-differ"
    assert failure.text is not None
    assert all(label in failure.text for label in ("Expected: ", "Seen: ", "Next: "))


def test_hostile_text_stays_text(hostile_report: Report) -> None:
    data = to_junit(hostile_report)
    root = ET.fromstring(data)
    tags = {element.tag for element in root.iter()}
    assert tags == {
        "testsuites", "testsuite", "properties", "property", "testcase",
        "failure", "skipped", "error", "system-out",
    }  # fmt: skip
    output = root.find(".//testcase/system-out")
    assert output is not None
    assert output.text is not None
    assert "<script>alert(1)</script>" in output.text
    assert "]]>" in output.text
    assert "\\x00" in output.text
    assert b"]]>" not in data
    assert not set(data.decode()) & set("\x00\x07\x1b\x7f\x9b\u202e\ufffe")
