"""docker/build-push-action: `docker build` and `docker push`, with what the classic builder offers.

A context from git is fetched by the action itself, so nothing has to be checked out for it.
"""

import json
import re
import tempfile
from pathlib import Path

from .common import ActionTask, Failed, ask, call, legacy, say
from .setup import driver

BUILDKIT_ONLY = ("secrets", "secret-envs", "secret-files", "ssh", "build-contexts", "call")
REMOTE = re.compile(
    r"(?:https?://|git://|ssh://)?(?:[^@/\s]*@)?github\.com[/:](?P<name>[\w.-]+/[\w-]+(?:\.(?!git\b)[\w-]+)*)"
    r"(?:\.git)?/?(?:#(?P<ref>[^:]*)(?::(?P<folder>.*))?)?$"
)
"""A context in a repository of GitHub: `https://github.com/OWNER/NAME.git#REF:FOLDER`."""
DIGEST = re.compile(r"digest: (sha256:[0-9a-f]{64})")


def run(task: ActionTask) -> None:
    if asked := [name for name in BUILDKIT_ONLY if task.text(name)]:
        raise Failed(f"The lab's builder has no {', '.join(asked)}: that needs BuildKit.")
    outputs = task.lines("outputs", commas=False)
    push = task.flag("push") or any("push=true" in entry or "type=registry" in entry for entry in outputs)
    load = task.flag("load") or any(re.search(r"type=(docker|image)\b", entry) for entry in outputs)
    tags = task.lines("tags")
    if push and not tags:
        raise Failed("tag is needed when pushing to registry")
    _platforms(task)
    with tempfile.TemporaryDirectory() as folder:
        context, file = _source(task, Path(folder))
        image = _build(task, context, file)
    for tag in tags:
        # With a builder in a container, what is neither loaded nor pushed stays in that builder.
        if push or load or driver() == "docker":
            call("docker", "tag", image, tag)
    digest = ""
    for tag in tags if push else ():
        digest = _push(tag)
    task.output("imageid", image)
    task.output("digest", digest or image)
    task.output("metadata", json.dumps({"containerimage.digest": digest, "image.name": ",".join(tags)}))
    if not push and not load and driver() != "docker":
        say("No output is configured: the image stays in the builder's cache.")


def _build(task: ActionTask, context: str, file: str) -> str:
    options = [f"--file={file}"] if file else []
    for name, option in (("build-args", "--build-arg"), ("labels", "--label")):
        options += [f"{option}={entry}" for entry in task.lines(name, commas=False)]
    options += [f"--target={task.text('target')}"] if task.text("target") else []
    options += ["--no-cache"] if task.flag("no-cache") else []
    task.flag("pull")
    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder) / "image"
        call("docker", "build", f"--iidfile={written}", *options, context, env=legacy())
        return written.read_text(encoding="utf-8").strip()


def _source(task: ActionTask, folder: Path) -> tuple[str, str]:
    """Return the folder to build from, and the Dockerfile if one is named: both as `docker build` takes
    them."""
    asked = task.text("context")
    file = task.text("file")
    default = re.match(r"\{\{\s*defaultContext\s*\}\}(?::(.*))?$", asked)
    remote = REMOTE.match(asked)
    if asked and not default and not remote:
        if re.match(r"\w+://|git@", asked):
            raise Failed("There is no internet in the lab; check the source out and build from there.")
        return asked, file
    if remote and remote["name"].lower() != task.config["repository"].lower():
        raise Failed(f"{asked} is not in the lab; there is the repository {task.config['repository']}.")
    # Without a context it is the repository as it was committed, and not what was checked out.
    call("git", "clone", "-q", f"file://{task.config['source']}", str(folder / "git"))
    ref = task.sha if not remote else (remote["ref"] or "main")
    call("git", "fetch", "-q", "origin", ref, cwd=folder / "git")
    call("git", "checkout", "-q", "--detach", "FETCH_HEAD", cwd=folder / "git")
    below = (default and default[1]) or (remote and remote["folder"]) or ""
    root = folder / "git" / below.strip("/")
    if not root.is_dir():
        raise Failed(f"There is no folder {below} in the commit {ref}.")
    return str(root), str(root / file) if file else ""


def _platforms(task: ActionTask) -> None:
    own = f"linux/{ask('docker', 'version', '--format', '{{.Server.Arch}}')}"
    asked = task.lines("platforms")
    if others := [name for name in asked if name.split("/v")[0] != own]:
        task.note("platforms", asked=asked, built=own)
        say(f"::notice::The lab builds for {own} only, not for {', '.join(others)}.")


def _push(tag: str) -> str:
    import subprocess

    say(f"$ docker push {tag}")
    done = subprocess.run(("docker", "push", tag), capture_output=True, text=True, check=False)
    say(done.stdout + done.stderr)
    if done.returncode:
        raise Failed(f"The push of {tag} ended with {done.returncode}.")
    found = DIGEST.search(done.stdout)
    return found[1] if found else ""
