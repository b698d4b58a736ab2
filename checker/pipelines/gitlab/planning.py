"""Plan a pipeline for one ref: which jobs run here, of the file as GitLab expands it.

First the conditions are evaluated, and what they leave out is looked at no further; then comes what the jobs that
are left wait for. gitlab-ci-local gets a pipeline without conditions: it ignores some, and reads others otherwise.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from checker.pipelines.gitlab import jobrules, needs, refpolicy
from checker.pipelines.gitlab.jobrules import Choice, Known
from checker.pipelines.gitlab.pipelinefile import TOP, PipelineFile
from checker.pipelines.gitlab.pipelineplan import PipelinePlan
from checker.pipelines.gitlab.refpolicy import Ref, RefPolicy
from checker.pipelines.gitlab.runnershell import Shell
from checker.pipelines.problem import FileProblem

CONDITIONS = {
    "changes": "counts as fulfilled, as it does on GitLab for the first push of a ref",
    "kubernetes": "counts as fulfilled: a deployment is taken up here",
}
NOT_CHANGED = "except changes counts as not fulfilled: something else has changed as well"
WORK = ("script", "run", "trigger")


def plan(expanded: str, file: PipelineFile, ref: Ref, known: Known | None = None) -> PipelinePlan:
    """expanded: what `gitlab-ci-local --preview` made of the file. known: what its conditions are compared with.

    Raises ValueError if that is no pipeline.
    """
    try:
        tree = yaml.load(expanded, Loader=yaml.CSafeLoader)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error
    if not isinstance(tree, dict):
        raise ValueError("it is no mapping")  # noqa: TRY004 - the text is at fault
    return _Making(file, ref, known or Known(), _restored(tree, file.conditions)).plan()


class _Making:
    """What is found out on the way through the file."""

    def __init__(self, file: PipelineFile, ref: Ref, known: Known, tree: dict[str, Any]) -> None:
        self._file = file
        self._ref = ref
        self._known = known
        self._top = {str(name): value for name, value in tree.items() if name in TOP}
        self._all = {
            str(name): dict(job)
            for name, job in tree.items()
            if name not in TOP and not str(name).startswith(".") and isinstance(job, dict)
        }
        variables = self._top.get("variables")
        self._variables: dict[str, Any] = dict(variables) if isinstance(variables, dict) else {}
        workflow = self._top.get("workflow")
        self._workflow = workflow.get("rules") if isinstance(workflow, dict) else None
        self._notes: list[str] = []
        self._doubts: list[str] = []
        self._refusals: list[FileProblem] = []

    def plan(self) -> PipelinePlan:
        for name, job in self._all.items():
            self._valid(name, job)
        self._readable("workflow", jobrules.expressions(self._workflow))
        if self._refusals or not self._created():
            return self._made({}, {}, (), set())
        shell = Shell(self._variables, self._notes, self._refuse)
        kept = {name: job for name, job in self._all.items() if self._kept(name, job)}
        chosen = {name: self._chosen(name, job) for name, job in kept.items()}
        jobs = {name: shell.job(name, job) for name, job in chosen.items() if job is not None}
        if all(str(job.get("stage")) in (".pre", ".post") for job in jobs.values()):
            jobs = {}  # for these alone GitLab creates no pipeline
        absent = {*self._all} - {*jobs}
        self._needs(jobs, absent)
        stages = self._top.get("stages")
        held = needs.held(jobs, stages if isinstance(stages, list) else ())
        top = {
            name: value for name, value in self._top.items() if name not in ("image", "services", "workflow")
        }
        if self._variables:
            top["variables"] = shell.variables(self._variables)
        return self._made(top, jobs, tuple(kept), held)

    def _made(
        self, top: dict[str, Any], jobs: dict[str, dict[str, Any]], kept: tuple[str, ...], held: set[str]
    ) -> PipelinePlan:
        absent = {*self._all} - {*jobs} | held
        run = {name: needs.without(job, absent) for name, job in jobs.items() if name not in held}
        return PipelinePlan(
            text=json.dumps({**top, **run}, ensure_ascii=False, default=str, indent=1),
            jobs=kept,
            left_out=tuple(name for name in kept if name not in jobs),
            held=tuple(name for name in kept if name in held),
            dropped=tuple(name for name in self._all if name not in kept),
            notes=tuple(dict.fromkeys(self._notes)),
            doubts=tuple(dict.fromkeys(self._doubts)),
            refusals=tuple(self._refusals),
        )

    def _valid(self, name: str, job: dict[str, Any]) -> None:
        """Refuse what GitLab refuses for whatever ref."""
        only, but = _policies(job)
        if not any(job.get(key) for key in WORK):
            self._refuse(
                "pipeline-job-without-script",
                name,
                f"The job {name} has no script.",
                "Give it one; a job that is only a template has a name that begins with a full stop.",
            )
        for pattern in (pattern for found in (only, but) if found for pattern in found.refs):
            if refpolicy.unreadable(pattern):
                self._refuse(
                    "pipeline-pattern-unreadable",
                    name,
                    f"The job {name} has {pattern} below only or except, which GitLab cannot read.",
                    "Its regular expressions are RE2's, which do not look ahead or behind.",
                )
        if "rules" in job and (only or but):
            self._refuse(
                "pipeline-rules-and-only",
                name,
                f"The job {name} has rules and only or except.",
                "Use one of the two; GitLab creates no pipeline from both.",
            )
        self._readable(name, jobrules.expressions(job.get("rules"), only, but))

    def _readable(self, name: str, expressions: Iterator[str]) -> None:
        for expression in expressions:
            if problem := jobrules.problem(expression):
                self._refuse(
                    "pipeline-condition-unreadable",
                    name,
                    f"{name} has the condition {expression}, which GitLab cannot read: {problem}.",
                    "Compare $NAME with a text in quotes or with another $NAME, by == or !=, or by =~ with a regular "
                    "expression between slashes; slashes in that have a backslash in front.",
                    "rules",
                )

    def _created(self) -> bool:
        """Return whether `workflow` lets there be a pipeline; the variables of its rules are for all jobs."""
        if self._workflow is None:
            return True
        variables = self._known.variables(_plain(self._variables))
        self._doubt("workflow", jobrules.expressions(self._workflow), variables)
        self._note_changes("workflow", self._workflow)
        choice = jobrules.by_rules(self._workflow, variables, self._known)
        if choice is None:
            return False
        self._variables |= choice.variables
        return True

    def _kept(self, name: str, job: dict[str, Any]) -> bool:
        """Return whether `only` and `except` keep the job."""
        if "rules" in job:
            return True
        only, but = _policies(job)
        if only and self._known.changed is None:
            self._notes += [f"{name}: {key} {CONDITIONS[key]}." for key in only.unknown if key in CONDITIONS]
        if but and "changes" in but.unknown and self._known.changed is None:
            self._notes.append(f"{name}: {NOT_CHANGED}.")
        if but and "kubernetes" in but.unknown:
            self._notes.append(f"{name}: kubernetes {CONDITIONS['kubernetes']}.")
        variables = self._seen_by(job)
        self._doubt(name, jobrules.expressions(None, only, but), variables)
        default = self._workflow is None
        return jobrules.by_policy(only, but, self._ref, variables, self._known, default=default)

    def _chosen(self, name: str, job: dict[str, Any]) -> dict[str, Any] | None:
        """Return the job without its conditions, as they let it be; None if its rules leave it out."""
        choice: Choice | None = Choice()
        if "rules" in job:
            variables = self._seen_by(job)
            self._doubt(name, jobrules.expressions(job["rules"]), variables)
            self._note_changes(name, job["rules"])
            choice = jobrules.by_rules(job["rules"], variables, self._known)
        if choice is None:
            return None
        left = {
            key: value for key, value in job.items() if key not in ("rules", "only", "except", "start_in")
        }
        own = job.get("when")
        if choice.allow_failure is not None:
            left["allow_failure"] = choice.allow_failure
        elif "rules" in job and own != "manual" and choice.when == "manual":
            left.setdefault("allow_failure", False)
        if choice.when is not None:
            left["when"] = choice.when
        if left.get("when") == "delayed":
            self._notes.append(f"{name}: it is not delayed here.")
            left["when"] = "on_success"
        if choice.variables:
            given = job.get("variables")
            left["variables"] = {**(given if isinstance(given, dict) else {}), **choice.variables}
        if choice.needs is not None:
            left["needs"] = choice.needs
        return left

    def _needs(self, jobs: dict[str, dict[str, Any]], absent: set[str]) -> None:
        """Refuse needs that cannot be fulfilled: of a job that is left out, or in a circle."""
        for entry in needs.missing(jobs, absent):
            self._refuse(
                "pipeline-needs-a-job-that-is-not-in-it",
                entry.job,
                f"For {self._ref.shown} the job {entry.job} needs {entry.needed}, which is not run then.",
                "Let both run for the same refs, or make the need optional; GitLab creates no pipeline otherwise.",
            )
        if names := needs.circle(jobs):
            others = f", over {', '.join(names[1:])}" if names[1:] else ""
            self._refuse(
                "pipeline-needs-in-a-circle",
                names[0],
                f"By its needs the job {names[0]} waits for itself{others}.",
                "Let one of them need less; GitLab creates no pipeline otherwise.",
                "needs",
            )

    def _seen_by(self, job: dict[str, Any]) -> Mapping[str, str]:
        """Return the variables that a job's conditions see: of the file's, those that it inherits."""
        inherit = job.get("inherit")
        inherited = inherit.get("variables", True) if isinstance(inherit, dict) else True
        top = self._variables
        if isinstance(inherited, list):
            top = {name: value for name, value in top.items() if name in inherited}
        own = job.get("variables")
        return self._known.variables(
            _plain(top if inherited else {}), _plain(own if isinstance(own, dict) else {})
        )

    def _doubt(self, name: str, expressions: Iterator[str], variables: Mapping[str, str]) -> None:
        for expression in expressions:
            self._doubts += [f"{name}: {said}" for said in jobrules.doubts(expression, variables)]

    def _note_changes(self, name: str, rules: Any) -> None:
        if self._known.changed is None and any("changes" in rule for rule in jobrules.each(rules)):
            self._notes.append(f"{name}: changes {CONDITIONS['changes']}.")

    def _refuse(self, code: str, name: str, observed: str, action: str, key: str = "") -> None:
        line = self._file.line(name, key) if key else self._file.line(name)
        self._refusals.append(FileProblem(code=code, line=line, observed=observed, action=action))


def _restored(value: Any, conditions: Mapping[str, str]) -> Any:
    """Return the tree with the conditions that had other names while it was expanded."""
    if isinstance(value, dict):
        return {key: _restored(entry, conditions) for key, entry in value.items()}
    if isinstance(value, list):
        return [_restored(entry, conditions) for entry in value]
    return conditions.get(value, value) if isinstance(value, str) else value


def _policies(job: Mapping[str, Any]) -> tuple[RefPolicy | None, RefPolicy | None]:
    return refpolicy.policy(job.get("only")), refpolicy.policy(job.get("except"))


def _plain(variables: Mapping[str, Any]) -> dict[str, str]:
    """Variables as texts, of those with a description the value."""
    values = {
        name: value.get("value", "") if isinstance(value, dict) else value
        for name, value in variables.items()
    }
    return {
        name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in values.items()
    }
