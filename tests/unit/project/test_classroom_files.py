"""What instructors copy: valid where it is used, and its scripts do what they say. No network, no engine."""

import itertools
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import check_jsonschema
import pytest
import yaml

from checker.base.results import LabReport, Person, Report
from checker.cli.app import cli
from checker.inspect.schema import validator
from checker.lab.catalog import Catalog
from checker.report import gradingrules, jsonform
from tests.helpers import TinyLab

ROOT = Path(__file__).resolve().parents[3]
CLASSROOM = ROOT / "classroom"
SCHEMAS = Path(check_jsonschema.__file__).with_name("builtin_schemas") / "vendor"

FILES = {
    "classroom/github-class.yml": "github-workflows",
    "classroom/github-classroom.yml": "github-workflows",
    ".github/workflows/grade.yml": "github-workflows",
    "classroom/action/action.yml": "github-actions",
    "classroom/grade.gitlab-ci.yml": "gitlab-ci",
}
ACTION = CLASSROOM / "action" / "action.yml"


def loaded(name: str) -> Any:
    # BaseLoader: `on` stays a key and no value becomes a boolean, as the platforms read it.
    return yaml.load((ROOT / name).read_text(encoding="utf-8"), yaml.BaseLoader)


@pytest.mark.parametrize(("name", "schema"), FILES.items())
def test_each_is_what_its_platform_asks_for(name: str, schema: str) -> None:
    rules = json.loads((SCHEMAS / f"{schema}.json").read_text(encoding="utf-8"))
    typed = yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))
    if True in typed:  # YAML 1.1 reads `on` so
        typed["on"] = typed.pop(True)

    assert [error.message for error in validator(rules).iter_errors(typed)] == []


def test_the_table_names_every_file() -> None:
    table = (CLASSROOM / "README.md").read_text(encoding="utf-8")

    there = {path.relative_to(CLASSROOM).as_posix() for path in CLASSROOM.rglob("*") if path.is_file()}
    assert there - {"README.md"} == set(re.findall(r"^\| `([^`.][^`]*)`", table, re.MULTILINE))


def scripts(tree: Any) -> list[str]:
    """Every shell script in a workflow, an action or a pipeline."""
    match tree:
        case dict():
            found = [text for key, value in tree.items() if key != "run" for text in scripts(value)]
            own = tree.get("run")
            lines = [tree.get(key, []) for key in ("script", "before_script")]
            joined = ["\n".join(part) for part in lines if part]
            return [*found, *joined, *([own] if isinstance(own, str) else [])]
        case list():
            return [text for item in tree for text in scripts(item)]
        case _:
            return []


@pytest.mark.parametrize("name", FILES)
def test_no_script_holds_an_expression_and_every_script_is_bash(name: str) -> None:
    found = scripts(loaded(name))

    assert found
    for script in found:
        assert "${{" not in script
        done = subprocess.run(["bash", "-n"], input=script, text=True, capture_output=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith(".yml") and "gitlab" not in name])
def test_workflows_can_read_and_nothing_else_and_leave_no_token(name: str) -> None:
    content = loaded(name)
    text = (ROOT / name).read_text(encoding="utf-8")

    assert not re.search(r"secrets\.\w", text)
    if name.endswith("action.yml"):
        return
    assert content["permissions"] == {"contents": "read"}
    assert "pull_request_target" not in content["on"]
    for job in content["jobs"].values():
        for step in job["steps"]:
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] == "false"


def test_the_action_is_given_inputs_that_it_has() -> None:
    inputs = set(loaded("classroom/action/action.yml")["inputs"])

    used = [
        step["with"]
        for name in ("classroom/github-class.yml", "classroom/github-classroom.yml")
        for job in loaded(name)["jobs"].values()
        for step in job["steps"]
        if "classroom/action@" in step.get("uses", "")
    ]
    assert len(used) == 2
    assert all(set(given) <= inputs for given in used)


def test_the_example_of_rules_is_about_labs_steps_and_findings_that_are_there() -> None:
    catalog = Catalog(ROOT)
    rules = gradingrules.read(CLASSROOM / "grading.toml", catalog.labs())

    for key, of_lab in rules.labs.items():
        checks = (catalog.lab(key).folder / "checks.py").read_text(encoding="utf-8")
        for step in of_lab.steps.values():
            assert all(f'"{rule.finding}"' in checks for rule in step.partial)
    assert rules.late
    assert rules.cap_percent


class Machine:
    """A place to run a script of a workflow: a `lab` that notes what it was asked, or the real one."""

    def __init__(self, folder: Path, root: Path) -> None:
        self.folder = folder
        self.temp = folder / "temp"
        self.output = folder / "output"
        self.summary = folder / "summary"
        tools = self.temp / "registry-lab" / "bin"
        tools.mkdir(parents=True)
        self.output.touch()
        self.environment = {
            "PATH": f"{folder / 'tools'}:{os.environ['PATH']}",
            "HOME": str(folder),
            "RUNNER_TEMP": str(self.temp),
            "GITHUB_OUTPUT": str(self.output),
            "GITHUB_STEP_SUMMARY": str(self.summary),
            "GITHUB_ACTION_PATH": str(ACTION.parent),
            "REGISTRY_LAB_ROOT": str(root),
        }
        real = f'exec {sys.executable} -m checker.cli "$@"'
        self.program(
            tools / "lab", f'case $1 in grade) printf "%s\\n" "$@" > {folder}/asked; exit 1 ;; esac\n{real}'
        )
        self.program(tools / "pip", ":")
        self.program(folder / "tools" / "python", ":")  # makes no environment: it is there

    def program(self, path: Path, script: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/bash\n{script}\n")
        path.chmod(0o755)

    def run(self, script: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
            cwd=self.folder,
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def asked(self) -> list[str]:
        return (self.folder / "asked").read_text().splitlines()

    def outputs(self) -> dict[str, str]:
        """As the runner reads them: `name=value`, or a value of several lines up to a delimiter."""
        found: dict[str, str] = {}
        lines = iter(self.output.read_text().splitlines())
        for line in lines:
            if delimited := re.match(r"(\w+)<<(.+)", line):
                found[delimited[1]] = "\n".join(itertools.takewhile(lambda text: text != delimited[2], lines))
            else:
                name, _, value = line.partition("=")
                found[name] = value
        return found


@pytest.fixture
def machine(tmp_path: Path, tiny: TinyLab) -> Machine:
    folder = tmp_path / "machine"
    folder.mkdir()
    return Machine(folder, tiny.root)


def step(name: str, job: str, title: str) -> str:
    steps = loaded(name)["jobs"][job]["steps"]
    return str(next(step["run"] for step in steps if step["name"] == title))


def test_the_parts_are_all_parts_of_one_whole() -> None:
    grade = loaded("classroom/github-class.yml")["jobs"]["grade"]
    parts = grade["strategy"]["matrix"]["part"]

    assert parts == [str(number + 1) for number in range(len(parts))]
    given = next(step["with"] for step in grade["steps"] if "classroom/action@" in step.get("uses", ""))
    assert given["shard"] == f"${{{{ matrix.part }}}}/{len(parts)}"


def test_the_action_grades_what_it_is_given_and_passes_the_exit_code_on(machine: Machine) -> None:
    run = [step["run"] for step in loaded("classroom/action/action.yml")["runs"]["steps"] if "run" in step]
    given = {
        "PATHS": "submissions/ada\n\nsubmissions/bo b\n-rf\n$(touch owned)\n",
        "RESULTS": "out",
        "SHARD": "2/5",
        "FAIL_UNDER": "60",
        "RULES": "",
        "ROSTER": "class list.csv",
        "DUE": "",
    }

    assert machine.run(run[0]).returncode == 0
    done = machine.run(run[1], **given)

    assert done.returncode == 1
    assert machine.outputs() == {"exit_code": "1"}
    asked = machine.asked()
    assert asked[asked.index("--") + 1 :] == ["submissions/ada", "submissions/bo b", "-rf", "$(touch owned)"]
    assert asked[asked.index("--roster") + 1] == "class list.csv"
    assert asked[asked.index("--shard") + 1] == "2/5"
    assert "--rules" not in asked
    assert not (machine.folder / "owned").exists()


def test_the_parts_become_one_report_of_the_class(machine: Machine, sample: LabReport) -> None:
    import msgspec

    for number, who in enumerate(("ada", "bo"), start=1):
        folder = machine.folder / "parts" / f"part-{number}"
        folder.mkdir(parents=True)
        result = msgspec.structs.replace(sample, path=f"submissions/{who}", person=Person(identifier=who))
        report = Report(mode="replay", generated_at="2026-01-31T09:30:00Z", results=(result,))
        (folder / "report.json").write_bytes(jsonform.to_json(report))

    done = machine.run(step("classroom/github-class.yml", "class", "Put the class together"))

    assert done.returncode == 0, done.stderr
    whole = jsonform.from_json((machine.folder / "class" / "report.json").read_bytes())
    assert [result.path for result in whole.results] == ["submissions/ada", "submissions/bo"]
    assert {path.name for path in (machine.folder / "class").iterdir()} == {
        "report.json", "class.html", "grades.csv", "summary.md",
    }  # fmt: skip
    assert "submissions/bo" in machine.summary.read_text()


def test_github_classroom_finds_the_scores_by_the_names_it_looks_for() -> None:
    # README of classroom-resources/autograding-grading-reporter, "Usage"
    workflow = loaded("classroom/github-classroom.yml")

    assert workflow["name"] == "Autograding Tests"
    assert list(workflow["jobs"]) == ["run-autograding-tests"]


def test_github_classroom_gets_its_form(machine: Machine, sample_report: Report) -> None:
    import base64

    results = machine.folder / "results"
    results.mkdir()
    (results / "report.json").write_bytes(jsonform.to_json(sample_report))
    script = step(
        "classroom/github-classroom.yml",
        "run-autograding-tests",
        "Put the result into GitHub Classroom's form",
    )

    done = machine.run(script, RESULTS=str(results))

    assert done.returncode == 0, done.stderr
    form = json.loads(base64.b64decode(machine.outputs()["result"]))
    assert form["max_score"] == 50


def test_each_job_of_gitlab_grades_its_part(machine: Machine) -> None:
    doctor, script = loaded("classroom/grade.gitlab-ci.yml")["grade"]["script"]
    assert doctor == '"$place/venv/bin/lab" doctor --fix'
    (machine.folder / "venv").symlink_to(machine.temp / "registry-lab")

    done = machine.run(script, place=str(machine.folder), CI_NODE_INDEX="2", CI_NODE_TOTAL="4", FAIL_UNDER="")

    assert done.returncode == 1, done.stderr
    asked = machine.asked()
    assert asked[asked.index("--") + 1 :] == ["submissions"]
    assert asked[asked.index("--shard") + 1] == "2/4"
    assert asked[asked.index("--codequality") + 1] == "results/2/codequality.json"
    assert "--fail-under" not in asked


def test_every_option_of_every_script_is_one_the_command_has() -> None:
    known = {
        (command, option)
        for command in ("grade", "report")
        for parameter in cli.commands[command].params
        for option in parameter.opts
    }
    for name in FILES:
        for script in scripts(loaded(name)):
            command = "report" if re.search(r'lab"? report', script) else "grade"
            if re.search(r"lab\"? (grade|report)", script):
                options = set(re.findall(r"(?<![\w-])--[a-z]+(?:-[a-z]+)*(?= \"| [\w$])", script))
                tools = {"--wrap", "--quiet", "--detach", "--fix", "--editable"}
                assert {(command, option) for option in options - tools} <= known, name
