"""What became of a small class of submissions to the tiny lab."""

import json
from pathlib import Path
from typing import Any

from tests.helpers import Command

NOTES_ONLY = "echo Pushed.\n"
"""The answer `push` of those of the class who have it wrong."""


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
