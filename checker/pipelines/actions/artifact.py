"""actions/upload-artifact: takes the files in."""

import os
from collections.abc import Iterator
from pathlib import Path

from .common import ActionTask, Failed, say


def run(task: ActionTask) -> None:
    patterns = [line.strip() for line in task.text("path").splitlines() if line.strip()]
    found = [path for pattern in patterns for path in _found(task.workspace, pattern)]
    if not found:
        say(f"::warning::No files were found with the provided path: {', '.join(patterns)}.")
        if task.text("if-no-files-found") == "error":
            raise Failed("No files were found with the provided path.")
        return
    shown = [os.path.relpath(path, task.workspace) for path in found]
    task.note("artifact", name=task.text("name"), files=shown)
    say(f"Uploaded {', '.join(shown)} as {task.text('name')}.")


def _found(workspace: Path, pattern: str) -> Iterator[Path]:
    """Yield what a pattern fits, which may be a whole path: `${{ github.workspace }}/report.html`."""
    whole = Path(pattern)
    base = Path(whole.anchor) if whole.is_absolute() else workspace
    yield from sorted(base.glob(str(whole.relative_to(whole.anchor) if whole.is_absolute() else whole)))
