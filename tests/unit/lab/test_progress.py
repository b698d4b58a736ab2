"""The record of progress: what a check found is written down, and what it says is never unfair."""

import msgspec
import pytest

from checker.base.errors import EnvironmentFault
from checker.base.model import Lab, Step
from checker.base.results import AnswerText, Finding, LabReport, Outcome, StepReport, Versions
from checker.judge import answertext
from checker.lab import progress, workspace
from checker.lab.progress import Progress, Standing
from checker.lab.workspace import Workspace

NO_IMAGE = Finding(code="no-image", expected="An image.", observed="None.", action="Build it.")
NO_TAG = Finding(code="no-tag", expected="A tag.", observed="None.", action="Tag it.")


def verdict(
    lab: Lab, step: str, outcome: Outcome, *findings: Finding, begun: bool = True, reason: str = ""
) -> StepReport:
    found = lab.step(step)
    assert found is not None
    most = 0 if outcome is Outcome.ERROR else found.points
    return StepReport(
        step=step,
        title=found.title,
        outcome=outcome,
        points=most if outcome is Outcome.PASS else 0,
        max_points=most,
        findings=findings,
        reason=reason,
        begun=begun,
    )


def standings(record: Progress) -> dict[str, str]:
    return {name: str(step.standing) for name, step in record.steps.items()}


def test_a_step_goes_from_not_begun_to_tried_to_passed(lab: Lab, place: Workspace) -> None:
    seen = []
    for outcome, begun in ((Outcome.FAIL, False), (Outcome.FAIL, True), (Outcome.PASS, True)):
        findings = (NO_IMAGE,) if outcome is Outcome.FAIL else ()
        made = progress.note_checked(
            lab, place, [verdict(lab, "push", outcome, *findings, begun=begun)], ran=["push"]
        )
        seen.append(made.step("push").standing)

    assert seen == [Standing.NOT_BEGUN, Standing.TRIED, Standing.PASSED]
    kept, trouble = progress.read(place)
    assert kept == made
    assert trouble == ""
    assert kept.step("push").points == 5
    assert kept.step("push").passed_at >= kept.step("push").begun_at > ""
    assert kept.step("push").findings == ()


def test_a_step_that_is_done_without_its_answer_is_passed(lab: Lab, place: Workspace) -> None:
    made = progress.note_checked(lab, place, [verdict(lab, "push", Outcome.PASS, begun=False)])

    assert standings(made) == {"push": "passed"}


def test_an_error_leaves_a_step_where_it_stood(lab: Lab, place: Workspace) -> None:
    progress.note_checked(lab, place, [verdict(lab, "push", Outcome.PASS)])

    made = progress.note_checked(
        lab, place, [verdict(lab, "push", Outcome.ERROR, reason="The engine is gone.")]
    )

    assert made.step("push").standing is Standing.PASSED
    assert made.step("push").points == 5
    assert made.step("push").outcome is Outcome.ERROR
    assert made.step("push").reason == "The engine is gone."


def test_what_was_passed_and_is_broken_again_is_tried(lab: Lab, place: Workspace) -> None:
    progress.note_checked(lab, place, [verdict(lab, "push", Outcome.PASS)])

    made = progress.note_checked(lab, place, [verdict(lab, "push", Outcome.FAIL, NO_IMAGE)])

    assert made.step("push").standing is Standing.TRIED
    assert made.points == 0
    assert made.step("push").passed_at == ""


def test_tries_count_what_was_run_or_changed_and_not_every_look(lab: Lab, place: Workspace) -> None:
    step = lab.steps[0]
    wrong = [verdict(lab, "push", Outcome.FAIL, NO_IMAGE)]

    for text in ("docker build .\n", "docker build app\n"):
        workspace.write_answer(place, step, text)
        for _ in range(3):  # a watcher looks as often as it likes
            made = progress.note_checked(lab, place, wrong)
    made = progress.note_checked(lab, place, wrong, ran=["push"])

    assert (made.step("push").tries, made.step("push").same) == (3, 3)
    other = progress.note_checked(lab, place, [verdict(lab, "push", Outcome.FAIL, NO_TAG)], ran=["push"])
    assert (other.step("push").tries, other.step("push").same) == (4, 1)


def test_two_steps_of_one_file_are_begun_one_after_the_other(lab: Lab, place: Workspace) -> None:
    one = msgspec.structs.replace(lab.steps[0], name="one", answer="ci.yml", needs=())
    two = msgspec.structs.replace(lab.steps[0], name="two", answer="ci.yml", needs=("one",))
    shared = msgspec.structs.replace(lab, steps=(one, two))

    def check(text: str, first: Outcome, second: Outcome) -> Progress:
        workspace.write_answer(place, one, text)
        found = [
            verdict(shared, name, outcome, *((NO_IMAGE,) if outcome is Outcome.FAIL else ()))
            for name, outcome in (("one", first), ("two", second))
        ]
        return progress.note_checked(shared, place, found)

    fail, passed = Outcome.FAIL, Outcome.PASS
    assert standings(check("a: 1\n", fail, fail)) == {"one": "tried", "two": "not begun"}
    assert standings(check("a: 2\n", passed, fail)) == {"one": "passed", "two": "not begun"}
    assert standings(check("a: 3\n", passed, fail)) == {"one": "passed", "two": "tried"}
    assert standings(check("a: 3\n", passed, fail)) == {"one": "passed", "two": "tried"}
    assert standings(check("a: 4\n", passed, passed)) == {"one": "passed", "two": "passed"}


def test_the_next_step_is_the_first_open_one_that_can_be_done(lab: Lab, place: Workspace) -> None:
    def named(step: Step | None) -> str:
        return step.name if step else ""

    record = Progress()
    assert named(progress.next_step(lab, record)) == "push"
    record = progress.note_checked(lab, place, [verdict(lab, "push", Outcome.PASS)])
    assert named(progress.next_step(lab, record)) == lab.steps[1].name
    assert named(progress.next_step(lab, record, after=lab.steps[-1].name)) == lab.steps[1].name
    record = progress.note_checked(lab, place, [verdict(lab, step.name, Outcome.PASS) for step in lab.steps])
    assert progress.next_step(lab, record) is None


def test_hints_and_a_call_for_help_survive_a_check(lab: Lab, place: Workspace) -> None:
    progress.note_hint(lab, place, "push", 2)
    asked = progress.note_help(lab, place, wanted=True)

    made = progress.note_checked(lab, place, [verdict(lab, "push", Outcome.FAIL, NO_IMAGE)])

    assert made.step("push").hints == 2
    assert made.help_at == asked.help_at > ""
    assert progress.note_help(lab, place, wanted=False).help_at == ""


def test_a_step_that_is_started_over_is_forgotten(lab: Lab, place: Workspace) -> None:
    progress.note_checked(lab, place, [verdict(lab, step.name, Outcome.PASS) for step in lab.steps])

    made = progress.forget(place, ["push"])

    assert "push" not in made.steps
    assert made.passed == len(lab.steps) - 1


@pytest.mark.parametrize(
    "damage", [b"", b'{"steps": {"pu', b"[]", b'{"steps": {"push": "two"}}', b"\xff", b'{"version": 99}']
)
def test_a_damaged_record_is_kept_aside_and_told_once(place: Workspace, damage: bytes) -> None:
    (place.private / "progress.json").write_bytes(damage)

    record, told = progress.read(place)

    assert record == Progress()
    assert "progress.damaged" in told
    assert (place.private / "progress.damaged").read_bytes() == damage
    assert progress.read(place) == (Progress(), "")


def test_a_record_that_cannot_be_written_is_told_and_the_one_before_stays(
    lab: Lab, place: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = progress.note_hint(lab, place, "push", 1)

    def refuse(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", refuse)
    with pytest.raises(EnvironmentFault, match="No space left"):
        progress.note_checked(lab, place, [verdict(lab, "push", Outcome.PASS)])

    assert progress.read(place) == (before, "")


@pytest.mark.parametrize(
    ("text", "begun"),
    [
        ("", False),
        ("# Build the image\n", False),
        ("# Build the image\n\n   # and tag it\n", False),
        ("docker build app\n", True),
        ("# Build the image\ntrue\n", True),
    ],
)
def test_a_script_is_begun_when_a_command_is_in_it(
    lab: Lab, place: Workspace, text: str, begun: bool
) -> None:
    (place.path / lab.steps[0].answer_path).write_text(text)
    report = LabReport(
        lab=lab.name,
        title="",
        path="",
        steps=(verdict(lab, "push", Outcome.FAIL, NO_IMAGE),),
        versions=Versions(),
    )

    [step] = answertext.with_written(lab, report, answertext.written(lab, place)).steps

    assert step.begun is begun
    assert step.untouched is not begun


def test_a_file_is_begun_when_it_differs_from_what_was_given(lab: Lab, place: Workspace) -> None:
    step = msgspec.structs.replace(lab.steps[0], name="note", answer="note.txt")
    given = (place.path / "note.txt").read_text()

    assert not answertext.is_begun(lab, step, AnswerText(path="note.txt", text=given + "\n"))
    assert answertext.is_begun(lab, step, AnswerText(path="note.txt", text=given + "more\n"))
