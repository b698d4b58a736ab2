"""What instructors copy, really run: by act and gitlab-ci-local, with the real `lab grade`, rooms and engine.

Needs no network. Stood in for are, by a few lines each: actions of GitHub's and other people's; `python -m venv`, which
makes a folder; and `pip install`, which looks for a project where it is told to and installs a `lab` that is this
checkout's, with the tiny lab. A commit of the project is really cloned, from a repository made for it.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from pathlib import Path

import jsonschema
import pytest
import yaml

from checker.base.cache import cache_dir
from checker.base.results import Report
from checker.programs import tools
from checker.report import jsonform
from tests.helpers import Command, TinyLab

ROOT = Path(__file__).resolve().parents[2]
CLASSROOM = ROOT / "classroom"

pytestmark = [
    pytest.mark.engine,
    pytest.mark.skipif(
        sys.platform != "linux", reason="jobs are run on the machine itself, which is Linux there"
    ),
]

POINTS = {"right": 10, "wrong": 2, "empty": 0}
LEARNERS = {
    "ada": "right",
    "bo b": "wrong",
    "cy": "empty",
    "dee": "right",
    "eve": "right",
    "fay": "wrong",
}
"""In parts of four: ada and eve, bo b and fay, cy, dee. The first and the last part have nothing wrong in them."""
WANTED = {f"submissions/{name}/{TinyLab.name}": POINTS[kind] for name, kind in LEARNERS.items()}

ACTIONS = {
    "actions/checkout@v4": (
        "persist-credentials repository ref",
        'if [ -z "$REPOSITORY" ]; then cp -r "$CLASS"/. .; else cp -r "$PROJECT"/. .; fi',
    ),
    "actions/setup-python@v5": ("python-version", "true"),
    "actions/upload-artifact@v4": (
        "name path if-no-files-found retention-days",
        'mkdir -p "$STORE/$NAME" && cp -r -- "$PLACE" "$STORE/$NAME/"',
    ),
    "actions/download-artifact@v4": (
        "pattern path",
        'mkdir -p "$PLACE" && cp -r "$STORE"/$PATTERN "$PLACE/"',
    ),
    # Reads <RUNNER>_RESULTS and fails unless all is well, as the real one does.
    "classroom-resources/autograding-grading-reporter@v1": (
        "runners",
        'results="${RUNNERS^^}_RESULTS"\n'
        'mkdir -p "$STORE" && base64 --decode <<< "${!results}" > "$STORE/classroom.json"\n'
        """grep -q '^  "status": "pass"' "$STORE/classroom.json\"""",
    ),
}
CODE_QUALITY = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["description", "check_name", "fingerprint", "severity", "location"],
        "properties": {
            "description": {"type": "string", "minLength": 1},
            "check_name": {"type": "string", "minLength": 1},
            "fingerprint": {"type": "string", "minLength": 1},
            "severity": {"enum": ["info", "minor", "major", "critical", "blocker"]},
            "location": {
                "type": "object",
                "required": ["path", "lines"],
                "properties": {
                    "path": {"type": "string", "pattern": "^[^/.]"},
                    "lines": {
                        "type": "object",
                        "required": ["begin"],
                        "properties": {"begin": {"type": "integer"}},
                    },
                },
            },
        },
    },
}
"""What GitLab asks of a report (GitLab Docs, "Code Quality", "Code Quality report format")."""

VALUES = {
    "NAME": "name",
    "PLACE": "path",
    "PATTERN": "pattern",
    "REPOSITORY": "repository",
    "RUNNERS": "runners",
}


def program(path: Path, script: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/bash\n{script}\n")
    path.chmod(0o755)


def lay_out(tiny: TinyLab, workspace: Path, kind: str) -> None:
    """Make a submission. Those that are empty are what a learner begins with."""
    shutil.copytree(tiny.folder / "starter", workspace)
    if kind != "empty":
        tiny.solve(workspace)
    if kind == "wrong":
        (workspace / "steps/push.sh").write_text("echo Pushed.\n")


class Machine:
    """Where jobs are run: the repository of a class, the project it installs, and stand-ins."""

    def __init__(self, place: Path, lab: Command) -> None:
        self.place = place
        self.repository = place / "class"
        self.project = place / "project"
        self.repository.mkdir()
        shutil.copytree(CLASSROOM, self.project / "classroom")
        shutil.copy(ROOT / "pyproject.toml", self.project)
        bin_ = place / "bin"
        given = {name: value for name, value in lab.env.items() if name != "PATH"} | {"PYTHONPATH": str(ROOT)}
        exported = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in given.items())
        program(place / "lab", f'{exported}exec {shlex.quote(sys.executable)} -m checker.cli "$@"')
        program(
            place / "pip",  # `pip install --quiet PROJECT`
            'set -e\ntest "$1" = install\ntest -f "${!#}/pyproject.toml"\n'
            f'cp {shlex.quote(str(place / "lab"))} "${{0%/*}}/lab"',
        )
        program(
            bin_ / "python",  # `python -m venv FOLDER`
            f'[ "$1 $2" = "-m venv" ] || exec {shlex.quote(sys.executable)} "$@"\n'
            f'mkdir -p "$3/bin" && cp {shlex.quote(str(place / "pip"))} "$3/bin/pip"',
        )
        (place / "temporary").mkdir()
        self.environment = {
            "HOME": str(place),
            "TMPDIR": str(place / "temporary"),
            "PATH": f"{bin_}:{os.environ['PATH']}",
            "GIT_AUTHOR_NAME": "Ada", "GIT_AUTHOR_EMAIL": "ada@example.org",
            "GIT_COMMITTER_NAME": "Ada", "GIT_COMMITTER_EMAIL": "ada@example.org",
        }  # fmt: skip
        # `lab doctor` looks for programs there, which are the same for all.
        (lab.cache / "programs").symlink_to(cache_dir() / "programs")

    def run(self, command: list[str], cwd: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=cwd,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def git(self, where: Path, *words: str) -> None:
        done = self.run(["git", *words], where)
        assert done.returncode == 0, done.stderr

    def commit(self, where: Path) -> None:
        self.git(where, "init", "--quiet", "--initial-branch=main")
        self.git(where, "add", "--all")
        self.git(where, "commit", "--quiet", "--message", "As it is now")


@pytest.fixture
def machine(tmp_path: Path, lab: Command) -> Machine:
    place = tmp_path / "machine"
    place.mkdir()
    return Machine(place, lab)


class Act:
    """GitHub, as act has it."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self.store = machine.place / "store"

    def push(self, name: str) -> subprocess.CompletedProcess[str]:
        """Run a file of classroom/ as the workflow of the class's repository."""
        machine = self._machine
        workflow = machine.repository / ".github" / "workflows" / name
        workflow.parent.mkdir(parents=True)
        shutil.copy(CLASSROOM / name, workflow)
        machine.commit(machine.repository)
        command = [
            *(str(tools.program("act")), "push"),
            *("--no-cache-server", "--no-skip-checkout", "--no-recurse"),
            *("--directory", str(machine.repository), "--workflows", str(workflow)),
            *("-P", "ubuntu-latest=-self-hosted"),
            *("--action-cache-path", str(machine.place / "act")),
        ]
        given = {"STORE": self.store, "CLASS": machine.repository, "PROJECT": machine.project}
        for key, value in given.items():
            command += ["--env", f"{key}={value}"]
        for option in ("--env-file", "--secret-file", "--var-file", "--input-file"):
            command += [option, "/dev/null"]
        for action, (inputs, script) in ACTIONS.items():
            folder = machine.place / "actions" / action.partition("@")[0]
            stand_in(folder, inputs.split(), script)
            command += ["--local-repository", f"{action}={folder}"]
        command += ["--local-repository", f"OWNER/registry-lab@COMMIT={machine.project}"]
        return machine.run(command, machine.place)


def stand_in(folder: Path, inputs: list[str], script: str) -> None:
    values = {key: f"${{{{ inputs.{name} }}}}" for key, name in VALUES.items() if name in inputs}
    about = {
        "name": "stand-in",
        "description": "stand-in",
        "inputs": {name: {"description": "it", "required": False} for name in inputs},
        "runs": {"using": "composite", "steps": [{"shell": "bash", "run": script, "env": values}]},
    }
    folder.mkdir(parents=True)
    (folder / "action.yml").write_text(json.dumps(about))


def report(path: Path) -> Report:
    return jsonform.from_json(path.read_bytes())


def points(found: Report) -> dict[str, float]:
    return {result.path: result.points for result in found.results}


def said(done: subprocess.CompletedProcess[str]) -> str:
    return done.stdout[-6000:] + done.stderr[-3000:]


def test_github_grades_a_class_in_parts_and_puts_it_together(machine: Machine, tiny: TinyLab) -> None:
    for name, kind in LEARNERS.items():
        lay_out(tiny, machine.repository / "submissions" / name / tiny.name, kind)
    act = Act(machine)

    done = act.push("github-class.yml")

    parts = [points(report(path)) for path in sorted(act.store.glob("part-*/report.json"))]
    assert [len(part) for part in parts] == [2, 2, 1, 1], said(done)
    assert {path: points for part in parts for path, points in part.items()} == WANTED
    whole = next(act.store.glob("class/**/report.json"))
    assert points(report(whole)) == WANTED
    assert {file.name for file in whole.parent.iterdir()} >= {"class.html", "grades.csv", "summary.md"}
    # By their steps: act gives all parts of a matrix the result of the worst.
    ends = re.findall(r"/grade-(\d)\].* (Success|Failure) - Main Grade this part", done.stdout)
    assert sorted(ends) == [("1", "Success"), ("2", "Failure"), ("3", "Failure"), ("4", "Success")], said(
        done
    )
    assert re.search(r"/class\s*\].*Job succeeded", done.stdout)


@pytest.mark.parametrize(("kind", "ends"), [("right", "succeeded"), ("wrong", "failed")])
def test_github_classroom_hears_of_a_learner(machine: Machine, tiny: TinyLab, kind: str, ends: str) -> None:
    lay_out(tiny, machine.repository / tiny.name, kind)
    act = Act(machine)

    done = act.push("github-classroom.yml")

    assert (act.store / "classroom.json").is_file(), said(done)
    form = json.loads((act.store / "classroom.json").read_text())
    assert form["max_score"] == 10
    assert [(test["name"], test["status"], test["score"]) for test in form["tests"]] == {
        "right": [
            ("Push an image of this run", "pass", 5),
            ("Pin it by digest", "pass", 3),
            ("Write it down", "pass", 2),
        ],
        "wrong": [
            ("Push an image of this run", "fail", 0),
            ("Pin it by digest", "fail", 0),
            ("Write it down", "pass", 2),
        ],
    }[kind]
    assert done.stdout.count(f"Job {ends}") == 1, said(done)


class GitLab:
    """GitLab, as gitlab-ci-local has it, with a runner that has no containers."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self.state = machine.place / "state"
        self._program = str(tools.program("gitlab-ci-local"))

    def push(self, variables: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        """Run a pipeline that includes the template, as a file of its own repository, and sets variables."""
        machine = self._machine
        shutil.copy(CLASSROOM / "grade.gitlab-ci.yml", machine.repository)
        pipeline = {"include": [{"local": "grade.gitlab-ci.yml"}], "variables": dict(variables)}
        (machine.repository / ".gitlab-ci.yml").write_text(json.dumps(pipeline))
        machine.commit(machine.repository)
        machine.git(machine.repository, "remote", "add", "origin", "git@gitlab.invalid:course/class.git")
        command = [
            *(self._program, "--cwd", machine.repository.name, "--state-dir", "../state", "--no-color"),
            *("--force-shell-executor", "--shell-isolation", "--concurrency", "2"),
            "--no-artifacts-to-source",  # jobs get them by `needs` alone
        ]
        return machine.run(command, machine.place)

    def artifacts(self, pattern: str) -> list[Path]:
        """Files that jobs left, by a pattern below the folder of each job."""
        return sorted(self.state.glob(f"artifacts/*/{pattern}"))


def check_gitlabs_reports(gitlab: GitLab) -> None:
    """Look at what GitLab takes from each job by `artifacts:reports`, which gitlab-ci-local does not."""
    template = yaml.safe_load((CLASSROOM / "grade.gitlab-ci.yml").read_text())
    patterns = template["grade"]["artifacts"]["reports"]
    for job in gitlab.artifacts("results"):
        graded = points(report(next(job.glob("*/report.json"))))
        [junit] = job.parent.glob(patterns["junit"])
        suites = ET.fromstring(junit.read_bytes())
        assert suites.tag == "testsuites"
        assert len(list(suites.iter("testcase"))) == 3 * len(graded)
        [codequality] = job.parent.glob(patterns["codequality"])
        issues = json.loads(codequality.read_bytes())
        jsonschema.validate(issues, CODE_QUALITY)
        at_fault = {path for path, reached in graded.items() if reached < 10}
        assert {"/".join(issue["location"]["path"].split("/")[:3]) for issue in issues} == at_fault
        assert bool(list(suites.iter("failure"))) == bool(at_fault)


def test_gitlab_grades_a_class_in_parts_and_puts_it_together(machine: Machine, tiny: TinyLab) -> None:
    for name, kind in LEARNERS.items():
        lay_out(tiny, machine.repository / "submissions" / name / tiny.name, kind)
    machine.commit(machine.project)
    machine.git(machine.project, "tag", "v1")
    # What came after the tag is nothing that could be installed.
    machine.git(machine.project, "rm", "--quiet", "pyproject.toml")
    machine.git(machine.project, "commit", "--quiet", "--message", "Not ready")
    gitlab = GitLab(machine)

    done = gitlab.push({"REGISTRY_LAB_REPOSITORY": str(machine.project), "REGISTRY_LAB_REF": "v1"})

    states = {name: state for state, name in re.findall(r"^ (PASS|FAIL)  (.*\S)", done.stdout, re.MULTILINE)}
    assert states == {
        "grade: [1/4]": "PASS",
        "grade: [2/4]": "FAIL",
        "grade: [3/4]": "FAIL",
        "grade: [4/4]": "PASS",
        "class": "PASS",
    }, said(done)
    parts = [points(report(path)) for path in gitlab.artifacts("results/*/report.json")]
    assert sorted(map(len, parts)) == [1, 1, 2, 2]
    assert {path: points for part in parts for path, points in part.items()} == WANTED
    check_gitlabs_reports(gitlab)
    [whole] = gitlab.artifacts("class/report.json")
    assert points(report(whole)) == WANTED
    assert {file.name for file in whole.parent.iterdir()} == {"report.json", "class.html", "grades.csv"}
