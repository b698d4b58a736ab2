"""actions/upload-artifact: takes the files in."""

from .common import Failed, Task, say


def run(task: Task) -> None:
    patterns = [line.strip() for line in task.text("path").splitlines() if line.strip()]
    found = [path for pattern in patterns for path in task.workspace.glob(pattern.removeprefix("./"))]
    if not found:
        say(f"::warning::No files were found with the provided path: {', '.join(patterns)}.")
        if task.text("if-no-files-found") == "error":
            raise Failed("No files were found with the provided path.")
        return
    shown = [str(path.relative_to(task.workspace)) for path in found]
    task.note("artifact", name=task.text("name"), files=shown)
    say(f"Uploaded {', '.join(shown)} as {task.text('name')}.")
