"""A small class of submissions to the tiny lab, and what became of it."""

import json
from pathlib import Path
from typing import Any

from tests.helpers import Command, TinyLab

NOTES_ONLY = "echo Pushed.\n"


def course_of(lab: Command, tiny: TinyLab) -> Path:
    """Six submissions: half of them are right, and no two neighbours alike."""
    folder = lab.home / "course"
    for number in range(6):
        one = tiny.solve(folder / f"learner-{number}" / tiny.name)
        if number % 2:
            (one / "steps/push.sh").write_text(NOTES_ONLY)
    return folder


def grades(path: Path) -> dict[str, Any]:
    """What is the same however it was graded: outcomes, points and findings, by learner, in order."""
    return {
        Path(result["path"]).parent.name: [
            (step["step"], step["outcome"], step["points"], [found["code"] for found in step["findings"]])
            for step in result["steps"]
        ]
        for result in json.loads(path.read_text())["results"]
    }


def left(lab: Command) -> list[str]:
    """What rooms leave in the cache, besides their log and their stock of images."""
    return sorted({path.name for path in (lab.cache / "rooms").iterdir()} - {"log", "stock"})
