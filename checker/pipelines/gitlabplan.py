"""From the pipeline as GitLab expands it to the one that is run here for one ref.

What gitlab-ci-local ignores is done here: `only` and `except`, a job needed that is not in the pipeline. What a
shell runner has not is taken out and told: images of jobs, services.
"""

import graphlib
import json
import re
from collections.abc import Iterator
from typing import Any

import msgspec
import yaml

from checker.pipelines import gitlabrefs
from checker.pipelines.gitlabfile import TOP, PipelineFile
from checker.pipelines.gitlabrefs import Ref

DIND = re.compile(
    r"(?:docker\.io/|index\.docker\.io/)?(?:library/)?docker(?::[\w.-]*dind[\w.-]*(?:@\S+)?|@\S+)"
)
ENGINE_VARIABLES = (
    "DOCKER_HOST",
    "DOCKER_TLS_CERTDIR",
    "DOCKER_TLS_VERIFY",
    "DOCKER_CERT_PATH",
    "DOCKER_BUILDKIT",
)
"""Tell a job where its docker:dind is and what it builds with; here the engine is another one."""
SCANNER_VARIABLES = ("TRIVY_CACHE_DIR", "TRIVY_DB_REPOSITORY", "TRIVY_JAVA_DB_REPOSITORY")
"""Tell Trivy where its advisories are; here it has them."""
CONDITIONS = {
    "changes": "counts as fulfilled, as it does on GitLab for the first push of a ref",
    "kubernetes": "counts as fulfilled: a deployment is taken up here",
}
NOT_CHANGED = "except changes counts as not fulfilled: something else has changed as well"
VARIABLE = re.compile(r"\$\{?(\w+)\}?")
WORK = ("script", "run", "trigger")


class Refusal(msgspec.Struct, frozen=True):
    """Why there is no run. code: of the finding. observed: a sentence; action: what to do about it."""

    code: str
    line: int
    observed: str
    action: str


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What is run. text: the file for gitlab-ci-local. jobs, dropped: names, in their order. notes: what is
    otherwise here than on GitLab, as sentences. asks: a file with one job that is in the pipeline if `workflow`
    lets there be one, which gitlab-ci-local does not look at; empty if the file says nothing about it."""

    text: str
    asks: str
    jobs: tuple[str, ...]
    dropped: tuple[str, ...]
    notes: tuple[str, ...]
    refusals: tuple[Refusal, ...]


def included(file: PipelineFile) -> Iterator[Refusal]:
    """Files of elsewhere that the pipeline includes: nothing of them can be had here."""
    value = file.value("include")
    for entry in value if isinstance(value, list) else [value]:
        of_here = entry is None or (isinstance(entry, dict) and "local" in entry)
        if isinstance(entry, str):
            of_here = "://" not in entry
        if not of_here:
            shown = entry if isinstance(entry, dict) else {}
            what = ", ".join(f"{key}: {shown[key]}" for key in shown) or str(entry)
            yield Refusal(
                "pipeline-include-not-there",
                file.line("include"),
                f"It includes {what}, which only GitLab or the internet has.",
                "Write the jobs into the file itself, or include a file of the project with local.",
            )


def plan(expanded: str, file: PipelineFile, ref: Ref) -> Plan:
    """expanded: what `gitlab-ci-local --preview` made of the file. Raises ValueError if that is no pipeline."""
    try:
        tree = yaml.load(expanded, Loader=yaml.CSafeLoader)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error
    if not isinstance(tree, dict):
        raise ValueError("it is no mapping")  # noqa: TRY004 - the text is at fault
    jobs = {
        str(name): dict(job)
        for name, job in tree.items()
        if name not in TOP and not str(name).startswith(".") and isinstance(job, dict)
    }
    making = _Making(file, ref, tree.get("variables"))
    kept = {name: making.job(name, job) for name, job in jobs.items() if making.wanted(name, job)}
    dropped = tuple(name for name in jobs if name not in kept)
    for name, job in kept.items():
        making.needs(name, job, dropped)
    making.circle(kept)
    top = {name: value for name, value in tree.items() if name in TOP and name not in ("image", "services")}
    if isinstance(top.get("variables"), dict):
        top["variables"] = making.variables(top["variables"])
    workflow = tree.get("workflow")
    rules = workflow.get("rules") if isinstance(workflow, dict) else None
    making.workflow(rules)
    asking = {"variables": top.get("variables") or {}, "pipeline": {"script": ["true"], "rules": rules}}
    return Plan(
        asks=_written(asking) if rules else "",
        text=_written({**top, **kept}),
        jobs=tuple(kept),
        dropped=dropped,
        notes=tuple(dict.fromkeys(making.notes)),
        refusals=tuple(making.refusals),
    )


def _written(tree: dict[str, Any]) -> str:
    """As JSON, which is YAML in which a text is a text for every reader: of a plain 08 some make a number."""
    return json.dumps(tree, ensure_ascii=False, default=str, indent=1)


class _Making:
    """What is found out on the way through the jobs. variables: those of all jobs."""

    def __init__(self, file: PipelineFile, ref: Ref, variables: Any) -> None:
        self._file = file
        self._ref = ref
        self._variables = variables if isinstance(variables, dict) else {}
        self.notes: list[str] = []
        self.refusals: list[Refusal] = []

    def wanted(self, name: str, job: dict[str, Any]) -> bool:
        """Whether the job is in the pipeline for this ref; one with `rules` is left to gitlab-ci-local."""
        only, but = (gitlabrefs.policy(job.get(key)) for key in ("only", "except"))
        if not any(job.get(key) for key in WORK):
            self._refuse(
                "pipeline-job-without-script",
                name,
                f"The job {name} has no script.",
                "Give it one; a job that is only a template has a name that begins with a full stop.",
            )
        for pattern in (pattern for found in (only, but) if found for pattern in found.refs):
            if gitlabrefs.unreadable(pattern):
                self._refuse(
                    "pipeline-pattern-unreadable",
                    name,
                    f"The job {name} has {pattern} below only or except, which GitLab cannot read.",
                    "Its regular expressions are RE2's, which do not look ahead or behind.",
                )
        if "rules" in job:
            if only or but:
                self._refuse(
                    "pipeline-rules-and-only",
                    name,
                    f"The job {name} has rules and only or except.",
                    "Use one of the two; GitLab creates no pipeline from both.",
                )
            return True
        if only:
            self.notes += [f"{name}: {key} {CONDITIONS[key]}." for key in only.unknown if key in CONDITIONS]
        if but and "changes" in but.unknown:
            self.notes.append(f"{name}: {NOT_CHANGED}.")
        if but and "kubernetes" in but.unknown:
            self.notes.append(f"{name}: kubernetes {CONDITIONS['kubernetes']}.")
            return False
        return gitlabrefs.keeps(only, but, self._ref)

    def workflow(self, rules: Any) -> None:
        """Tell what the rules of the whole pipeline cannot do here."""
        for rule in rules if isinstance(rules, list) else ():
            if isinstance(rule, dict) and rule.get("variables"):
                names = ", ".join(map(str, rule["variables"]))
                self.notes.append(f"workflow: its rules do not set {names} here; the rules of jobs can.")

    def job(self, name: str, job: dict[str, Any]) -> dict[str, Any]:
        """The job as it is run."""
        job = dict(job)
        only, but = (gitlabrefs.policy(job.pop(key, None)) for key in ("only", "except"))
        if rules := list(_rules(only, but, str(job.get("when", "on_success")))):
            job["rules"] = rules
        if "trigger" in job:
            self._refuse(
                "pipeline-trigger-not-there",
                name,
                f"The job {name} starts another pipeline.",
                "There is one project here: let the job do the work itself.",
            )
        self._image(name, job.pop("image", None))
        self._services(name, job.pop("services", None), job.get("variables"))
        if isinstance(job.get("variables"), dict):
            job["variables"] = self.variables(job["variables"])
        return job

    def variables(self, found: dict[str, Any]) -> dict[str, Any]:
        """Variables without those that say where the engine is, or where Trivy's advisories are."""
        there = {ENGINE_VARIABLES: "the engine is", SCANNER_VARIABLES: "Trivy's advisories are"}
        for names, what in there.items():
            if taken := [name for name in names if name in found]:
                left = f"{' and '.join(taken)} {'are' if len(taken) > 1 else 'is'} left out"
                self.notes.append(f"{left}: {what} already there.")
        left_out = {*ENGINE_VARIABLES, *SCANNER_VARIABLES}
        return {name: value for name, value in found.items() if name not in left_out}

    def needs(self, name: str, job: dict[str, Any], dropped: tuple[str, ...]) -> None:
        """Take out what is needed or depended on and not in the pipeline, which GitLab allows only if optional."""
        if isinstance(job.get("needs"), list):
            left = []
            for need in job["needs"]:
                about = need if isinstance(need, dict) else {"job": need}
                if about.get("job") not in dropped:
                    left.append(need)
                elif not about.get("optional"):
                    self._refuse(
                        "pipeline-needs-a-job-that-is-not-in-it",
                        name,
                        f"For {self._ref.shown} the job {name} needs {about.get('job')}, which is not run then.",
                        "Let both run for the same refs, or make the need optional; GitLab creates no "
                        "pipeline otherwise.",
                    )
            job["needs"] = left
        if isinstance(job.get("dependencies"), list):
            job["dependencies"] = [entry for entry in job["dependencies"] if entry not in dropped]

    def circle(self, jobs: dict[str, dict[str, Any]]) -> None:
        """Refuse jobs that wait for each other: gitlab-ci-local would wait for ever."""
        needed = {
            name: [str(need.get("job") if isinstance(need, dict) else need) for need in job["needs"]]
            for name, job in jobs.items()
            if isinstance(job.get("needs"), list)
        }
        try:
            graphlib.TopologicalSorter(needed).prepare()
        except graphlib.CycleError as error:
            names = list(dict.fromkeys(error.args[1]))
            others = f", over {', '.join(names[1:])}" if names[1:] else ""
            self._refuse(
                "pipeline-needs-in-a-circle",
                names[0],
                f"By its needs the job {names[0]} waits for itself{others}.",
                "Let one of them need less; GitLab creates no pipeline otherwise.",
                "needs",
            )

    def _image(self, name: str, value: Any) -> None:
        image = value.get("name") if isinstance(value, dict) else value
        if image:
            self.notes.append(
                f"{name}: image {image} is not used; the job runs in a shell of this machine, which has docker, "
                "trivy, kubectl and git."
            )

    def _services(self, name: str, value: Any, variables: Any) -> None:
        known = {**self._variables, **(variables if isinstance(variables, dict) else {})}
        for entry in value if isinstance(value, list) else ():
            service = str(entry.get("name") if isinstance(entry, dict) else entry)
            service = VARIABLE.sub(lambda found: str(known.get(found[1], found[0])), service)
            if DIND.fullmatch(service):
                self.notes.append(
                    f"{name}: service {service} is the engine that is there. All jobs share it here, while on "
                    "GitLab each job has one of its own: an image goes from job to job by the registry or as an "
                    "artifact there."
                )
            else:
                self._refuse(
                    "pipeline-service-not-there",
                    name,
                    f"The job {name} wants the service {service}.",
                    "Only docker:dind is offered here: do without the service, or start it with `docker run`.",
                    "services",
                )

    def _refuse(self, code: str, name: str, observed: str, action: str, key: str = "") -> None:
        line = self._file.line(name, key) if key else self._file.line(name)
        self.refusals.append(Refusal(code, line, observed, action))


def _rules(
    only: gitlabrefs.Policy | None, but: gitlabrefs.Policy | None, when: str
) -> Iterator[dict[str, str]]:
    """Expressions below `only` and `except` as rules, which gitlab-ci-local understands."""
    if not (only and only.variables) and not (but and but.variables):
        return
    yield from ({"if": text, "when": "never"} for text in (but.variables if but else ()))
    if only and only.variables:
        yield from ({"if": text, "when": when} for text in only.variables)
    else:
        yield {"when": when}
