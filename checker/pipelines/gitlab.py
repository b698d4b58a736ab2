"""Running a `.gitlab-ci.yml` for one ref, by gitlab-ci-local in a room, as a runner with a shell would.

What was pushed is to be read from the registry, and what is deployed from `Outcome.deployed`: a log says what
it likes.
"""

import contextlib
import itertools
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec
import yaml

from checker import tools
from checker.engine import Engine
from checker.errors import EnvironmentFault
from checker.pace import scaled, too_slow
from checker.pipelines import gitlablog, gitlabplan, sandbox
from checker.pipelines.deploy import Cluster, Container
from checker.pipelines.engineproxy import EngineProxy
from checker.pipelines.gitlabfile import PipelineFile
from checker.pipelines.gitlablog import JobResult
from checker.pipelines.gitlabplan import Refusal
from checker.pipelines.gitlabrefs import Ref
from checker.pipelines.relay import Relays
from checker.pipelines.sandbox import Ran
from checker.workspace import GIT_IDENTITY, Workspace

FILE = ".gitlab-ci.yml"
EXPAND_WITHIN = 60.0
DEFAULT_BRANCH = "main"
TOOLS = ("trivy", "kubectl")
SETTINGS = "settings.yml"
"""Beside the copy: the variables that GitLab has in the project's settings."""
MASK = "[MASKED]"
SYNC = """\
#!/bin/sh
# Before after_script gitlab-ci-local fetches the sources again, over what the script has made.
for target; do :; done
case "$1 $2 $3 $target" in
  "-a --delete-excluded --delete "*/builds/*) [ -z "$(ls -A "$target")" ] || exit 0 ;;
esac
exec {rsync} "$@"
"""
OPTIONS = ("--no-color", "--no-json-schema-validation", "--no-evaluate-rule-changes")


class Registry(msgspec.Struct, frozen=True, kw_only=True):
    """The project's container registry. project: `account/name`, also the project's own path."""

    address: str
    project: str
    user: str
    password: str

    def variables(self) -> dict[str, str]:
        """What GitLab predefines about it (GitLab Docs, "Predefined CI/CD variables")."""
        return {
            "CI_REGISTRY": self.address,
            "CI_REGISTRY_IMAGE": f"{self.address}/{self.project}",
            "CI_REGISTRY_USER": self.user,
            "CI_REGISTRY_PASSWORD": self.password,
            "CI_JOB_TOKEN": self.password,
        }


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one pipeline.

    refusals: why GitLab, or this lab, would not run it. complaint: what gitlab-ci-local said against the file,
    with the learner's line. jobs: those that were started, in their order. waiting: never started, also because
    their rules leave them out. dropped: not in the pipeline for this ref. notes: what is otherwise here.
    not_allowed: what the engine was asked for in vain. leaked: whether a secret was printed. before, deployed:
    the containers in the cluster when the pipeline began and when it had ended. manifest: what kubectl said
    against the learner's manifests, real: what a real cluster says against what is deployed now. unselected:
    workloads whose selector does not find their pods.
    """

    ref: Ref
    commit: str
    refusals: tuple[Refusal, ...] = ()
    complaint: str = ""
    jobs: tuple[JobResult, ...] = ()
    waiting: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    not_allowed: tuple[str, ...] = ()
    leaked: bool = False
    before: tuple[Container, ...] = ()
    deployed: tuple[Container, ...] = ()
    manifest: str = ""
    real: str = ""
    unselected: tuple[str, ...] = ()
    timed_out: bool = False
    missing: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def ran(self) -> bool:
        """Whether a pipeline was created; not so if no job is for this ref."""
        return not self.complaint and bool(self.jobs or self.waiting)

    @property
    def passed(self) -> bool:
        return self.ran and not self.timed_out and all(job.passed for job in self.jobs)

    def failed(self) -> list[JobResult]:
        """The jobs that failed and were not allowed to."""
        return [job for job in self.jobs if not job.passed]


class GitLab:
    """The pipelines of one workspace."""

    def __init__(self, engine: Engine, workspace: Workspace) -> None:
        self._engine = engine
        self._workspace = workspace
        self._pipelines = itertools.count(1)

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
    ) -> Outcome:
        """Run the pipeline of a copy of the workspace for a push of `ref`; nothing of it stays in the engine.

        seconds: for all jobs together. variables: those of the project's settings. manifests: files of the
        workspace that were deployed before. change: makes what the push is about; called with the copy's
        folder. kubeconfig: of a real cluster, which is asked whether it would take the result.
        Raises EnvironmentFault, EngineFault.
        """
        if refusals := tuple(gitlabplan.included(file)):
            return Outcome(ref=ref, commit="", refusals=refusals)
        given = {**_predefined(ref, registry, file), **(variables or {})}
        secrets = [registry.password, *(value for name, value in given.items() if _is_secret(name))]
        with sandbox.copied(self._workspace) as source:
            if change:
                change(source)
            base = source.parent
            commit = _commit(source, ref, registry.project)
            cluster = Cluster(base / "cluster")
            manifest = cluster.take(source / path for path in manifests if (source / path).is_file())
            proxy = EngineProxy(self._engine, hub=registry.address, place=source)
            try:
                with Relays() as relays:
                    relays.listen(base / "docker.sock", proxy.serve)
                    room = _Room(base, registry, given, cluster, next(self._pipelines))
                    begun = Outcome(ref=ref, commit=commit, manifest=manifest, before=cluster.containers())
                    ended = _run(room, file, begun, seconds, secrets, proxy)
                real = cluster.refused_by_real(kubeconfig) if kubeconfig and ended.ran else ""
                return msgspec.structs.replace(
                    ended, deployed=cluster.containers(), unselected=cluster.unselected(), real=real
                )
            finally:
                proxy.clean_up()


class _Room:
    """The place of one run, and what its commands are given."""

    def __init__(
        self, base: Path, registry: Registry, given: Mapping[str, str], cluster: Cluster, number: int
    ) -> None:
        """number: of the pipeline, as in `CI_PIPELINE_IID`."""
        from checker.scanning import trivy

        self.base = base
        self._reach = (registry.address,)
        self._program = str(tools.program("gitlab-ci-local"))
        home = base / "home"
        self._environment = sandbox.clean(home)
        path = tools.search_path(TOOLS, self._environment["PATH"])
        self._environment |= trivy.environment(home / "trivy")
        self._environment |= {
            "PATH": f"{cluster.bin}:{base / 'bin'}:{path}",
            "DOCKER_HOST": f"unix://{base / 'docker.sock'}",
            "DOCKER_BUILDKIT": "0",
            "KUBECONFIG": str(home / "kubeconfig"),
        }
        (base / "bin").mkdir()
        sync = base / "bin" / "rsync"
        sync.write_text(
            SYNC.format(rsync=shutil.which("rsync", path=path) or "/usr/bin/rsync"), encoding="utf-8"
        )
        sync.chmod(0o755)
        (base / "state").mkdir()
        # It counts on from what it finds there.
        (base / "state" / "state.yml").write_text(f"pipelineIid: {number - 1}\n", encoding="utf-8")
        (base / SETTINGS).write_text(yaml.safe_dump(dict(given)), encoding="utf-8")
        # What it predefines itself only its command line overrides, and a secret does not belong there.
        own = "CI_REGISTRY CI_REGISTRY_IMAGE CI_COMMIT_BRANCH CI_COMMIT_REF_NAME CI_COMMIT_REF_SLUG".split()
        self._said = [f"--variable={name}={given[name]}" for name in own if name in given]
        self._quiet = ",".join(given)

    def write(self, text: str) -> None:
        """Make what is run in place of the learner's file."""
        (self.base / "source" / gitlablog.RUN_FILE).write_text(text, encoding="utf-8")

    def wants(self, asks: str) -> bool:
        """Whether the one job of a file would be run."""
        self.write(asks)
        listing = self.gitlab(gitlablog.RUN_FILE, "--list-json", seconds=EXPAND_WITHIN)
        jobs = gitlablog.listed(listing.output)
        return not jobs or any(job.get("when") != "never" for job in jobs)

    def gitlab(self, file: str, *options: str, seconds: float) -> Ran:
        command = [self._program, "--cwd", "source", "--file", file, "--state-dir", "../state", *OPTIONS]
        command += ["--variables-file", f"../{SETTINGS}"]
        command += ["--ignore-predefined-vars", self._quiet, *self._said, *options]
        return sandbox.run(
            command, place=self.base, environment=self._environment, seconds=seconds, reach=self._reach
        )


def _run(
    room: _Room, file: PipelineFile, begun: Outcome, seconds: float, secrets: list[str], proxy: EngineProxy
) -> Outcome:
    expanding = room.gitlab(FILE, "--preview", seconds=EXPAND_WITHIN)
    _, found, expanded = expanding.output.partition("---\n")
    plan = None
    if expanding.exit_code == 0 and found:
        with contextlib.suppress(ValueError):  # what came out is no pipeline
            plan = gitlabplan.plan(gitlablog.without_noise(expanded), file, begun.ref)
    if plan is None:
        said = gitlablog.placed(gitlablog.complaint(expanding.output), file)
        return msgspec.structs.replace(begun, complaint=said, missing=expanding.missing)
    begun = msgspec.structs.replace(
        begun, dropped=plan.dropped, notes=plan.notes, refusals=plan.refusals, missing=expanding.missing
    )
    if plan.refusals or not plan.jobs:
        return begun
    if plan.asks and not room.wants(plan.asks):
        return msgspec.structs.replace(begun, dropped=(*plan.jobs, *plan.dropped))
    room.write(plan.text)
    ran = room.gitlab(gitlablog.RUN_FILE, "--force-shell-executor", "--shell-isolation", seconds=seconds)
    output = ran.output
    leaked = any(secret in output for secret in secrets)
    for secret in secrets:
        output = output.replace(secret, MASK)
    jobs = gitlablog.jobs(output, plan.jobs, file, ended=not ran.timed_out)
    started = {job.name for job in jobs}
    well = jobs or ran.timed_out or gitlablog.finished(output)
    return msgspec.structs.replace(
        begun,
        complaint="" if well else gitlablog.placed(gitlablog.complaint(output), file),
        jobs=jobs,
        waiting=tuple(name for name in plan.jobs if name not in started),
        not_allowed=tuple(dict.fromkeys(proxy.refused)),
        leaked=leaked,
        timed_out=ran.timed_out,
        missing=ran.missing,
        seconds=ran.seconds + expanding.seconds,
    )


def _predefined(ref: Ref, registry: Registry, file: PipelineFile) -> dict[str, str]:
    """Variables that gitlab-ci-local does not know or takes from elsewhere; those the file sets itself count."""
    found = registry.variables() | {"CI_PIPELINE_SOURCE": ref.source, "CI_DEFAULT_BRANCH": DEFAULT_BRANCH}
    if ref.kind == "tag":
        found |= {"CI_COMMIT_TAG": ref.name, "CI_COMMIT_REF_NAME": ref.name, "CI_COMMIT_BRANCH": ""}
        found["CI_COMMIT_REF_SLUG"] = re.sub(r"[^a-z0-9]+", "-", ref.name.lower())[:63].strip("-")
    own = file.value("variables")
    return {name: value for name, value in found.items() if not (isinstance(own, dict) and name in own)}


def _is_secret(name: str) -> bool:
    return any(word in name.upper() for word in ("PASSWORD", "TOKEN", "SECRET"))


def _commit(source: Path, ref: Ref, project: str) -> str:
    """Make the copy a clone of the project with `ref` checked out; the commit's full id."""
    branch = DEFAULT_BRANCH if ref.kind == "tag" else ref.name
    environment = {"PATH": sandbox.clean(source.parent / "home")["PATH"], **GIT_IDENTITY}

    def git(*words: str) -> str:
        try:
            done = subprocess.run(
                ["git", "-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", *words],
                cwd=source, env=environment, capture_output=True, text=True, errors="replace", timeout=scaled(60),
                check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired as late:
            raise too_slow(f"git {words[0]} took longer than {late.timeout:.0f} s") from None
        except OSError as error:
            raise EnvironmentFault(f"git {words[0]} did not work ({error}).", "Try again.") from error
        if done.returncode:
            raise EnvironmentFault(f"git {words[0]} failed: {done.stderr.strip()[:300]}.", "Try again.")
        return done.stdout.strip()

    git("init", "--quiet", f"--initial-branch={branch}")
    git("add", "--all", "--force")
    git("commit", "--quiet", "--allow-empty", "--message", "As it is now")
    git("remote", "add", "origin", f"git@gitlab.invalid:{project}.git")
    git("update-ref", f"refs/remotes/origin/{DEFAULT_BRANCH}", "HEAD")
    git("symbolic-ref", "refs/remotes/origin/HEAD", f"refs/remotes/origin/{DEFAULT_BRANCH}")
    if ref.kind == "tag":
        git("tag", ref.name)
    return git("rev-parse", "HEAD")
