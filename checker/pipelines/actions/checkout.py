"""actions/checkout: what was committed, at the commit that the run is for."""

import shutil

from .common import ActionTask, Failed, ask, call, say


def run(task: ActionTask) -> None:
    wanted = task.text("repository")
    if wanted and wanted.lower() != task.config["repository"].lower():
        raise Failed(f"The repository {wanted} is not in the lab; there is {task.config['repository']}.")
    target = (task.workspace / task.text("path")).resolve()
    if not target.is_relative_to(task.workspace.resolve()):
        raise Failed(f"The path {task.text('path')} leads out of the workspace.")
    if (target / ".git").is_dir() and task.text("clean") != "false":
        call("git", "clean", "-ffdxq", cwd=target)
    target.mkdir(parents=True, exist_ok=True)
    if not (target / ".git").is_dir():
        for entry in target.iterdir():  # the real one starts from an empty folder too
            shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
        call("git", "init", "-q", "-b", "main", cwd=target)
        call("git", "remote", "add", "origin", task.config["source"], cwd=target)
    depth = task.text("fetch-depth") or "1"
    if not depth.isdigit():
        raise Failed(f"The input fetch-depth is {depth!r}; it has to be a number.")
    ref = task.text("ref") or task.ref or "HEAD"
    shallow = [] if depth == "0" else [f"--depth={depth}"]
    tags = ["--tags"] if depth == "0" or task.text("fetch-tags") == "true" else ["--no-tags"]
    every = ["+refs/heads/*:refs/remotes/origin/*"] if depth == "0" else []
    # file:// makes a shallow fetch possible at all.
    source = f"file://{task.config['source']}"
    call("git", "fetch", "-q", *shallow, *tags, source, _refspec(task, ref), *every, cwd=target)
    call("git", "checkout", "-q", "--force", *_as(ref), cwd=target)
    commit = ask("git", "rev-parse", "HEAD", cwd=target)
    say(f"{ref} is {commit}")
    task.output("ref", ref)
    task.output("commit", commit)
    if task.text("persist-credentials") == "true":
        task.note("credentials-kept")


def _refspec(task: ActionTask, ref: str) -> str:
    found = ask("git", "ls-remote", task.config["source"]).splitlines()
    names = {line.split("\t")[1]: line.split("\t")[0] for line in found}
    for name in (ref, f"refs/heads/{ref}", f"refs/tags/{ref}"):
        if name in names:
            return f"+{name}"
    if ref in names.values():
        return ref
    raise Failed(f"A branch or tag with the name '{ref}' could not be found.")


def _as(ref: str) -> list[str]:
    branch = ref.removeprefix("refs/heads/")
    if ref.startswith("refs/") and branch == ref:
        return ["--detach", "FETCH_HEAD"]
    return ["-B", branch, "FETCH_HEAD"]
