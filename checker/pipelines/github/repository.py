"""The git repository that a run sees, made of a workspace's files: with the refs and commits of one event."""

import json
import os
import subprocess
from pathlib import Path

from checker.base.errors import EnvironmentFault
from checker.base.pace import scaled, too_slow
from checker.lab.workspacegit import GIT_IDENTITY
from checker.pipelines.github.events import WorkflowEvent

PULL_REQUEST = 7
"""The number of every pull request here."""


def make(source: Path, event: WorkflowEvent, repository: str) -> str:
    """Turn a folder into a repository in which the event has just happened; its commit's full id.

    What a `.gitignore` names is not committed, as at home. Raises EnvironmentFault.
    """
    _git(source, "init", "--quiet", "--template=", "--initial-branch=main")
    _git(source, "remote", "add", "origin", f"https://github.com/{repository}")
    _git(source, "add", "--all")
    _git(source, "commit", "--quiet", "--allow-empty", "--message", "Add what is there")
    if event.kind == "push" and event.branch not in ("", "main"):
        _git(source, "checkout", "--quiet", "-b", event.branch)
    if event.kind == "pull_request":
        _git(source, "checkout", "--quiet", "-b", f"pull-{PULL_REQUEST}")
    _git(source, "commit", "--quiet", "--allow-empty", "--message", f"Let {event.what} happen")
    commit = _git(source, "rev-parse", "HEAD").strip()
    if event.tag:
        _git(source, "tag", event.tag)
    if event.kind == "pull_request":
        _git(source, "update-ref", f"refs/pull/{PULL_REQUEST}/merge", commit)
        _git(source, "update-ref", f"refs/pull/{PULL_REQUEST}/head", commit)
        if event.base != "main":
            _git(source, "branch", event.base, "main")
    return commit


def ref(event: WorkflowEvent, by: str) -> str:
    """Return what `github.ref` is for an event, by the name of the trigger."""
    if event.tag:
        return f"refs/tags/{event.tag}"
    if by == "pull_request":
        return f"refs/pull/{PULL_REQUEST}/merge"
    return f"refs/heads/{event.base if by == 'pull_request_target' else event.branch or 'main'}"


def payload(event: WorkflowEvent, by: str, repository: str, commit: str) -> str:
    """Return the event's payload as JSON (GitHub Docs, "Webhook events and payloads"), its most used
    parts."""
    owner, _, name = repository.partition("/")
    about: dict[str, object] = {
        "repository": {
            "name": name,
            "full_name": repository,
            "default_branch": "main",
            "private": False,
            "owner": {"login": owner},
        },
        "sender": {"login": owner},
    }
    if by.startswith("pull_request"):
        stranger = "a-stranger" if event.fork else owner
        about |= {
            "action": event.type,
            "number": PULL_REQUEST,
            "pull_request": {
                "number": PULL_REQUEST,
                "title": "Mend a typing error",
                "body": "It is a small one.",
                "user": {"login": stranger},
                "head": {
                    "ref": event.head,
                    "sha": commit,
                    "repo": {"full_name": f"{stranger}/{name}", "fork": event.fork},
                },
                "base": {"ref": event.base, "sha": commit, "repo": {"full_name": repository, "fork": False}},
            },
        }
        if by == "pull_request_target":
            about["ref"] = ref(event, by)
    else:
        about |= {
            "ref": ref(event, by),
            "after": commit,
            "head_commit": {"id": commit, "message": f"Let {event.what} happen"},
            "inputs": event.inputs,
        }
    return json.dumps(about)


def _git(folder: Path, *arguments: str) -> str:
    environment = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(folder.parent), **GIT_IDENTITY}
    command = ["git", "-c", "core.fsmonitor=false", "-c", f"core.hooksPath={os.devnull}", *arguments]
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=scaled(60),
            check=False,
        )
    except subprocess.TimeoutExpired as late:
        raise too_slow(f"git {arguments[0]} took longer than {late.timeout:.0f} s") from None
    except OSError as error:
        raise EnvironmentFault(f"git cannot be run: {error}.", "Install git.") from None
    if done.returncode:
        raise EnvironmentFault(f"git {arguments[0]} failed in a copy of the workspace: {done.stderr.strip()}")
    return done.stdout
