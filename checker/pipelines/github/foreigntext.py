"""Text of strangers in a workflow's scripts: put there by an expression itself, or by way of a variable, a step's
output or the file behind GITHUB_ENV."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from checker.pipelines.github import zizmor
from checker.pipelines.github.workflowfile import EXPRESSION, Job, Workflow, WorkflowStep, expressions
from checker.pipelines.github.zizmor import ZizmorFinding

WRITTEN = r"([A-Za-z_]\w*)=[^\n]*\$\{?%s\b"
"""A line of a file such as GITHUB_ENV that gets a variable as it is."""


class Foreign(msgspec.Struct, frozen=True, order=True):
    """One script with foreign text in it. shown: what stands there; through: what it is in truth, if that is not it."""

    line: int
    shown: str
    through: str = ""


def foreign(text: str, workflow: Workflow) -> list[Foreign]:
    """Return all scripts of a workflow with text of strangers in them, by what zizmor finds."""
    audited = zizmor.audit(text)
    found = {
        each
        for each in (_rewritten(workflow) if audited is None else audited)
        if each.kind == zizmor.INJECTION
    }
    direct = [
        Foreign(each.line, each.shown) for each in found if each.certain and zizmor.untrusted(each.what)
    ]
    indirect = [each for each in found if not each.certain]
    if not any(each.what.startswith(("env.", "steps.", "env", "needs.")) for each in indirect):
        return sorted(direct)
    sources = _Sources(workflow)
    for each in indirect:
        step = _step_at(workflow, each.line)
        if step and (source := sources.of(step, each.what)):
            direct.append(Foreign(each.line, each.shown, source))
    return sorted(direct)


def inlined(text: str, env: Mapping[str, str]) -> str:
    """Return a text with the expressions of variables written out in place of `${{ env.NAME }}` and
    `$NAME`."""
    for name, value in env.items():
        if not expressions(value):
            continue
        for pattern, put in (
            (rf"\benv\.{re.escape(name)}\b", " ".join(expressions(value))),
            (rf"\$\{{?{re.escape(name)}\b\}}?", value),
        ):
            text = put.join(re.split(pattern, text))
    return text


class _Sources:
    """Which variables and outputs hold text of strangers, per step."""

    def __init__(self, workflow: Workflow) -> None:
        self._workflow = workflow
        self._asked: dict[str, str] = {}
        self._known: dict[int, dict[str, str]] = {}
        self._ask()
        for job in workflow.jobs:
            self._follow(job)

    def of(self, step: WorkflowStep, context: str) -> str:
        """Return what a context such as env.title is in truth; empty if it is none of strangers'."""
        known = self._known.get(step.line, {})
        if context == "env":  # all of them, as toJSON(env)
            return next((source for name, source in known.items() if name.startswith("env.")), "")
        return known.get(context, "")

    def _ask(self) -> None:
        """Let zizmor judge the values of all variables at once: as if each were a script."""
        values = {value for scope in self._scopes() for value in scope.values() if expressions(value)}
        ordered = sorted(values)
        if not ordered:
            return
        for each in _judged(ordered):
            if each.certain and zizmor.untrusted(each.what):
                self._asked.setdefault(ordered[each.line], each.shown)

    def _scopes(self) -> Iterator[Mapping[str, str]]:
        yield self._workflow.env
        for job in self._workflow.jobs:
            yield job.env
            for step in job.steps:
                yield step.env

    def _follow(self, job: Job) -> None:
        known: dict[str, str] = {}
        for scope in (self._workflow.env, job.env):
            self._take(scope, known)
        for step in job.steps:
            here = dict(known)
            self._take(step.env, here)
            self._known[step.line] = here
            for name, source in [(key[4:], value) for key, value in here.items() if key.startswith("env.")]:
                own = next(
                    (each for each in (*step.env, *job.env, *self._workflow.env) if each.lower() == name),
                    name,
                )
                for target in re.findall(WRITTEN % re.escape(own), step.run):
                    if "GITHUB_ENV" in step.run:
                        known[f"env.{target.lower()}"] = source
                    if "GITHUB_OUTPUT" in step.run and step.id:
                        known[f"steps.{step.id.lower()}.outputs.{target.lower()}"] = source

    def _take(self, scope: Mapping[str, str], known: dict[str, str]) -> None:
        before = dict(known)
        for name, value in scope.items():
            source = self._asked.get(value, "")
            for expression in expressions(value):
                source = source or before.get(zizmor.plain(expression), "")
            if source:
                known[f"env.{name.lower()}"] = source
            else:
                known.pop(f"env.{name.lower()}", None)


def _rewritten(workflow: Workflow) -> Iterator[ZizmorFinding]:
    """Yield what zizmor finds in the scripts of a workflow that it cannot read itself, such as one with
    merge keys."""
    steps = [step for job in workflow.jobs for step in job.steps]
    scripts = [
        (step.run or step.given.get("script", ""), step.at("run" if step.run else "with.script"))
        for step in steps
    ]
    for each in _judged([script for script, _ in scripts]):
        yield msgspec.structs.replace(each, line=scripts[each.line][1])


def _judged(scripts: Sequence[str]) -> Iterator[ZizmorFinding]:
    """Yield what zizmor finds in each of these, as if it were a script. line: which one it is, from 0."""
    lines = ["on: push", "permissions: {}", "jobs:", "  a:", "    runs-on: x", "    steps:"]
    start = len(lines) + 1
    lines += [
        f"      - run: {json.dumps(' '.join(EXPRESSION.sub(_kept, script).split()))}" for script in scripts
    ]
    for each in zizmor.audit("\n".join(lines) + "\n") or () if scripts else ():
        yield msgspec.structs.replace(each, line=each.line - start)


def _kept(found: re.Match[str]) -> str:
    return f"${{{{ {' '.join(found[1].split())} }}}}"


def _step_at(workflow: Workflow, line: int) -> WorkflowStep | None:
    """Return the step that a line is in."""
    steps = sorted((step for job in workflow.jobs for step in job.steps), key=lambda step: step.line)
    return next((step for step in reversed(steps) if step.line <= line), None)
