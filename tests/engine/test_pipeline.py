"""A lab from start to stop, as a learner meets it: whole commands, exit codes, what is shown."""

import io
from pathlib import Path

import jsonschema
import pytest

from checker.engine.connection import Engine
from checker.report import jsonform
from checker.stack.cleanup import BASE_IMAGE
from tests.helpers import Command, Done, TinyLab, until

pytestmark = pytest.mark.engine


def outcomes(done: Done) -> dict[str, str]:
    """Step -> outcome of a JSON report with one result, which has to be as the schema says."""
    jsonschema.validate(done.json, jsonform.schema())
    return {step["step"]: step["outcome"] for step in done.json["results"][0]["steps"]}


def test_start_says_where_everything_is(lab: Command, started: Done, workspace: Path) -> None:
    assert "registry is ready at 127.0.0.1:" in started.out
    assert f"Your answers live in {workspace}." in started.out
    assert (workspace / "steps/push.sh").read_text() == "# Push an image of this run\n"
    assert (workspace / "note.txt").read_text() == ""


def test_an_untouched_workspace_is_not_begun_and_is_told_what_to_do(lab: Command, started: Done) -> None:
    done = lab("check", "90")

    assert done.code == 1
    assert done.out.count("· not begun") == 3
    assert "fail" not in done.out
    assert "`lab show push` says what it is about." in done.out
    assert "next: push" in done.out


def test_the_solution_passes(lab: Command, started: Done, tiny: TinyLab, workspace: Path) -> None:
    tiny.solve(workspace)

    run = lab("run", "90", "--all")
    check = lab("check", "90", "--json")

    assert run.code == 0, run.out + run.err
    assert check.code == 0
    assert outcomes(check) == {"push": "pass", "pin": "pass", "note": "pass"}


def test_one_step_is_run_and_judged_alone(
    lab: Command, started: Done, tiny: TinyLab, workspace: Path
) -> None:
    tiny.solve(workspace)

    done = lab("run", "90", "push", "--json")

    assert done.code == 0
    assert outcomes(done) == {"push": "pass"}
    assert done.json["results"][0]["steps"][0]["answer"]["exit_code"] == 0


@pytest.mark.parametrize("name", ["90", "tiny", "90-tiny"])
def test_a_lab_is_known_by_number_topic_and_name(lab: Command, name: str) -> None:
    done = lab("check", name)

    assert done.code == 2
    assert "Lab 90-tiny is not started" in done.err
    assert "Run `lab start 90`." in done.err


def test_check_without_a_lab_checks_what_is_started(lab: Command, started: Done) -> None:
    assert lab("check").code == 1
    assert "90-tiny: Tiny" in lab("check").out


def test_starting_twice_is_the_same_as_once(
    lab: Command, started: Done, workspace: Path, engine: Engine
) -> None:
    (workspace / "note.txt").write_text("mine\n")

    again = lab("start", "90")

    assert again.code == 0
    assert "running already" in again.err
    assert again.out == started.out
    assert (workspace / "note.txt").read_text() == "mine\n"


def test_hints_come_one_at_a_time_and_the_last_one_stays(lab: Command, started: Done) -> None:
    shown = [lab("hint", "90", "push").out for _ in range(3)]

    assert shown == [
        "Hint 1 of 2: Build it first.\n",
        "Hint 2 of 2: Then push it.\n",
        "Hint 2 of 2: Then push it.\n",
    ]


def test_a_reset_step_keeps_the_old_answer(lab: Command, started: Done, workspace: Path) -> None:
    (workspace / "steps/push.sh").write_text("echo mine\n")

    done = lab("reset", "90", "push")

    assert done.code == 0
    assert (workspace / "steps/push.sh").read_text() == "# Push an image of this run\n"
    (kept,) = workspace.glob(".lab/backup/*/steps/push.sh")
    assert kept.read_text() == "echo mine\n"


def test_stop_takes_the_pushed_away_and_leaves_the_answers(
    lab: Command, tiny: TinyLab, workspace: Path
) -> None:
    assert lab("start", "90").code == 0
    tiny.solve(workspace)
    assert lab("run", "90", "--all").code == 0

    done = lab("stop", "90")

    assert done.code == 0
    assert (workspace / "steps/push.sh").read_text() == (tiny.folder / "solution/steps/push.sh").read_text()
    assert "is not running" in lab("stop", "90").out


def test_the_answer_sees_the_values_and_nothing_of_the_user(
    lab: Command, started: Done, workspace: Path
) -> None:
    (workspace / "steps/push.sh").write_text("env > seen\n")

    lab("run", "90", "push", SECRET="mine", PYTHONPATH="/nowhere", DOCKER_CONFIG="/my/own")

    seen = dict(line.split("=", 1) for line in (workspace / "seen").read_text().splitlines() if "=" in line)
    assert {"REGISTRY", "WORD", "TOKEN", "DOCKER_HOST"} <= set(seen)
    assert seen["HOME"] == str(workspace / ".lab/home")
    assert seen["DOCKER_CONFIG"] == str(workspace / ".lab/docker")
    assert {"SECRET", "PYTHONPATH"}.isdisjoint(seen)


def test_the_time_limit_ends_an_answer_with_its_children(
    lab: Command, started: Done, tiny: TinyLab, workspace: Path
) -> None:
    tiny.edit("lab.toml", "points = 5\n", "points = 5\ntime_limit = 0.5\n")
    (workspace / "steps/push.sh").write_text("sleep 600 & echo $! $$ > pids\nsleep 600\n")

    done = lab("run", "90", "push", "--json")

    assert done.code == 1
    (step,) = done.json["results"][0]["steps"]
    assert step["answer"]["timed_out"]
    assert step["answer"]["exit_code"] is None
    assert gone((workspace / "pids").read_text())


def test_a_child_left_in_the_background_is_ended_with_the_answer(
    lab: Command, started: Done, workspace: Path
) -> None:
    (workspace / "steps/push.sh").write_text("sleep 600 & echo $! > pids\n")

    lab("run", "90", "push")

    assert gone((workspace / "pids").read_text())


def test_output_is_cut_at_the_limit(lab: Command, started: Done, workspace: Path) -> None:
    (workspace / "steps/push.sh").write_text("head -c 400000 /dev/zero | tr '\\0' x; echo the end\n")

    done = lab("run", "90", "push", "--json")

    answer = done.json["results"][0]["steps"][0]["answer"]
    assert answer["output"] == "x" * 256 * 1024
    assert answer["truncated"]
    assert answer["exit_code"] == 0


@pytest.mark.parametrize(
    ("check", "reason"),
    [
        ("raise ValueError('an oversight')", "ValueError: an oversight"),
        ("assert 1 == 2", "AssertionError"),
        ("import sys; sys.exit(7)", "SystemExit"),
    ],
)
def test_a_check_that_breaks_is_an_error_and_costs_nothing(
    lab: Command, started: Done, tiny: TinyLab, check: str, reason: str
) -> None:
    tiny.edit("checks.py", "    image = registry.image(", f"    {check}\n    image = registry.image(")

    as_json, shown = lab("check", "90", "--json"), lab("check", "90", "push")

    assert (as_json.code, shown.code) == (3, 3)
    (step, *_) = as_json.json["results"][0]["steps"]
    assert (step["outcome"], step["points"], step["max_points"]) == ("error", 0, 0)
    assert reason in step["reason"]
    assert "This is not the answer's fault and costs no points." in shown.out
    assert "✗ fail" not in shown.out
    assert "Traceback" not in shown.out + shown.err


def test_what_a_check_prints_stays_out_of_the_report(lab: Command, started: Done, tiny: TinyLab) -> None:
    tiny.edit(
        "checks.py", "    image = registry.image(", "    print('seen by nobody')\n    image = registry.image("
    )

    done = lab("check", "90", "push", "--json")

    assert outcomes(done) == {"push": "fail"}
    assert "seen by nobody" not in done.out + done.err


def test_checks_with_a_syntax_error_are_the_labs_fault(lab: Command, started: Done, tiny: TinyLab) -> None:
    tiny.write("checks.py", "def broken(:\n")

    done = lab("check", "90", "--json")

    assert done.code == 3
    assert set(outcomes(done).values()) == {"error"}
    assert "SyntaxError" in done.json["results"][0]["steps"][0]["reason"]


def test_a_step_without_a_check_is_the_labs_fault(lab: Command, started: Done, tiny: TinyLab) -> None:
    tiny.edit("checks.py", '@step("note")', '@step("pin")')

    done = lab("check", "90", "--json")

    assert done.code == 3
    assert outcomes(done) == {"push": "fail", "pin": "skipped", "note": "error"}
    assert "no check for this step" in done.json["results"][0]["steps"][2]["reason"]


def test_settings_of_pytest_and_python_have_no_say(lab: Command, started: Done, workspace: Path) -> None:
    (workspace / "conftest.py").write_text("raise SystemExit('conftest')\n")
    (workspace / "pytest.ini").write_text("[pytest]\naddopts = --collect-only\n")

    done = lab("check", "90", "--json", cwd=workspace, PYTEST_ADDOPTS="--collect-only", PYTEST_PLUGINS="no")

    assert done.code == 1
    assert outcomes(done) == {"push": "fail", "pin": "skipped", "note": "fail"}


def test_stop_all_leaves_nothing_of_ours_and_everything_else(
    lab: Command, engine: Engine, tiny: TinyLab, workspace: Path
) -> None:
    api = engine.client.api
    others = api.containers(all=True, filters={"label": "registry-lab.owner"})
    assert not others, "`lab stop --all` is to be tested, and would end a practice of yours: stop it first"
    api.import_image_from_data(empty_tar(), "somebody", "else")
    foreign_without_name = half_built(engine, "somebody.label")
    half_built(engine, BASE_IMAGE)
    foreign = api.create_container("somebody:else", ["/none"])["Id"]
    try:
        assert lab("start", "90").code == 0
        tiny.solve(workspace)
        assert lab("run", "90", "--all").code == 0
        replay = lab.cache / "replays/1-2-3"
        replay.mkdir(parents=True)
        tiny.write("lab.toml", "broken =")  # must not keep anything from being stopped

        done = lab("stop", "--all")

        assert done.code == 0, done.err
        assert "Removed 1 containers" in done.err
        assert not replay.exists()
        assert api.containers(all=True, filters={"label": "registry-lab.owner"}) == []
        assert [entry["Id"] for entry in api.containers(all=True) if entry["Id"] == foreign] == [foreign]
        assert api.inspect_image("somebody:else")
        assert not api.images(filters={"dangling": True, "label": BASE_IMAGE})
        assert api.inspect_image(foreign_without_name)
        assert (workspace / "steps/push.sh").read_text().startswith("set -eu")
    finally:
        api.remove_container(foreign)
        api.remove_image("somebody:else")
        api.remove_image(foreign_without_name)


def half_built(engine: Engine, label: str) -> str:
    """Leave what a build that was stopped half-way leaves: an image without a name; returns its id."""
    text = f"FROM scratch\nLABEL {label}=test\n".encode()
    image, _ = engine.client.images.build(fileobj=io.BytesIO(text), rm=True)
    return str(image.id)


def empty_tar() -> bytes:
    return bytes(10240)


def gone(pids: str) -> bool:
    """Whether processes end soon, zombies counting as ended."""

    def alive(pid: str) -> bool:
        try:
            return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            return False

    return bool(until(lambda: not any(alive(pid) for pid in pids.split()), f"processes {pids} to end"))
