"""aquasecurity/trivy-action: the real Trivy, its inputs as the environment that Trivy reads."""

import base64
import json
import os
import subprocess
from pathlib import Path

from .common import ActionTask, Failed, say

VARIABLES = {
    "exit-code": "TRIVY_EXIT_CODE",
    "ignore-unfixed": "TRIVY_IGNORE_UNFIXED",
    "vuln-type": "TRIVY_PKG_TYPES",
    "severity": "TRIVY_SEVERITY",
    "format": "TRIVY_FORMAT",
    "output": "TRIVY_OUTPUT",
    "skip-dirs": "TRIVY_SKIP_DIRS",
    "skip-files": "TRIVY_SKIP_FILES",
    "timeout": "TRIVY_TIMEOUT",
    "ignore-policy": "TRIVY_IGNORE_POLICY",
    "list-all-pkgs": "TRIVY_LIST_ALL_PKGS",
    "scanners": "TRIVY_SCANNERS",
    "security-checks": "TRIVY_SCANNERS",
    "trivy-config": "TRIVY_CONFIG",
}
KINDS = ("image", "fs", "filesystem", "config", "rootfs", "repo", "sbom")


def run(task: ActionTask) -> None:
    kind = task.text("scan-type") or "image"
    if kind not in KINDS:
        raise Failed(f"The scan type {kind} is not offered here; there are {', '.join(KINDS)}.")
    env = dict(os.environ)
    for name, variable in VARIABLES.items():
        if value := task.text(name):
            env[variable] = value
    if task.text("format") == "sarif" and task.text("limit-severities-for-sarif") != "true":
        env.pop("TRIVY_SEVERITY", None)  # the action writes all severities into SARIF unless told otherwise
    if template := task.text("template"):
        env["TRIVY_TEMPLATE"] = template
    _ignore_files(task, env)
    target = _image(task, env) if kind == "image" and not task.text("input") else task.text("scan-ref") or "."
    if kind == "image" and task.text("input"):
        env["TRIVY_INPUT"], target = task.text("input"), ""
    command = ["trivy", kind, *([target] if target else [])]
    say(f"$ {' '.join(command)}")
    done = subprocess.run(command, env=env, check=False)
    if done.returncode:
        raise Failed(f"Trivy ended with {done.returncode}.", done.returncode)


def _ignore_files(task: ActionTask, env: dict[str, str]) -> None:
    """Several files of exceptions become one, as in the action."""
    files = task.lines("trivyignores")
    if not files:
        return
    if missing := [name for name in files if not (task.workspace / name).is_file()]:
        raise Failed(f"cannot find ignorefile '{missing[0]}'.")
    if files[0].endswith((".yaml", ".yml")):
        env["TRIVY_IGNOREFILE"] = files[0]
        return
    joined = Path(env.get("RUNNER_TEMP", ".")) / "trivyignores"
    joined.write_text("".join((task.workspace / name).read_text(encoding="utf-8") + "\n" for name in files))
    env["TRIVY_IGNOREFILE"] = str(joined)


def _image(task: ActionTask, env: dict[str, str]) -> str:
    """Return the image as Trivy finds it: in the engine, else in the hub, as whoever logged in there."""
    name = task.text("image-ref")
    if not name:
        raise Failed("The input image-ref is empty: there is no image to scan.")
    there = subprocess.run(("docker", "image", "inspect", name), capture_output=True, check=False)
    first = name.split("/")[0]
    foreign = ("." in first or ":" in first) and first not in ("docker.io", "index.docker.io")
    if there.returncode == 0 or foreign or not task.config["hub"]:
        return name
    config = Path(env["DOCKER_CONFIG"], "config.json")
    known = json.loads(config.read_text(encoding="utf-8")).get("auths", {}) if config.is_file() else {}
    kept = known.get("https://index.docker.io/v1/", {}).get("auth", "")
    if kept:
        user, _, password = base64.b64decode(kept).decode().partition(":")
        env["TRIVY_USERNAME"], env["TRIVY_PASSWORD"] = user, password
    rest = name.removeprefix("index.").removeprefix("docker.io/")
    return f"{task.config['hub']}/{rest}"
