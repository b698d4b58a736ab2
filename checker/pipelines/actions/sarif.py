"""github/codeql-action/upload-sarif: takes the files in, refusing what GitHub would refuse."""

import json
import os
import shutil
from pathlib import Path

from .common import ActionTask, Failed, say


def run(task: ActionTask) -> None:
    if os.environ.get("STANDIN_JOB", "") in task.config["no_security_events"]:
        raise Failed("Resource not accessible by integration: the job's token may not write security-events.")
    asked = task.text("sarif_file") or "../results"
    place = task.workspace / asked
    files = sorted(place.rglob("*.sarif")) if place.is_dir() else [place]
    if not files or not files[0].is_file():
        raise Failed(f"Path does not exist: {asked}")
    for file in files:
        _check(file)
        uploads = Path(task.config["uploads"])
        name = f"{len(list(uploads.iterdir()))}.sarif"
        shutil.copyfile(file, uploads / name)
        task.note("sarif", file=name, source=str(file.name), category=task.text("category"))
        say(f"Uploaded {file.name}.")
    task.output("sarif-id", "lab")


def _check(file: Path) -> None:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        runs = found["runs"]
        version = found["version"]
    except (OSError, ValueError, KeyError, TypeError):
        raise Failed(f"Invalid SARIF. {file.name} is no SARIF file.") from None
    if version != "2.1.0" or not isinstance(runs, list):
        raise Failed(f"Invalid SARIF. {file.name} is not of version 2.1.0.")
