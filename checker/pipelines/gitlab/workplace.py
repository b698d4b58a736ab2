"""The place where gitlab-ci-local runs one pipeline: files beside the clone, programs, and what they are given."""

import shlex
import shutil
from collections.abc import Mapping
from pathlib import Path

import yaml

from checker.pipelines.gitlab import joblog, projects
from checker.pipelines.gitlab.projects import Registry
from checker.programs import tools
from checker.sandbox import box as sandbox
from checker.sandbox.box import BoxRun

TOOLS = ("trivy", "kubectl")
NOBODY = "127.0.0.1:1"
"""An address at which nobody listens in a sandbox."""
SETTINGS = "settings.yml"
"""Beside the copy: the variables that GitLab has in the project's settings."""
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
TRIVY = """\
#!/bin/sh
printf '%s\\n' "$*" >> {log}
exec {trivy} "$@"
"""
"""Runs Trivy and notes down with what it was called."""


class PipelinePlace:
    """The place of one run, and what its commands are given."""

    def __init__(
        self, base: Path, registry: Registry, given: Mapping[str, str], programs: Path, number: int
    ) -> None:
        """programs: a folder of some that go in front. number: of the pipeline, as in `CI_PIPELINE_IID`."""
        from checker.scanning import trivy

        self.base = base
        self._reach = (registry.address,)
        self._program = str(tools.program("gitlab-ci-local"))
        home = base / "home"
        self._advisories = home / "trivy"
        self._environment = sandbox.clean(home)
        path = tools.search_path(TOOLS, self._environment["PATH"])
        self._environment |= trivy.environment(self._advisories)
        self._environment |= {
            "PATH": f"{programs}:{base / 'bin'}:{path}",
            "DOCKER_HOST": f"unix://{base / 'docker.sock'}",
            "DOCKER_BUILDKIT": "0",
            "KUBECONFIG": str(home / "kubeconfig"),
        }
        (base / "bin").mkdir()
        self._scans = base / "scans"
        self._program_file("rsync", SYNC.format(rsync=shutil.which("rsync", path=path) or "/usr/bin/rsync"))
        words = {"log": shlex.quote(str(self._scans)), "trivy": shlex.quote(str(tools.program("trivy")))}
        self._program_file("trivy", TRIVY.format(**words))
        (base / "state").mkdir()
        # It counts on from what it finds there.
        (base / "state" / "state.yml").write_text(f"pipelineIid: {number - 1}\n", encoding="utf-8")
        (base / SETTINGS).write_text(yaml.safe_dump(dict(given)), encoding="utf-8")
        # What it predefines itself only its command line overrides, and a secret does not belong there.
        self._said = [f"--variable={name}={given[name]}" for name in given if name in projects.PUBLIC]
        if "CI_COMMIT_BRANCH" not in given:
            self._said.append("--unset-variable=CI_COMMIT_BRANCH")
        self._quiet = ",".join(given)

    def _program_file(self, name: str, text: str) -> None:
        path = self.base / "bin" / name
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755)

    def blind(self) -> None:
        """Take the advisories away, and let there be none to download."""
        shutil.rmtree(self._advisories)
        self._environment["TRIVY_DB_REPOSITORY"] = f"{NOBODY}/trivy-db"

    def scans(self) -> tuple[str, ...]:
        """Return the arguments that Trivy was called with."""
        try:
            return tuple(self._scans.read_text(encoding="utf-8", errors="replace").splitlines())
        except OSError:
            return ()

    def write(self, text: str) -> None:
        """Make what is run in place of the learner's file."""
        (self.base / "source" / joblog.RUN_FILE).write_text(text, encoding="utf-8")

    def gitlab(self, *options: str, seconds: float) -> BoxRun:
        command = [self._program, "--cwd", "source", "--file", joblog.RUN_FILE, "--state-dir", "../state"]
        command += [*OPTIONS, "--variables-file", f"../{SETTINGS}"]
        command += ["--ignore-predefined-vars", self._quiet, *self._said, *options]
        return sandbox.run(
            command, place=self.base, environment=self._environment, seconds=seconds, reach=self._reach
        )
