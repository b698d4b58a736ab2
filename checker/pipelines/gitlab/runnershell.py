"""What a runner with a shell has not, and what it has already: images of jobs, services, settings of engine and
scanner. It is taken out of a job, and told.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

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
VARIABLE = re.compile(r"\$\{?(\w+)\}?")

ALLOWED = "registry-lab: it may fail with exit code"
"""What a job says that failed with an exit code below `allow_failure`; the code follows."""
TRAP = (
    "trap 'registry_lab=$?; case $registry_lab in {codes}) echo \""
    + ALLOWED
    + " $registry_lab\"; exit 0 ;; esac' EXIT"
)
"""gitlab-ci-local lets later jobs go on after any exit code of such a job, GitLab after those that are named."""

Refuse = Callable[[str, str, str, str, str], None]
"""Called with the code of a finding, the job's name, a sentence, what to do, and the key that it is about."""


class Shell:
    """known: variables of all jobs. notes: what is otherwise here than on GitLab, as sentences."""

    def __init__(self, known: Mapping[str, Any], notes: list[str], refuse: Refuse) -> None:
        self._known = known
        self._notes = notes
        self._refuse = refuse

    def job(self, name: str, job: dict[str, Any]) -> dict[str, Any]:
        """Return the job as a shell runs it."""
        job = dict(job)
        if "trigger" in job:
            self._refuse(
                "pipeline-trigger-not-there",
                name,
                f"The job {name} starts another pipeline.",
                "There is one project here: let the job do the work itself.",
                "",
            )
        self._exit_codes(job)
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
                self._notes.append(f"{left}: {what} already there.")
        left_out = {*ENGINE_VARIABLES, *SCANNER_VARIABLES}
        return {name: value for name, value in found.items() if name not in left_out}

    def _exit_codes(self, job: dict[str, Any]) -> None:
        """Let the job itself pass with the exit codes with which it may fail, and fail with all others."""
        allowed = job.get("allow_failure")
        if not isinstance(allowed, dict):
            return
        value = allowed.get("exit_codes")
        codes = [str(code) for code in (value if isinstance(value, list) else [value]) if str(code).isdigit()]
        job["allow_failure"] = False
        key = "before_script" if job.get("before_script") else "script"
        lines = job.get(key)
        if codes and lines:
            listed = lines if isinstance(lines, list) else [lines]
            job[key] = [TRAP.format(codes="|".join(codes)), *listed]

    def _image(self, name: str, value: Any) -> None:
        image = value.get("name") if isinstance(value, dict) else value
        if image:
            self._notes.append(
                f"{name}: image {image} is not used; the job runs in a shell of this machine, which has docker, "
                "trivy, kubectl and git."
            )

    def _services(self, name: str, value: Any, variables: Any) -> None:
        known = {**self._known, **(variables if isinstance(variables, dict) else {})}
        for entry in value if isinstance(value, list) else ():
            service = str(entry.get("name") if isinstance(entry, dict) else entry)
            service = VARIABLE.sub(lambda found: str(known.get(found[1], found[0])), service)
            if DIND.fullmatch(service):
                self._notes.append(
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
