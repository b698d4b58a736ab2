"""The workflow for a class, really run by act: every part, the action, and the report of all. Needs no network.

Actions of GitHub's are stood in for by a few lines each, and `lab grade` by a program that finds all answers wrong;
what puts the parts together is the real `lab report`.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from checker import tools
from checker.report import jsonform

ROOT = Path(__file__).resolve().parents[2]
STORE = 'mkdir -p "$STORE/$NAME" && cp -r -- "$FROM" "$STORE/$NAME/"'
ACTIONS = {
    "actions/checkout@v4": ("persist-credentials repository ref", 'cp -r "$CLASS"/. .'),
    "actions/setup-python@v5": ("python-version", "true"),
    "actions/upload-artifact@v4": ("name path if-no-files-found retention-days", STORE),
    "actions/download-artifact@v4": ("pattern path", 'mkdir -p "$TO" && cp -r "$STORE"/$PATTERN "$TO/"'),
}
VALUES = {"NAME": "name", "FROM": "path", "PATTERN": "pattern", "TO": "path"}

GRADE = """
import sys
from pathlib import Path
from checker.cli import main
from checker.commands.replaying import shard_of
from checker.model import LabReport, Outcome, Report, StepReport, Versions
from checker.report import jsonform

if sys.argv[1] != "grade":
    main()
given = lambda name: sys.argv[sys.argv.index(name) + 1]
part, parts = shard_of(given("--shard"))
step = StepReport(step="one", title="One", outcome=Outcome.FAIL, points=0, max_points=5)
results = [
    LabReport(lab=path.name, title="Tiny", path=str(path), steps=(step,), versions=Versions())
    for path in sorted(Path(given("--")).glob("*/*"))[part - 1 :: parts]
]
report = Report(mode="replay", generated_at="2026-01-31T09:30:00Z", results=tuple(results))
Path(given("--json")).write_bytes(jsonform.to_json(report))
sys.exit(1)
"""


def stand_in(folder: Path, inputs: str, script: str) -> None:
    named = [name for name in inputs.split() if name in VALUES.values()]
    environment = "".join(
        f"        {key}: ${{{{ inputs.{name} }}}}\n" for key, name in VALUES.items() if name in named
    )
    folder.mkdir(parents=True)
    (folder / "action.yml").write_text(
        "name: stand-in\ndescription: stand-in\ninputs:\n"
        + "".join(f"  {name}:\n    description: it\n    required: false\n" for name in inputs.split())
        + f"runs:\n  using: composite\n  steps:\n    - shell: bash\n      run: {script}\n"
        + (f"      env:\n{environment}" if environment else "")
    )


def program(path: Path, script: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/bash\n{script}\n")
    path.chmod(0o755)


@pytest.mark.skipif(
    sys.platform != "linux", reason="act runs jobs on the machine itself, which is Linux here"
)
def test_a_class_is_graded_in_parts_and_put_together(tmp_path: Path) -> None:
    repository, ours, store = tmp_path / "class", tmp_path / "ours", tmp_path / "store"
    workflow = repository / ".github" / "workflows" / "grade.yml"
    workflow.parent.mkdir(parents=True)
    shutil.copy(ROOT / "classroom" / "github-class.yml", workflow)
    names = [f"learner {number}" for number in range(6)]
    for name in names:
        answer = repository / "submissions" / name / "90-tiny" / "note.txt"
        answer.parent.mkdir(parents=True)
        answer.write_text("An answer.\n")
    subprocess.run(["git", "init", "--quiet", str(repository)], check=True)
    shutil.copytree(ROOT / "classroom", ours / "classroom")
    (tmp_path / "grade.py").write_text(GRADE)
    program(tmp_path / "lab", f'PYTHONPATH={ROOT} exec {sys.executable} {tmp_path / "grade.py"} "$@"')
    program(tmp_path / "tools" / "pip", ":")
    program(  # `python -m venv FOLDER`
        tmp_path / "tools" / "python",
        f'mkdir -p "$3/bin" && cp {tmp_path / "lab"} {tmp_path / "tools" / "pip"} "$3/bin/"',
    )
    command = [str(tools.program("act")), "push", "--no-cache-server", "--no-skip-checkout", "--no-recurse"]
    command += [
        "--directory",
        str(repository),
        "--workflows",
        str(workflow),
        "-P",
        "ubuntu-latest=-self-hosted",
    ]
    command += [
        "--action-cache-path",
        str(tmp_path / "act"),
        "--env",
        f"STORE={store}",
        "--env",
        f"CLASS={repository}",
    ]
    for option in ("--env-file", "--secret-file", "--var-file", "--input-file"):
        command += [option, "/dev/null"]
    for action, (inputs, script) in ACTIONS.items():
        folder = tmp_path / "actions" / action.partition("@")[0]
        stand_in(folder, inputs, script)
        command += ["--local-repository", f"{action}={folder}"]
    command += ["--local-repository", f"OWNER/registry-lab@COMMIT={ours}"]
    path = f"{tmp_path / 'tools'}:{os.environ['PATH']}"

    done = subprocess.run(
        command,
        env={"HOME": str(tmp_path), "PATH": path},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )

    parts = sorted(store.glob("part-*/report.json"))
    assert len(parts) == 4, done.stdout[-3000:] + done.stderr[-3000:]
    graded = [result.path for part in parts for result in jsonform.from_json(part.read_bytes()).results]
    assert sorted(graded) == [f"submissions/{name}/90-tiny" for name in names]
    whole = next(store.glob("class/**/report.json"))
    assert len(jsonform.from_json(whole.read_bytes()).results) == 6
    assert {file.name for file in whole.parent.iterdir()} >= {"class.html", "grades.csv", "summary.md"}
    assert done.stdout.count("Job failed") == 4  # nobody passed
    assert done.stdout.count("Job succeeded") == 1
