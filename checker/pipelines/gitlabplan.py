"""From the pipeline as GitLab expands it to the one that is run here for one ref.

What gitlab-ci-local ignores is done here: `only` and `except`, a job needed that is not in the pipeline. What a
shell runner has not is taken out and told: images of jobs, services.
"""

import re
from collections.abc import Iterator
from typing import Any

import msgspec
import yaml

from checker.pipelines import gitlabrefs
from checker.pipelines.gitlabfile import TOP, PipelineFile
from checker.pipelines.gitlabrefs import Ref

DIND = re.compile(r"(?:docker\.io/|index\.docker\.io/)?(?:library/)?docker(?::[\w.-]*dind[\w.-]*)?(?:@\S+)?")
ENGINE_VARIABLES = ("DOCKER_HOST", "DOCKER_TLS_CERTDIR", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH")
"""Tell a job where its docker:dind is; here the engine is somewhere else."""
CONDITIONS = {
    "changes": "counts as fulfilled, as it does on GitLab for the first push of a ref",
    "kubernetes": "counts as fulfilled: a deployment is taken up here",
}
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
            what = entry if isinstance(entry, str) else ", ".join(f"{key}: {entry[key]}" for key in entry)
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
    making = _Making(file, ref)
    kept = {name: making.job(name, job) for name, job in jobs.items() if making.wanted(name, job)}
    dropped = tuple(name for name in jobs if name not in kept)
    for name, job in kept.items():
        making.needs(name, job, dropped)
    top = {name: value for name, value in tree.items() if name in TOP and name not in ("image", "services")}
    if isinstance(top.get("variables"), dict):
        top["variables"] = making.variables(top["variables"])
    workflow = tree.get("workflow")
    rules = workflow.get("rules") if isinstance(workflow, dict) else None
    asking = {"variables": top.get("variables") or {}, "pipeline": {"script": ["true"], "rules": rules}}
    return Plan(
        asks=yaml.safe_dump(asking, sort_keys=False) if rules else "",
        text=yaml.safe_dump({**top, **kept}, sort_keys=False, allow_unicode=True, width=1 << 16),
        jobs=tuple(kept),
        dropped=dropped,
        notes=tuple(dict.fromkeys(making.notes)),
        refusals=tuple(making.refusals),
    )


class _Making:
    """What is found out on the way through the jobs."""

    def __init__(self, file: PipelineFile, ref: Ref) -> None:
        self._file = file
        self._ref = ref
        self.notes: list[str] = []
        self.refusals: list[Refusal] = []

    def wanted(self, name: str, job: dict[str, Any]) -> bool:
        """Whether the job is in the pipeline for this ref; one with `rules` is left to gitlab-ci-local."""
        only, but = (gitlabrefs.policy(job.get(key)) for key in ("only", "except"))
        if "rules" in job:
            if only or but:
                self._refuse(
                    "pipeline-rules-and-only",
                    name,
                    f"The job {name} has rules and only or except.",
                    "Use one of the two; GitLab creates no pipeline from both.",
                )
            return True
        for found in filter(None, (only, but)):
            self.notes += [f"{name}: {key} {CONDITIONS[key]}." for key in found.unknown if key in CONDITIONS]
        return gitlabrefs.keeps(only, but, self._ref)

    def job(self, name: str, job: dict[str, Any]) -> dict[str, Any]:
        """The job as it is run."""
        job = dict(job)
        only, but = (gitlabrefs.policy(job.pop(key, None)) for key in ("only", "except"))
        if rules := list(_rules(only, but, str(job.get("when", "on_success")))):
            job["rules"] = rules
        if not any(job.get(key) for key in WORK):
            self._refuse(
                "pipeline-job-without-script",
                name,
                f"The job {name} has no script.",
                "Give it one; a job that is only a template has a name that begins with a full stop.",
            )
        if "trigger" in job:
            self._refuse(
                "pipeline-trigger-not-there",
                name,
                f"The job {name} starts another pipeline.",
                "There is one project here: let the job do the work itself.",
            )
        self._image(name, job.pop("image", None))
        self._services(name, job.pop("services", None))
        if isinstance(job.get("variables"), dict):
            job["variables"] = self.variables(job["variables"])
        return job

    def variables(self, found: dict[str, Any]) -> dict[str, Any]:
        """Variables without those that say where the engine is."""
        if taken := [name for name in ENGINE_VARIABLES if name in found]:
            self.notes.append(
                f"{' and '.join(taken)} {'are' if len(taken) > 1 else 'is'} left out: the engine is already there."
            )
        return {name: value for name, value in found.items() if name not in taken}

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

    def _image(self, name: str, value: Any) -> None:
        image = value.get("name") if isinstance(value, dict) else value
        if image:
            self.notes.append(
                f"{name}: image {image} is not used; the job runs in a shell of this machine, which has docker, "
                "trivy, kubectl and git."
            )

    def _services(self, name: str, value: Any) -> None:
        for entry in value if isinstance(value, list) else ():
            service = str(entry.get("name") if isinstance(entry, dict) else entry)
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
