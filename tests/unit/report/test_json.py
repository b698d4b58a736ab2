"""The JSON form: documented, strict, and the same after reading it back."""

import copy
import json
from collections.abc import Callable
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from checker.base.errors import BrokenLab, EngineFault, ExitCode, LabError, UsageError
from checker.base.results import (
    Alike,
    AnswerRun,
    AnswerText,
    Finding,
    LabReport,
    Missing,
    Outcome,
    Person,
    Report,
    Shard,
    StepReport,
    Versions,
)
from checker.report.jsonform import error_json, from_json, schema, to_json

VALIDATOR = jsonschema.Draft202012Validator(
    schema(), format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
)

WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
ANY_TEXT = st.one_of(WORDS, st.text(max_size=20))
SAID = ANY_TEXT.filter(bool)
SECONDS = st.floats(0, 1e6, allow_nan=False)
CODES = st.from_regex(r"[a-z0-9]+(-[a-z0-9]+)*", fullmatch=True)
TIMES = st.datetimes().map(lambda when: when.isoformat(timespec="seconds") + "Z")


def structs(text: st.SearchStrategy[str], said: st.SearchStrategy[str]) -> st.SearchStrategy[Report]:
    """Random reports that keep the rules of the model: the outcomes, the points, a reason for each."""
    findings = st.builds(Finding, code=CODES, expected=text, observed=text, action=text)
    runs = st.builds(
        AnswerRun,
        exit_code=st.none() | st.integers(-64, 255),
        seconds=SECONDS,
        output=text,
        truncated=st.booleans(),
        timed_out=st.booleans(),
    )

    @st.composite
    def steps(draw: st.DrawFn) -> StepReport:
        outcome = draw(st.sampled_from(Outcome))
        most = 0 if outcome is Outcome.ERROR else draw(st.integers(0, 100))
        found = draw(st.lists(findings, max_size=2)) if outcome is Outcome.FAIL else []
        silent = outcome is Outcome.PASS or found
        return StepReport(
            step=draw(CODES),
            title=draw(text),
            outcome=outcome,
            points=most if outcome is Outcome.PASS else 0,
            max_points=most,
            findings=tuple(found),
            reason=draw(text if silent else said),
            seconds=draw(SECONDS),
            written=draw(st.none() | st.builds(AnswerText, path=text, text=text, truncated=st.booleans())),
            answer=draw(st.none() | runs),
        )

    people = st.builds(Person, identifier=said, name=text, email=text, login=text, listed=st.booleans())
    moments = st.just("") | TIMES
    results = st.builds(
        LabReport,
        lab=text,
        title=text,
        path=text,
        steps=st.lists(steps(), max_size=4).map(tuple),
        versions=st.builds(Versions, lab=text, checker=text, engine=text, registry=text),
        seconds=SECONDS,
        warnings=st.lists(said, max_size=2).map(tuple),
        error=text,
        person=st.none() | people,
        submitted_at=moments,
        submitted_by=st.sampled_from(["", "archive", "commit", "files"]),
        late=st.none() | st.booleans(),
    )
    alike = st.builds(
        Alike,
        lab=text,
        step=text,
        paths=st.lists(text, min_size=2, max_size=3).map(tuple),
        percent=st.floats(0, 100),
    )
    missing = st.builds(Missing, person=people, labs=st.lists(text, min_size=1, max_size=2).map(tuple))
    return st.builds(
        Report,
        mode=st.sampled_from(["practice", "replay"]),
        generated_at=TIMES,
        results=st.lists(results, max_size=3).map(tuple),
        due=moments,
        missing=st.lists(missing, max_size=2).map(tuple),
        unmatched=st.lists(text, max_size=2).map(tuple),
        alike=st.lists(alike, max_size=2).map(tuple),
        shard=st.none()
        | st.sets(st.integers(1, 9), max_size=4).map(lambda parts: Shard(parts=tuple(sorted(parts)), of=9)),
        schema=st.just("registry-lab/report"),
        schema_version=st.just(3),
    )


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())


def test_every_object_in_the_schema_is_closed_and_described() -> None:
    for name, definition in schema()["$defs"].items():
        if definition.get("type") != "object":
            continue
        assert definition["additionalProperties"] is False, name
        assert set(definition["required"]) == set(definition["properties"]), name
        for key, field in definition["properties"].items():
            target = schema()["$defs"][field["$ref"].rpartition("/")[2]] if "$ref" in field else {}
            assert field.get("description") or target.get("description"), f"{name}.{key}"


def test_samples_are_valid_and_as_documented(
    class_report: Report, hostile_report: Report, golden: Callable[[str, str | bytes], None]
) -> None:
    golden("class.json", to_json(class_report))
    for report in (class_report, hostile_report):
        VALIDATOR.validate(json.loads(to_json(report)))


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(structs(ANY_TEXT, SAID))
def test_any_report_is_valid(report: Report) -> None:
    VALIDATOR.validate(json.loads(to_json(report)))


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(structs(WORDS, WORDS.filter(bool)))
def test_reading_back_gives_the_same_report(report: Report) -> None:
    assert from_json(to_json(report)) == report


def test_totals_need_no_arithmetic(class_report: Report) -> None:
    form = json.loads(to_json(class_report))
    assert (form["points"], form["max_points"], form["percent"], form["outcome"]) == (40, 70, 57.14, "error")
    assert [(r["points"], r["max_points"], r["percent"], r["outcome"]) for r in form["results"]] == [
        (20, 50, 40.0, "error"),
        (20, 20, 100.0, "pass"),
        (0, 0, 0.0, "error"),
    ]


def test_edited_totals_are_not_believed(sample_report: Report) -> None:
    form = json.loads(to_json(sample_report))
    form["points"] = form["results"][0]["points"] = 50
    assert from_json(json.dumps(form).encode()) == sample_report


def test_the_text_is_safe_to_show(hostile_report: Report) -> None:
    shown = to_json(hostile_report).decode()
    assert not set(shown) & set("\x00\x07\x1b\x7f\x9b\u202e\u2066\U000e0041\ufeff\r\t")
    finding = json.loads(shown)["results"][0]["steps"][0]["findings"][0]
    written = hostile_report.results[0].steps[0].findings[0]
    assert finding["observed"] == written.observed.replace("\udc80", "\ufffd")


def change(form: dict[str, Any], where: str, value: object) -> None:
    """Set the field at a dotted path; `...` takes it away."""
    *path, last = where.split(".")
    for key in path:
        form = form[int(key) if key.isdigit() else key]  # type: ignore[call-overload]
    if value is ...:
        del form[last]
    else:
        form[last] = value


BROKEN: list[tuple[str, object]] = [
    ("schema", "other/report"),
    ("schema_version", 1),
    ("schema_version", "3"),
    ("mode", "exam"),
    ("mode", ...),
    ("generated_at", "yesterday"),
    ("generated_at", "2026-01-31T09:30:00+02:00"),
    ("generated_at", "2026-02-31T09:30:00Z"),
    ("outcome", "skipped"),
    ("points", 1.5),
    ("percent", 101),
    ("more", 1),
    ("results", {}),
    ("due", "tomorrow"),
    ("due", None),
    ("unmatched", [1]),
    ("missing", [{"person": None, "labs": ["01-x"]}]),
    ("alike", [{"lab": "01-x", "step": "build", "paths": ["only one"], "percent": 100}]),
    ("shard", ...),
    ("shard", {"parts": [1]}),
    ("shard", {"parts": [0], "of": 2}),
    ("shard", {"parts": [1, 1], "of": 2}),
    ("shard", {"parts": [1], "of": 0}),
    ("results.0.steps.0.written", ...),
    ("results.0.steps.0.written", "echo"),
    ("results.0.steps.0.written", {"path": "steps/build.sh", "text": None, "truncated": False}),
    ("results.0.person", {"identifier": "", "name": "", "email": "", "login": "", "listed": True}),
    ("results.0.person", {"identifier": "ada"}),
    ("results.0.submitted_at", "2026-01-31"),
    ("results.0.submitted_by", "rumour"),
    ("results.0.late", 1),
    ("results.0.seconds", -1),
    ("results.0.warnings", [""]),
    ("results.0.versions.kernel", "6"),
    ("results.0.steps.0.outcome", "PASS"),
    ("results.0.steps.0.points", -1),
    ("results.0.steps.0.step", ""),
    ("results.0.steps.0.answer", ...),
    ("results.0.steps.0.findings", [{"code": "x", "expected": "", "observed": "", "action": ""}]),
    ("results.0.steps.1.answer.exit_code", "0"),
    ("results.0.steps.2.findings", []),
    ("results.0.steps.2.findings.0.code", "Not a code"),
    ("results.0.steps.2.findings.0.action", None),
    ("results.0.steps.3.reason", ""),
    ("results.0.steps.3.points", 15),
    ("results.0.steps.4.max_points", 10),
]


@pytest.mark.parametrize(("where", "value"), BROKEN)
def test_broken_reports_are_invalid(sample_report: Report, where: str, value: object) -> None:
    form = json.loads(to_json(sample_report))
    if "findings.0" in where:
        form = copy.deepcopy(form)
    if where.split(".")[-2:-1] == ["0"] and "findings" in where:
        form["results"][0]["steps"][2]["findings"][0][where.split(".")[-1]] = value
    else:
        change(form, where, value)
    assert not VALIDATOR.is_valid(form)


@pytest.mark.parametrize(
    "error", [UsageError("No lab 99."), EngineFault("No engine.", "Run it."), BrokenLab("Bad.")]
)
def test_the_error_form_is_valid(error: LabError, golden: Callable[[str, str | bytes], None]) -> None:
    form = json.loads(error_json(error))
    VALIDATOR.validate(form)
    assert form["exit_code"] == error.exit_code
    assert (form["message"], form["action"]) == (error.message, error.action)
    form["exit_code"] = int(ExitCode.PASSED)
    assert not VALIDATOR.is_valid(form)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[]", "not a report"),
        (b'{"schema": "sarif"}', "not a report"),
        (
            b'{"schema": "registry-lab/report", "schema_version": 1}',
            "version 1; this command reads version 3",
        ),
        (b'{"schema": "registry-lab/report", "schema_version": true}', "version True"),
        (b'{"schema": "registry-lab/report"}', "version None"),
        (b'{"schema": "registry-lab/report", "schema_version": 2}', "damaged"),
        (b'{"schema": "registry-lab/report", "schema_version": 3}', "damaged"),
        (error_json(EngineFault("No engine answers.", "Start it.")), "No engine answers."),
    ],
)
def test_other_files_are_refused_with_a_reason(data: bytes, says: str) -> None:
    with pytest.raises(UsageError) as raised:
        from_json(data)
    assert says in raised.value.message
    assert raised.value.action
