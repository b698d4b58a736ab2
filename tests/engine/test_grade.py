"""`lab grade`: what is handed in is replayed, cannot cheat, and is reported in every form."""

import json
import os
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from checker.engine.connection import Engine
from checker.report import jsonform
from tests.helpers import BASE, Command, Done, TinyLab, until

pytestmark = pytest.mark.engine


@pytest.fixture
def solved(lab: Command, tiny: TinyLab) -> Path:
    """A submission that is right."""
    return tiny.solve(lab.home / "ada" / TinyLab.name)


def report(path: Path) -> Any:
    form = json.loads(path.read_text(encoding="utf-8"))
    jsonschema.validate(form, jsonform.schema())
    return form


def graded(lab: Command, *paths: Path | str) -> tuple[Done, dict[str, tuple[str, list[str]]], list[str]]:
    """Grade; how it ended, step -> outcome and finding codes, warnings (of the first path)."""
    file = lab.home / "report.json"
    done = lab("grade", *paths, "--json", file)
    first = report(file)["results"][0]
    steps = {
        step["step"]: (step["outcome"], [finding["code"] for finding in step["findings"]])
        for step in first["steps"]
    }
    return done, steps, first["warnings"]


ALL_PASS = {"push": ("pass", []), "pin": ("pass", []), "note": ("pass", [])}


def test_the_solution_gets_all_points_in_every_form(lab: Command, solved: Path) -> None:
    files = {form: lab.home / f"report.{form}" for form in ("json", "junit", "markdown")}

    done = lab("grade", solved, *(part for form, path in files.items() for part in (f"--{form}", path)))

    assert done.code == 0, done.out + done.err
    form = report(files["json"])
    assert (form["outcome"], form["points"], form["max_points"]) == ("pass", 10, 10)
    assert form["mode"] == "replay"
    assert form["results"][0]["path"] == str(solved)
    assert all(form["results"][0]["versions"].values())
    assert form["results"][0]["steps"][0]["written"]["text"] == (solved / "steps/push.sh").read_text()
    suites = ET.fromstring(files["junit"].read_bytes())
    assert [case.get("name") for case in suites.iter("testcase")] == ["push", "pin", "note"]
    assert next(suites.iter("failure"), None) is None
    assert "90-tiny" in files["markdown"].read_text()


@pytest.mark.parametrize("way", [[], ["--unprotected"]], ids=["in-a-room", "unprotected"])
def test_a_path_is_meant_from_where_the_command_is_given(lab: Command, solved: Path, way: list[str]) -> None:
    done = lab("grade", solved.name, *way, "--json", "report.json", cwd=solved.parent)

    assert done.code == 0, done.err
    assert json.loads((solved.parent / "report.json").read_text())["results"][0]["path"] == solved.name


def test_what_is_handed_in_is_only_read(lab: Command, solved: Path) -> None:
    before = {path: path.read_bytes() for path in solved.rglob("*") if path.is_file()}

    graded(lab, solved)

    assert {path: path.read_bytes() for path in solved.rglob("*") if path.is_file()} == before


def test_practice_goes_on_beside_a_grading(
    lab: Command, started: Done, tiny: TinyLab, workspace: Path
) -> None:
    tiny.solve(workspace)
    assert lab("run", "90", "--all").code == 0

    done, steps, _ = graded(lab, workspace)

    assert (done.code, steps) == (0, ALL_PASS)
    assert lab("check", "90").code == 0


@pytest.mark.parametrize(
    ("name", "step", "code"),
    [("REGISTRY", "push", "not-pushed"), ("WORD", "push", "not-pushed"), ("TOKEN", "push", "not-this-run")],
)
def test_a_value_written_out_passes_in_practice_and_fails_in_a_replay(
    lab: Command, started: Done, tiny: TinyLab, workspace: Path, name: str, step: str, code: str
) -> None:
    tiny.solve(workspace)
    (workspace / "steps/note.sh").write_text("env > seen\n")
    answer = workspace / "steps/push.sh"
    answer.write_text('env > "$WORKSPACE/.lab/seen"\n' + answer.read_text())
    assert lab("run", "90", "--all").code == 0
    values = dict(
        line.split("=", 1) for line in (workspace / ".lab/seen").read_text().splitlines() if "=" in line
    )
    answer.write_text(answer.read_text().replace(f"${name}", values[name]))
    assert lab("run", "90", "--all").code == 0, "it has to pass in practice"

    done, steps, _ = graded(lab, workspace)

    assert done.code == 1
    assert steps[step] == ("fail", [code])


def test_a_digest_written_out_passes_in_practice_and_fails_in_a_replay(
    lab: Command, started: Done, tiny: TinyLab, workspace: Path
) -> None:
    tiny.solve(workspace)
    assert lab("run", "90", "--all").code == 0
    pinned = (workspace / "pinned.txt").read_text()
    (workspace / "steps/pin.sh").write_text(f"echo {pinned.strip()} > pinned.txt\n")
    assert lab("run", "90", "--all").code == 0

    done, steps, _ = graded(lab, workspace)

    assert done.code == 1
    assert steps == ALL_PASS | {"pin": ("fail", ["not-pinned"])}


def test_files_with_a_meaning_elsewhere_have_none_here(
    lab: Command, solved: Path, engine: object, tmp_path: Path
) -> None:
    (solved / "steps/push.sh").write_text("echo I pushed it.\n")
    cheat = "import os\nos.environ['CHEATED'] = '1'\nraise SystemExit(0)\n"
    names = ["checks.py", "conftest.py", "sitecustomize.py", "usercustomize.py", "steps/conftest.py", "x.pth"]
    for name in names:
        (solved / name).write_text(cheat)
    (solved / "pytest.ini").write_text("[pytest]\naddopts = --collect-only\n")
    (solved / "pyproject.toml").write_text("[tool.pytest.ini_options]\naddopts = '--collect-only'\n")
    (solved / ".lab").mkdir()
    (solved / ".lab/probes.json").write_text("{}")
    (solved / ".git").mkdir()

    done, steps, warnings = graded(lab, solved)

    assert done.code == 1
    assert steps["push"] == ("fail", ["not-pushed"])
    for name in [*names, "pytest.ini", "pyproject.toml"]:
        assert f"{name} has no effect on checks or reports." in warnings


def test_links_that_lead_out_and_what_is_no_file_stay_out(lab: Command, solved: Path) -> None:
    secret = lab.home / "secret"
    secret.mkdir()
    (secret / "note.txt").write_text("the teacher's\n")
    (solved / "note.txt").unlink()
    (solved / "note.txt").symlink_to(secret / "note.txt")
    (solved / "folder").symlink_to(secret)
    (solved / "passwd").symlink_to("/etc/passwd")
    (solved / "up").symlink_to("../../secret/note.txt")
    (solved / "dangling").symlink_to("/nowhere/at/all")
    (solved / "inside").symlink_to("steps/push.sh")
    os.mkfifo(solved / "fifo")

    done, steps, warnings = graded(lab, solved)

    assert done.code == 1
    assert steps == ALL_PASS | {"note": ("fail", ["no-note"])}
    out = "is a link that leads out of the submission; it was left out."
    for name in ("note.txt", "folder", "passwd", "up", "dangling"):
        assert f"{name} {out}" in warnings
    assert "fifo is neither a file nor a folder; it was left out." in warnings
    assert not [text for text in warnings if text.startswith("inside")]


@pytest.mark.parametrize("shape", ["steps is a file", "an answer is a folder", "steps is a link to itself"])
def test_a_submission_of_a_strange_shape_fails_and_is_no_error(
    lab: Command, solved: Path, shape: str
) -> None:
    for path in (solved / "steps").iterdir():
        path.unlink()
    if shape == "an answer is a folder":
        (solved / "steps/push.sh").mkdir()
    else:
        (solved / "steps").rmdir()
        if shape == "steps is a file":
            (solved / "steps").write_text("")
        else:
            (solved / "steps").symlink_to("steps")

    done, steps, _ = graded(lab, solved)

    assert done.code == 1, done.err
    assert steps["push"] == ("fail", ["not-pushed"])
    assert steps["note"] == ("pass", [])


def test_an_answer_cannot_reach_the_checks_through_the_environment(lab: Command, solved: Path) -> None:
    (solved / "steps/push.sh").write_text(
        'env > "$HOME/env"; env | grep -E "^(PYTEST|PYTHON)"; echo "PATH=$PATH" >> ~/.bashrc\n'
    )

    file = lab.home / "report.json"
    done = lab("grade", solved, "--json", file, PYTEST_ADDOPTS="--collect-only", BASH_ENV="/nowhere")

    step = report(file)["results"][0]["steps"][0]
    assert done.code == 1
    assert (step["outcome"], step["answer"]["output"]) == ("fail", "")


def test_a_submission_that_is_too_large_gets_a_finding(lab: Command, solved: Path) -> None:
    with (solved / "big").open("wb") as file:
        file.truncate(60 * 1024 * 1024)

    done, steps, _ = graded(lab, solved)

    assert done.code == 1
    assert steps["push"] == ("fail", ["submission-too-large"])


def test_an_answer_that_damages_the_labs_own_folder_is_no_fault_of_the_machine(
    lab: Command, solved: Path
) -> None:
    first = solved / "steps/push.sh"
    first.write_text(first.read_text() + "\nrm -rf .lab\ntouch .lab\n")

    done, steps, _ = graded(lab, solved)

    assert done.code == 1, done.out + done.err
    assert steps["push"] == ("pass", [])
    assert steps["pin"][0] == "fail"


def test_an_answer_out_of_time_is_told_apart(lab: Command, tiny: TinyLab, solved: Path) -> None:
    tiny.edit("lab.toml", "points = 5\n", "points = 5\ntime_limit = 0.5\n")
    (solved / "steps/push.sh").write_text("sleep 600\n")

    done, steps, _ = graded(lab, solved)

    assert done.code == 1
    assert steps["push"] == ("fail", ["answer-timed-out", "not-pushed"])
    assert "push: ended at its time limit" in done.err


def test_containers_of_answers_go_with_the_replay(lab: Command, solved: Path) -> None:
    with (solved / "steps/push.sh").open("a") as file:
        file.write('docker run --detach --quiet "$REGISTRY/$WORD:1" busybox sleep 600\n')

    done, steps, _ = graded(lab, solved)

    assert (done.code, steps) == (0, ALL_PASS), done.out  # `counts` sees whether it is gone


def test_processes_that_left_their_group_go_with_the_replay(lab: Command, solved: Path) -> None:
    pid = lab.home / "pid"
    with (solved / "steps/push.sh").open("a") as file:
        file.write(f"setsid bash -c 'echo $$ > {pid}; exec sleep 600' > /dev/null 2>&1 &\n")
        file.write(f"until [ -s {pid} ]; do sleep 0.02; done\n")

    done, steps, _ = graded(lab, solved, "--unprotected")

    assert (done.code, steps) == (0, ALL_PASS), done.out
    until(lambda: not running_process(pid.read_text()), "the process to end")


def test_containers_of_others_stay_when_an_answer_tags_the_image_they_run(
    lab: Command, solved: Path, engine: Engine
) -> None:
    other = engine.client.api.create_container(BASE, ["/bin/true"])["Id"]
    try:
        (solved / "steps/push.sh").write_text(
            f'docker tag {BASE} "$REGISTRY/$WORD:1"; docker push "$REGISTRY/$WORD:1"\n'
        )

        done, steps, _ = graded(lab, solved, "--unprotected")

        assert (done.code, steps["push"]) == (1, ("fail", ["not-this-run"]))
        assert engine.client.api.inspect_container(other)
        assert engine.client.api.inspect_image(BASE)
    finally:
        engine.client.api.remove_container(other)


def test_a_missing_path_is_told_before_anything_runs(lab: Command, solved: Path) -> None:
    done = lab("grade", solved, lab.home / "nobody")

    assert done.code == 2
    assert "nobody is no folder" in done.err
    assert "[1/2]" not in done.err
    assert done.out == ""


def test_a_path_of_no_lab_and_a_report_nobody_can_write_are_wrong_usage(lab: Command, solved: Path) -> None:
    (lab.home / "stray").mkdir()

    nameless = lab("grade", lab.home / "stray")
    nowhere = lab("grade", solved, "--json", lab.home / "missing/report.json")

    assert (nameless.code, nowhere.code) == (2, 2)
    assert "Name the lab: `lab grade --lab 01" in nameless.err
    assert "There is no folder" in nowhere.err


def test_several_are_graded_in_one_report_and_judged_by_the_worst(
    lab: Command, tiny: TinyLab, solved: Path
) -> None:
    other = tiny.solve(lab.home / "bo" / TinyLab.name)
    (other / "note.txt").write_text("")
    file = lab.home / "report.json"

    strict = lab("grade", solved.parent, other, "--json", file)
    under = lab("grade", other, "--fail-under", "80")
    over = lab("grade", other, "--fail-under", "80.1")

    assert [result["percent"] for result in report(file)["results"]] == [100, 80]
    assert (strict.code, under.code, over.code) == (1, 0, 1)


def test_one_that_breaks_the_checks_is_an_error_beside_the_others(
    lab: Command, tiny: TinyLab, solved: Path
) -> None:
    tiny.edit(
        "checks.py",
        "def test_there_is_a_note(workspace):\n",
        "def test_there_is_a_note(workspace):\n    1 / 0\n",
    )
    file = lab.home / "report.json"

    done = lab("grade", solved, "--json", file, "--fail-under", "0")

    form = report(file)
    assert done.code == 3
    assert (form["outcome"], form["points"], form["max_points"]) == ("error", 8, 8)


def test_in_actions_annotations_are_written(lab: Command, solved: Path) -> None:
    (solved / "note.txt").write_text("")
    summary = lab.home / "summary.md"

    done = lab("grade", solved, GITHUB_ACTIONS="true", GITHUB_STEP_SUMMARY=str(summary))

    assert done.code == 1
    assert any(line.startswith("::notice ") and "note%3A not begun" in line for line in done.out.splitlines())
    assert "| <code>note</code> | · not begun | 0/2 |" in summary.read_text()


def test_in_actions_a_mistake_is_an_error_with_its_finding(lab: Command, solved: Path) -> None:
    (solved / "steps/push.sh").write_text("true\n")
    summary = lab.home / "summary.md"

    done = lab("grade", solved, GITHUB_ACTIONS="true", GITHUB_STEP_SUMMARY=str(summary))

    assert done.code == 1
    assert any(line.startswith("::error ") and "push%3A fail" in line for line in done.out.splitlines())
    assert "not-pushed" in summary.read_text()


def test_an_answer_cannot_keep_a_base_image_for_itself(
    lab: Command, tiny: TinyLab, solved: Path, engine: Engine
) -> None:
    before = engine.client.images.get(BASE).id
    with (solved / "steps/push.sh").open("a") as file:
        file.write(f"printf 'FROM {BASE}\\nLABEL mine=1\\n' | docker build --quiet --tag {BASE} -\n")

    done, steps, warnings = graded(lab, solved)

    assert (done.code, steps) == (0, ALL_PASS)
    assert warnings == [f"An answer moved or removed the lab's own image {BASE}; it was put back."]
    assert engine.client.images.get(BASE).id == before


def test_a_base_image_that_an_answer_removed_is_there_again_for_the_next(
    lab: Command, tiny: TinyLab, solved: Path
) -> None:
    with (solved / "steps/push.sh").open("a") as file:
        file.write(f"docker image rm {BASE}\n")
    pin = (solved / "steps/pin.sh").read_text()
    build = f"set -eu\nprintf 'FROM {BASE}\\nLABEL more=1\\n' | docker build --quiet --tag \"$REGISTRY/$WORD:2\" -\n"
    (solved / "steps/pin.sh").write_text(build + pin)

    done, steps, warnings = graded(lab, solved)

    assert (done.code, steps) == (0, ALL_PASS), done.out
    assert warnings == [f"An answer moved or removed the lab's own image {BASE}; it was put back."]


def test_ctrl_c_leaves_the_report_of_those_that_were_done(lab: Command, tiny: TinyLab, solved: Path) -> None:
    other = tiny.solve(lab.home / "bo" / TinyLab.name)
    with (other / "steps/push.sh").open("a") as file:
        file.write('docker run --detach --quiet "$REGISTRY/$WORD:1" busybox sleep 600\necho up; sleep 600\n')
    written = lab.home / "report.json"
    process = lab.spawn("grade", solved, other, "--json", written, "--unprotected")
    process.says("[2/2]")
    up = "ancestor=registry-lab/busybox:1"
    until(lambda: running(lab, up), "the second answer's container")

    process.interrupt()

    assert process.wait().code == 130
    assert "Interrupted: the report has the 1 of 2 workspaces that were done." in process.text
    assert [result["path"] for result in report(written)["results"]] == [str(solved)]


def test_what_a_killed_grading_left_goes_with_the_next_command(
    lab: Command, tiny: TinyLab, solved: Path
) -> None:
    with (solved / "steps/push.sh").open("a") as file:
        file.write('echo $$ > "$DOCKER_CONFIG/../../../pid"; sleep 600\n')
    process = lab.spawn("grade", solved, "--unprotected")
    (pid,) = until(lambda: list(lab.cache.glob("replays/*/pid")), "the answer to be at work")
    answer = int(until(pid.read_text, "its process id"))
    process.kill()
    os.killpg(answer, 9)
    assert list(lab.cache.glob("replays/*"))

    tiny.solve(solved)
    done, steps, _ = graded(lab, solved)

    assert (done.code, steps) == (0, ALL_PASS)  # `counts` sees what is left of the first


def running_process(pid: str) -> bool:
    try:
        return ") Z " not in Path(f"/proc/{pid.strip()}/stat").read_text()
    except OSError:
        return False


def running(lab: Command, which: str) -> bool:
    return bool(subprocess.check_output(["docker", "ps", "--quiet", "--filter", which], env=lab.env))


def test_what_lab_submit_packs_is_graded_as_the_folder_is_and_of_a_person_in_time(
    lab: Command, tiny: TinyLab, solved: Path
) -> None:
    (solved / "steps/pin.sh").write_text("echo not pinned\n")
    handed = lab.home / "handed"
    handed.mkdir()
    assert lab("submit", "-w", solved, "--to", handed / "ada.tar.gz").code == 0
    (handed / "bo.zip").write_text("<html>Please log in</html>")
    roster = lab.home / "class.csv"
    roster.write_text("identifier;name\nada;Ada\nbo;Bo\ncy;Cy\n")
    file = lab.home / "report.json"

    done = lab(
        "grade",
        handed,
        solved,
        "--roster",
        roster,
        "--due",
        "2100-01-01",
        "--json",
        file,
        "--fail-under",
        "0",
    )

    form = report(file)
    ada, bo, folder = form["results"]
    assert done.code == 0, done.err
    assert [step["outcome"] for step in ada["steps"]] == ["pass", "fail", "pass"]
    for one, other in zip(ada["steps"], folder["steps"], strict=True):
        assert (one["outcome"], one["points"]) == (other["outcome"], other["points"])
    assert {finding["code"] for step in bo["steps"] for finding in step["findings"]} == {"archive-unreadable"}
    assert (ada["person"]["name"], ada["submitted_by"], ada["late"]) == ("Ada", "archive", False)
    assert [entry["person"]["identifier"] for entry in form["missing"]] == ["cy"]
    assert form["unmatched"] == []
