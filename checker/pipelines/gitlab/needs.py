"""What jobs of one pipeline wait for: `needs`, `dependencies`, stages, and jobs that wait for somebody's click.

Looked at when it is known which jobs are in the pipeline.
"""

import graphlib
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import msgspec

Jobs = Mapping[str, dict[str, Any]]

STAGES = (".pre", "build", "test", "deploy", ".post")
"""Those of a file that lists none."""


class MissingNeed(msgspec.Struct, frozen=True):
    """A job of the pipeline needs one that is not in it."""

    job: str
    needed: str


def wanted(job: Mapping[str, Any]) -> list[str] | None:
    """Return the names of the jobs that this one needs; None if it waits for its stage."""
    needs = job.get("needs")
    if not isinstance(needs, list):
        return None
    about = (need if isinstance(need, dict) else {"job": need} for need in needs)
    return [
        str(need["job"]) for need in about if need.get("job") and not {"pipeline", "project"} & need.keys()
    ]


def missing(jobs: Jobs, absent: Collection[str]) -> Iterator[MissingNeed]:
    """Yield what GitLab creates no pipeline for: a need of a job that is left out, if it is not optional."""
    for name, job in jobs.items():
        for need in job["needs"] if isinstance(job.get("needs"), list) else ():
            about = need if isinstance(need, dict) else {"job": need}
            if about.get("job") in absent and not about.get("optional"):
                yield MissingNeed(name, str(about["job"]))


def without(job: dict[str, Any], absent: Collection[str]) -> dict[str, Any]:
    """Return the job with needs and dependencies of jobs that are there."""
    job = dict(job)
    if isinstance(job.get("needs"), list):
        about = ((need, need.get("job") if isinstance(need, dict) else need) for need in job["needs"])
        job["needs"] = [need for need, name in about if name not in absent]
    if isinstance(job.get("dependencies"), list):
        job["dependencies"] = [name for name in job["dependencies"] if name not in absent]
    return job


def circle(jobs: Jobs) -> list[str]:
    """Names of jobs that wait for each other, the first of them in front; gitlab-ci-local would wait for ever."""
    needed = {name: found for name, job in jobs.items() if (found := wanted(job)) is not None}
    try:
        graphlib.TopologicalSorter(needed).prepare()
    except graphlib.CycleError as error:
        return list(dict.fromkeys(error.args[1]))
    return []


def held(jobs: Jobs, stages: Collection[str]) -> set[str]:
    """Return the jobs that are not started as long as nobody clicks: manual ones, and those that wait for
    them.

    A manual job that may fail, which is the rule outside `rules`, holds up only those that need it; any other one
    holds up the stages after its own as well.
    """
    order = [stage for stage in stages or STAGES if stage not in (".pre", ".post")]
    order = [".pre", *order, ".post"]
    idle: set[str] = set()
    stuck: set[str] = set()
    for stage in order:
        blocked = bool(stuck)
        here = {name: job for name, job in jobs.items() if str(job.get("stage", "test")) == stage}
        for name in _sorted(here):
            job, needs = here[name], wanted(here[name])
            waits_for_stuck = blocked if needs is None else bool(stuck & {*needs})
            if waits_for_stuck or idle & {*(needs or ())}:
                (stuck if waits_for_stuck else idle).add(name)
            elif job.get("when") == "manual":
                (idle if _may_fail(job) else stuck).add(name)
    return idle | stuck


def _may_fail(job: Mapping[str, Any]) -> bool:
    value = job.get("allow_failure")
    return bool(value) if value is not None else True


def _sorted(jobs: Jobs) -> list[str]:
    """Return the jobs of one stage, those that others of it need in front."""
    here = {name: [need for need in wanted(job) or () if need in jobs] for name, job in jobs.items()}
    try:
        return list(graphlib.TopologicalSorter(here).static_order())
    except graphlib.CycleError:
        return list(jobs)
