"""What happens in a repository, and which workflows that starts (GitHub Docs, "Events that trigger workflows"
and "Workflow syntax", the parts on `on`)."""

from typing import Literal

import msgspec

from checker.pipelines.github.triggers import Trigger, selected
from checker.pipelines.github.workflowfile import Workflow

DEFAULT_TYPES = ("opened", "synchronize", "reopened")
"""Of pull requests, where a workflow names none."""
PULL_REQUESTS = ("pull_request", "pull_request_target")


class WorkflowEvent(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened. branch, tag: what was pushed, or the branch a manual run is for.

    base, head, type, fork: of a pull request. changed: the files that differ, as paths from the top.
    inputs: of a manual run.
    """

    kind: Literal["push", "pull_request", "workflow_dispatch", "schedule"]
    branch: str = ""
    tag: str = ""
    base: str = "main"
    head: str = ""
    type: str = "opened"
    fork: bool = False
    changed: tuple[str, ...] = ()
    inputs: dict[str, str] = {}

    @property
    def what(self) -> str:
        """For a sentence: `a push to main`, `a pull request from a fork`."""
        if self.kind == "push":
            return f"a push of the tag {self.tag}" if self.tag else f"a push to the branch {self.branch}"
        if self.kind == "pull_request":
            return (
                "a pull request from a fork" if self.fork else f"a pull request from the branch {self.head}"
            )
        return "a run started by hand" if self.kind == "workflow_dispatch" else "a run by the clock"

    @property
    def short(self) -> str:
        """The branch or tag that `github.ref_name` gives."""
        return self.tag or self.branch


def push(branch: str, *changed: str) -> WorkflowEvent:
    """Return a push to a branch."""
    return WorkflowEvent(kind="push", branch=branch, changed=changed)


def push_tag(tag: str) -> WorkflowEvent:
    """Return a push of a tag."""
    return WorkflowEvent(kind="push", tag=tag)


def pull_request_from_fork(*changed: str, base: str = "main") -> WorkflowEvent:
    """Return a stranger's pull request: its run gets no secret but a token that can read."""
    return WorkflowEvent(kind="pull_request", base=base, head="patch-1", fork=True, changed=changed)


class Started(msgspec.Struct, frozen=True):
    """Whether an event starts a workflow. by: the name of the event in the file. why: a sentence if not."""

    by: str = ""
    why: str = ""

    def __bool__(self) -> bool:
        return bool(self.by)


def starts(workflow: Workflow, event: WorkflowEvent) -> list[Started]:
    """One entry for each key of `on` by which the event starts the workflow; a false one if none does."""
    names = PULL_REQUESTS if event.kind == "pull_request" else (event.kind,)
    found = [workflow.triggers[name] for name in names if name in workflow.triggers]
    if not found:
        shown = ", ".join(workflow.triggers) or "nothing"
        return [Started(why=f"It runs on {shown}, and this is {event.what}.")]
    reasons = [(trigger, _why_not(trigger, event)) for trigger in found]
    running = [Started(by=trigger.event) for trigger, why in reasons if not why]
    return running or [Started(why=reasons[0][1])]


def _why_not(trigger: Trigger, event: WorkflowEvent) -> str:
    if event.kind == "push":
        return _push(trigger, event)
    if event.kind == "pull_request":
        return _pull_request(trigger, event)
    return ""


def _push(trigger: Trigger, event: WorkflowEvent) -> str:
    fires = trigger.fires_for_tag(event.tag) if event.tag else trigger.fires_for_branch(event.branch)
    if not fires:
        return f"Its filters in line {trigger.line} leave {event.tag or event.branch} out."
    # "Path filters are not evaluated for pushes of tags."
    return "" if event.tag else _paths(trigger, event)


def _pull_request(trigger: Trigger, event: WorkflowEvent) -> str:
    types = trigger.filters.get("types", DEFAULT_TYPES)
    if event.type not in types:
        return f"It runs for pull requests that are {', '.join(types)}, and this one is {event.type}."
    only, but = trigger.filters.get("branches"), trigger.filters.get("branches-ignore")
    if (only is not None and not selected(only, event.base)) or (but and selected(but, event.base)):
        return f"Its filters in line {trigger.line} leave pull requests to {event.base} out."
    return _paths(trigger, event)


def _paths(trigger: Trigger, event: WorkflowEvent) -> str:
    only, but = trigger.filters.get("paths"), trigger.filters.get("paths-ignore")
    if not event.changed:  # as for a new branch: nothing to compare with
        return ""
    if only is not None and not any(selected(only, path) for path in event.changed):
        return f"Its filter paths in line {trigger.line} leaves {', '.join(event.changed)} out."
    if but is not None and all(selected(but, path) for path in event.changed):
        return f"Its filter paths-ignore in line {trigger.line} takes {', '.join(event.changed)}."
    return ""
