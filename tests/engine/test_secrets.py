"""Secrets that answers give away while they are graded: on command lines that really ran, and in git histories."""

import json
import subprocess
from pathlib import Path

import pytest

from checker.judge import tracing
from tests.helpers import PUSH, Command, TinyLab

pytestmark = pytest.mark.engine

ANSWERS = {
    "in-a-program": 'python3 -c \'import os, subprocess; subprocess.run(["true", os.environ["KEY"]])\'',
    "in-base64": '/bin/true "$(printf %s "user:$KEY" | base64)"',
    "in-a-script-that-goes": 'echo \'/bin/true "$1"\' > x.sh; bash x.sh "$KEY"; rm x.sh',
    "and-overwritten": '/bin/true "$KEY"; echo true > steps/push.sh',
    "in-the-background": '(setsid /bin/true "$KEY" > /dev/null 2>&1 &); sleep 0.3',
    "by-a-pipe": 'cat <<< "$KEY" > /dev/null; echo "$KEY" | wc -c; [ -n "$KEY" ]',
    "mentioned": '# docker login -p "$KEY"\necho "never: docker login -p KEY"',
    "never-run": 'if false; then docker login -u x -p "$KEY" y; fi',
}
TOLD = {"password-on-the-command-line"}


def grade(lab: Command, tiny: TinyLab, *options: str) -> dict[str, set[str]]:
    """The findings of the step push for each answer, all of which push the image."""
    tiny.edit("lab.toml", "TOKEN = {", 'KEY = { kind = "token", secret = true }\nTOKEN = {')
    tiny.edit("checks.py", "from checker.check import fail, step", "from checker.check import fail, step\n"
              "from checker.findings import passwords")  # fmt: skip
    tiny.edit("checks.py", "this_run(registry, values):", "this_run(registry, values, workspace, ran, history):\n"
              "    passwords.in_history(history)\n"
              '    passwords.in_answer("steps/push.sh", workspace, (), ran)')  # fmt: skip
    for name, text in ANSWERS.items():
        folder = tiny.solve(lab.home / "class" / name / tiny.name)
        (folder / "steps/push.sh").write_text(f"{PUSH}{text}\n", encoding="utf-8")
    kept = tiny.solve(lab.home / "class/committed" / tiny.name)
    _commit(kept, f"dckr_pat_{'a1B2' * 7}")
    report = lab.home / "report.json"
    lab("grade", lab.home / "class", "--json", report, *options)
    return {
        Path(one["path"]).parent.name: {each["code"] for each in one["steps"][0]["findings"]}
        for one in json.loads(report.read_text("utf-8"))["results"]
    }


def _commit(folder: Path, text: str) -> None:
    """Commit a text, and take it out again."""
    words = ("git", "-c", "user.name=a", "-c", "user.email=a@b")
    for content in (text, ""):
        (folder / "token.txt").write_text(content, encoding="utf-8")
        for command in (("init", "--quiet"), ("add", "--all"), ("commit", "--quiet", "--message", "x")):
            subprocess.run([*words, *command], cwd=folder, check=True)


@pytest.mark.usefixtures("rooms")
@pytest.mark.skipif(not tracing.may(), reason="watching needs root and strace")
def test_what_really_ran_in_a_room_decides(lab: Command, tiny: TinyLab) -> None:
    right = {"by-a-pipe", "mentioned", "never-run"}
    expected = {name: set() if name in right else TOLD for name in ANSWERS}
    assert grade(lab, tiny) == {**expected, "committed": {"password-in-a-file"}}


@pytest.mark.skipif(not tracing.may(), reason="watching needs root and strace")
def test_what_really_ran_on_this_machine_decides(lab: Command, tiny: TinyLab) -> None:
    right = {"by-a-pipe", "mentioned", "never-run"}
    expected = {name: set() if name in right else TOLD for name in ANSWERS}
    assert grade(lab, tiny, "--unprotected") == {**expected, "committed": {"password-in-a-file"}}
