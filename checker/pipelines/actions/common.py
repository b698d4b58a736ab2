"""What all stand-ins share: inputs as actions read them, outputs, running a program."""

import csv
import json
import os
import subprocess
import sys
import uuid
from collections.abc import Mapping
from pathlib import Path


class Failed(Exception):
    """The step fails; the text is its annotation."""

    def __init__(self, text: str, code: int = 1) -> None:
        super().__init__(text)
        self.code = code


class ActionTask:
    """One use of an action. config: what the checker says, of which `source` is the repository's path."""

    def __init__(self, name: str, config: dict[str, str], inputs: dict[str, str]) -> None:
        self.name = name
        self.config = config
        self.inputs = inputs
        self.workspace = Path(os.environ.get("GITHUB_WORKSPACE", "."))
        self.event = _event()

    def text(self, name: str) -> str:
        value = self.inputs.get(name)
        return "" if value is None else str(value).strip()

    def flag(self, name: str) -> bool:
        """Return an input of the core schema of YAML 1.2; raises Failed for anything else."""
        value = self.text(name)
        if value.lower() in ("true", "false", ""):
            return value.lower() == "true"
        raise Failed(f"The input {name} is {value!r}; it has to be true or false.")

    def lines(self, name: str, *, commas: bool = True) -> list[str]:
        """Return a list: an entry a line, or several with commas between, as the CSV of Docker's actions has
        it."""
        found: list[str] = []
        for line in self.text(name).splitlines():
            if commas:
                found += [field for row in csv.reader([line.strip()]) for field in row]
            else:
                found.append(line)
        return [entry.strip() for entry in found if entry.strip()]

    def output(self, name: str, value: str) -> None:
        mark = uuid.uuid4().hex
        with Path(os.environ["GITHUB_OUTPUT"]).open("a", encoding="utf-8") as file:
            file.write(f"{name}<<{mark}\n{value}\n{mark}\n")

    def note(self, kind: str, **about: object) -> None:
        """Tell the checker something about this use."""
        entry = {"kind": kind, "action": self.name, "job": os.environ.get("STANDIN_JOB", ""), **about}
        with Path(self.config["notes"]).open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")

    @property
    def ref(self) -> str:
        return os.environ.get("GITHUB_REF", "")

    @property
    def sha(self) -> str:
        return os.environ.get("GITHUB_SHA", "")


def _event() -> dict[str, object]:
    try:
        found = json.loads(Path(os.environ.get("GITHUB_EVENT_PATH", "")).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def say(text: str) -> None:
    print(text, flush=True)


def call(
    *command: str, cwd: Path | None = None, text: str | None = None, env: Mapping[str, str] = {}
) -> None:
    """Run a program that shows its output; raises Failed with its exit code."""
    say(f"$ {' '.join(command)}")
    done = subprocess.run(
        command,
        cwd=cwd,
        input=text,
        text=True,
        env={**os.environ, **env},
        check=False,
        stderr=subprocess.STDOUT,
    )
    if done.returncode:
        raise Failed(f"{command[0]} {command[1] if len(command) > 1 else ''} ended with {done.returncode}.",
                     done.returncode)  # fmt: skip


def ask(*command: str, cwd: Path | None = None) -> str:
    """Return what a program prints; raises Failed if it fails."""
    done = subprocess.run(command, cwd=cwd, text=True, capture_output=True, check=False)
    if done.returncode:
        sys.stderr.write(done.stderr)
        raise Failed(f"{command[0]} ended with {done.returncode}.")
    return done.stdout.strip()


def legacy() -> dict[str, str]:
    """Return the environment in which `docker build` uses the builder that the lab's pipelines have."""
    return {"DOCKER_BUILDKIT": "0"}
