"""The project on GitLab that a pipeline is of: its registry, its clone with one push in it, its variables."""

import re
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from checker.base.errors import EnvironmentFault
from checker.base.pace import scaled, too_slow
from checker.lab.workspacegit import GIT_IDENTITY
from checker.pipelines.gitlab.pipelinefile import PipelineFile
from checker.pipelines.gitlab.refpolicy import Ref
from checker.sandbox import box as sandbox

DEFAULT_BRANCH = "main"
NO_COMMIT = "0" * 40
MESSAGE = "As it is now"
PUBLIC = frozenset(
    "CI GITLAB_CI CI_REGISTRY CI_REGISTRY_IMAGE CI_COMMIT_BRANCH CI_COMMIT_REF_NAME CI_COMMIT_REF_SLUG "
    "CI_COMMIT_REF_PROTECTED CI_COMMIT_MESSAGE CI_COMMIT_TITLE CI_PIPELINE_SOURCE CI_DEFAULT_BRANCH".split()
)
"""Variables that gitlab-ci-local predefines otherwise, and that may stand on a command line."""


class Registry(msgspec.Struct, frozen=True, kw_only=True):
    """The project's container registry. project: `account/name`, also the project's own path."""

    address: str
    project: str
    user: str
    password: str

    def variables(self) -> dict[str, str]:
        """Return what GitLab predefines about it (GitLab Docs, "Predefined CI/CD variables")."""
        return {
            "CI_REGISTRY": self.address,
            "CI_REGISTRY_IMAGE": f"{self.address}/{self.project}",
            "CI_REGISTRY_USER": self.user,
            "CI_REGISTRY_PASSWORD": self.password,
            "CI_JOB_TOKEN": self.password,
        }


class Clone(msgspec.Struct, frozen=True):
    """What was pushed. commit: its full id. before: that of the commit before it, zeros for the first push of a
    ref. changed: the paths that the push changes, None for the first. files: all paths."""

    commit: str
    before: str
    changed: tuple[str, ...] | None
    files: tuple[str, ...]


def pushed(source: Path, ref: Ref, project: str, change: Callable[[Path], None] | None) -> Clone:
    """Make the copy a clone of the project with `ref` checked out.

    change: makes what the push is about, on top of what was pushed before. Raises EnvironmentFault.
    """
    branch = DEFAULT_BRANCH if ref.kind == "tag" else ref.name
    git = _Git(source)
    git("init", "--quiet", f"--initial-branch={branch}")
    git("remote", "add", "origin", f"git@gitlab.invalid:{project}.git")
    commit, before, changed = git.commit(), NO_COMMIT, None
    if change:
        change(source)
        before, commit = commit, git.commit()
        changed = git.paths("diff", "--name-only", "-z", before, commit)
    git("update-ref", f"refs/remotes/origin/{DEFAULT_BRANCH}", "HEAD")
    git("symbolic-ref", "refs/remotes/origin/HEAD", f"refs/remotes/origin/{DEFAULT_BRANCH}")
    if ref.kind == "tag":
        git("tag", ref.name)
    return Clone(commit, before, changed, git.paths("ls-files", "-z"))


def predefined(ref: Ref, registry: Registry, clone: Clone) -> dict[str, str]:
    """Return the variables that GitLab has for a pipeline, as far as conditions or jobs commonly ask for
    them."""
    group, _, name = registry.project.rpartition("/")
    protected = ref.kind == "branch" and ref.name == DEFAULT_BRANCH
    found = registry.variables() | {
        "CI": "true",
        "GITLAB_CI": "true",
        "CI_PIPELINE_SOURCE": ref.source,
        "CI_DEFAULT_BRANCH": DEFAULT_BRANCH,
        "CI_PROJECT_NAME": name,
        "CI_PROJECT_PATH": registry.project,
        "CI_PROJECT_NAMESPACE": group,
        "CI_PROJECT_ROOT_NAMESPACE": group.partition("/")[0],
        "CI_COMMIT_SHA": clone.commit,
        "CI_COMMIT_SHORT_SHA": clone.commit[:8],
        "CI_COMMIT_BEFORE_SHA": clone.before,
        "CI_COMMIT_MESSAGE": MESSAGE,
        "CI_COMMIT_TITLE": MESSAGE,
        "CI_COMMIT_REF_NAME": ref.name,
        "CI_COMMIT_REF_SLUG": re.sub(r"[^a-z0-9]+", "-", ref.name.lower())[:63].strip("-"),
        "CI_COMMIT_REF_PROTECTED": str(protected).lower(),
    }
    kinds = {
        "branch": {"CI_COMMIT_BRANCH": ref.name},
        "tag": {"CI_COMMIT_TAG": ref.name},
        "merge_request": {
            "CI_MERGE_REQUEST_ID": "7",
            "CI_MERGE_REQUEST_IID": "7",
            "CI_MERGE_REQUEST_EVENT_TYPE": "detached",
            "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME": ref.name,
            "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": DEFAULT_BRANCH,
        },
    }
    return found | kinds.get(ref.kind, {})


def of_the_file(file: PipelineFile, names: Mapping[str, str]) -> set[str]:
    """Return those of the names that the file itself sets for all jobs: what it says counts."""
    own = file.value("variables")
    return {*names} & {*own} if isinstance(own, dict) else set()


class _Git:
    """git in the clone. Raises EnvironmentFault."""

    def __init__(self, source: Path) -> None:
        self._source = source
        self._environment = {"PATH": sandbox.clean(source.parent / "home")["PATH"], **GIT_IDENTITY}

    def __call__(self, *words: str) -> str:
        try:
            done = subprocess.run(
                ["git", "-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", *words],
                cwd=self._source, env=self._environment, capture_output=True, text=True, errors="replace",
                timeout=scaled(60), check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired as late:
            raise too_slow(f"git {words[0]} took longer than {late.timeout:.0f} s") from None
        except OSError as error:
            raise EnvironmentFault(f"git {words[0]} did not work ({error}).", "Try again.") from error
        if done.returncode:
            raise EnvironmentFault(f"git {words[0]} failed: {done.stderr.strip()[:300]}.", "Try again.")
        return done.stdout.strip()

    def commit(self) -> str:
        """Commit everything there is; the commit's full id."""
        self("add", "--all", "--force")
        self("commit", "--quiet", "--allow-empty", "--message", MESSAGE)
        return self("rev-parse", "HEAD")

    def paths(self, *words: str) -> tuple[str, ...]:
        return tuple(path for path in self(*words).split("\0") if path)
