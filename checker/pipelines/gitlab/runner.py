"""Running a `.gitlab-ci.yml` for one ref, by gitlab-ci-local in a sandbox, as a runner with a shell would.

What was pushed is to be read from the registry, and what is deployed from `PipelineOutcome.deployed`: a log says what
it likes.
"""

import contextlib
import itertools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec

from checker.base.errors import EnvironmentFault
from checker.engine.connection import Engine
from checker.lab.workspace import Workspace
from checker.pipelines.engine.proxy import EngineProxy
from checker.pipelines.gitlab import joblog, pipelineplan, planning, projects
from checker.pipelines.gitlab.deploy import Cluster, DeployedContainer
from checker.pipelines.gitlab.joblog import JobResult
from checker.pipelines.gitlab.jobrules import Known
from checker.pipelines.gitlab.pipelinefile import PipelineFile
from checker.pipelines.gitlab.pipelineplan import PipelinePlan
from checker.pipelines.gitlab.projects import Registry
from checker.pipelines.gitlab.refpolicy import Ref
from checker.pipelines.gitlab.workplace import PipelinePlace
from checker.pipelines.problem import FileProblem
from checker.sandbox import box as sandbox
from checker.sandbox.box import BoxRun
from checker.sandbox.relay import Relays

__all__ = ["FILE", "GitLab", "PipelineOutcome", "Registry"]

FILE = ".gitlab-ci.yml"
EXPAND_WITHIN = 60.0
MASK = "[MASKED]"


class PipelineOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one pipeline.

    refusals: why GitLab, or this lab, would not run it. complaint: what gitlab-ci-local said against the file,
    with the learner's line. jobs: those that were started, in their order. waiting: never started, also because
    their rules leave them out; the latter are in left_out as well. dropped: not in the pipeline for this ref by only,
    except or workflow. notes: what is otherwise here. doubts: conditions that do not mean what they seem to.
    not_allowed: what the engine was asked for in vain. commands: those that containers were started with. scans: the
    arguments that Trivy was called with. names: those that were given to images and containers. leaked: whether a
    secret was printed. before, deployed: the containers in the cluster when the pipeline began and when it had ended.
    manifest: what kubectl said against the learner's manifests, real: what a real cluster says against what is
    deployed now. unselected: workloads whose selector does not find their pods.
    """

    ref: Ref
    commit: str
    refusals: tuple[FileProblem, ...] = ()
    complaint: str = ""
    jobs: tuple[JobResult, ...] = ()
    waiting: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    not_allowed: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    scans: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    leaked: bool = False
    before: tuple[DeployedContainer, ...] = ()
    deployed: tuple[DeployedContainer, ...] = ()
    manifest: str = ""
    real: str = ""
    unselected: tuple[str, ...] = ()
    timed_out: bool = False
    missing: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def ran(self) -> bool:
        """Whether a pipeline was created; not so if no job is for this ref."""
        return not self.complaint and bool(self.jobs or {*self.waiting} - {*self.left_out})

    @property
    def passed(self) -> bool:
        return self.ran and not self.timed_out and all(job.passed for job in self.jobs)

    def failed(self) -> list[JobResult]:
        """Return the jobs that failed and were not allowed to."""
        return [job for job in self.jobs if not job.passed]


class GitLab:
    """The pipelines of one workspace. May be used from several threads."""

    def __init__(self, engine: Engine, workspace: Workspace) -> None:
        self._engine = engine
        self._workspace = workspace
        self._pipelines = itertools.count(1)
        self._expanded: dict[tuple[str, Ref | None], BoxRun] = {}

    def run(
        self,
        file: PipelineFile,
        ref: Ref,
        *,
        registry: Registry,
        seconds: float,
        variables: Mapping[str, str] | None = None,
        manifests: Sequence[str] = (),
        change: Callable[[Path], None] | None = None,
        kubeconfig: str = "",
        blind: bool = False,
    ) -> PipelineOutcome:
        """Run the pipeline of a copy of the workspace for a push of `ref`; nothing of it stays in the engine.

        seconds: for all jobs together. variables: those of the project's settings. manifests: files of the
        workspace that were deployed before. change: makes what the push is about; called with the copy's
        folder. kubeconfig: of a real cluster, which is asked whether it would take the result. blind: let Trivy
        have no advisories, so that it can scan nothing.
        Raises EnvironmentFault, EngineFault.
        """
        if refusals := tuple(pipelineplan.included(file)):
            return PipelineOutcome(ref=ref, commit="", refusals=refusals)
        with sandbox.copied(self._workspace) as source:
            project = _Project(source, file, ref, registry, variables or {}, change)
            cluster = Cluster(source.parent / "cluster")
            manifest = cluster.take(source / path for path in manifests if (source / path).is_file())
            proxy = EngineProxy(self._engine, hub=registry.address, place=source)
            try:
                with Relays() as relays:
                    relays.listen(source.parent / "docker.sock", proxy.serve)
                    workplace = PipelinePlace(
                        source.parent, registry, project.given, cluster.bin, next(self._pipelines)
                    )
                    if blind:
                        workplace.blind()
                    begun = PipelineOutcome(
                        ref=ref, commit=project.commit, manifest=manifest, before=cluster.containers()
                    )
                    begun, plan = self._planned(workplace, file, begun, project.known)
                    ended = (
                        _run(workplace, file, begun, plan, seconds, project.secrets, proxy) if plan else begun
                    )
                real = cluster.refused_by_real(kubeconfig) if kubeconfig and ended.ran else ""
                return msgspec.structs.replace(
                    ended, deployed=cluster.containers(), unselected=cluster.unselected(), real=real
                )
            finally:
                proxy.clean_up()

    def started(self, file: PipelineFile, ref: Ref, *, registry: Registry) -> tuple[str, ...]:
        """Return the jobs that the first push of `ref` starts, if none of them fails. Nothing is run for
        that.

        Raises EnvironmentFault.
        """
        with sandbox.copied(self._workspace) as source:
            project = _Project(source, file, ref, registry, {}, None)
            workplace = PipelinePlace(
                source.parent, registry, project.given, source.parent / "bin", next(self._pipelines)
            )
            _, plan = self._planned(
                workplace, file, PipelineOutcome(ref=ref, commit=project.commit), project.known
            )
            return plan.started if plan else ()

    def _planned(
        self, workplace: PipelinePlace, file: PipelineFile, begun: PipelineOutcome, known: Known
    ) -> tuple[PipelineOutcome, PipelinePlan | None]:
        """Return what is to be run, if anything is. Equal files are expanded once."""
        # Which files are included may depend on the ref; conditions of jobs are looked at later.
        key = (file.text, begun.ref if file.value("include") else None)
        if key not in self._expanded:
            workplace.write(file.masked)
            made = workplace.gitlab("--preview", seconds=EXPAND_WITHIN)
            if made.timed_out:
                raise EnvironmentFault(
                    f"gitlab-ci-local did not expand {FILE} within {EXPAND_WITHIN:.0f} s.",
                    "Try again when less runs on this machine.",
                )
            self._expanded[key] = made
        expanding = self._expanded[key]
        _, found, expanded = expanding.output.partition("---\n")
        plan = None
        if expanding.exit_code == 0 and found:
            with contextlib.suppress(ValueError):  # what came out is no pipeline
                plan = planning.plan(joblog.without_noise(expanded), file, begun.ref, known)
        if plan is None:
            said = joblog.placed(joblog.complaint(expanding.output), file)
            return msgspec.structs.replace(begun, complaint=said, missing=expanding.missing), None
        begun = msgspec.structs.replace(
            begun,
            dropped=plan.dropped,
            left_out=plan.left_out,
            notes=plan.notes,
            doubts=plan.doubts,
            refusals=plan.refusals,
            missing=expanding.missing,
            waiting=() if plan.refusals else plan.jobs,
        )
        return begun, plan if plan.started and not plan.refusals else None


class _Project:
    """The clone, and what its pipeline is given."""

    def __init__(
        self,
        source: Path,
        file: PipelineFile,
        ref: Ref,
        registry: Registry,
        settings: Mapping[str, str],
        change: Callable[[Path], None] | None,
    ) -> None:
        clone = projects.pushed(source, ref, registry.project, change)
        predefined = projects.predefined(ref, registry, clone)
        for name in projects.of_the_file(file, predefined):
            del predefined[name]
        self.commit = clone.commit
        self.given = {**predefined, **settings}
        self.known = Known(predefined=predefined, settings=settings, changed=clone.changed, files=clone.files)
        self.secrets = [
            registry.password, *(value for name, value in self.given.items() if _is_secret(name))
        ]  # fmt: skip


def _run(
    workplace: PipelinePlace,
    file: PipelineFile,
    begun: PipelineOutcome,
    plan: PipelinePlan,
    seconds: float,
    secrets: list[str],
    proxy: EngineProxy,
) -> PipelineOutcome:
    workplace.write(plan.text)
    ran = workplace.gitlab("--force-shell-executor", "--shell-isolation", seconds=seconds)
    output = ran.output
    leaked = any(secret in output for secret in secrets)
    for secret in secrets:
        output = output.replace(secret, MASK)
    jobs = joblog.jobs(output, plan.jobs, file, ended=not ran.timed_out)
    started = {job.name for job in jobs}
    well = jobs or ran.timed_out or joblog.finished(output)
    return msgspec.structs.replace(
        begun,
        complaint="" if well else joblog.placed(joblog.complaint(output), file),
        jobs=jobs,
        waiting=tuple(name for name in plan.jobs if name not in started),
        not_allowed=tuple(dict.fromkeys(proxy.refused)),
        commands=tuple(proxy.commands),
        scans=workplace.scans(),
        names=(*sorted(proxy.names), *proxy.named),
        leaked=leaked,
        timed_out=ran.timed_out,
        missing=ran.missing,
        seconds=ran.seconds,
    )


def _is_secret(name: str) -> bool:
    return any(word in name.upper() for word in ("PASSWORD", "TOKEN", "SECRET"))
