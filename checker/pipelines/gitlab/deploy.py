"""Where a pipeline deploys to: a cluster as small as a folder, made of the learner's manifests.

`kubectl` in the sandbox does what it does on a manifest with `--local`. With a kubeconfig of a real cluster, that
cluster is asked as well whether it would take the result, by a dry run that changes nothing there.
"""

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from checker.base.errors import EnvironmentFault
from checker.base.pace import scaled, too_slow
from checker.programs import tools

INSIDE = Path(__file__).with_name("kubectl.py")
WITHIN = 30.0
SELECTING = ("deployment", "statefulset", "daemonset", "replicaset")
"""Kinds that need a selector; a job's is made by the cluster."""
REAL = "REGISTRY_LAB_KUBECONFIG"
"""Names the kubeconfig of a real cluster that may be asked; never looked at in a replay's environment."""


class DeployedContainer(msgspec.Struct, frozen=True):
    """A container of a workload, as the cluster has it now. workload: `deployment/NAME`."""

    workload: str
    name: str
    image: str


class Cluster:
    """place: a folder that is made; its `bin` goes in front of the run's PATH."""

    def __init__(self, place: Path) -> None:
        self._kubectl = tools.program("kubectl")
        self._objects = place / "objects"
        self.bin = place / "bin"
        for folder in (self._objects, self.bin):
            folder.mkdir(parents=True)
        words = [sys.executable, "-I", "-S", str(INSIDE), str(self._kubectl), str(self._objects)]
        program = self.bin / "kubectl"
        program.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n', encoding="utf-8")
        program.chmod(0o755)

    def take(self, manifests: Iterable[Path]) -> str:
        """Apply manifests as somebody did long before the run; what kubectl said against them, if anything."""
        said = ""
        for path in manifests:
            done = _run([str(self.bin / "kubectl"), "apply", "-f", str(path)], "", self.bin)
            said += done.stderr if done.returncode else ""
        return said.strip()

    def containers(self) -> tuple[DeployedContainer, ...]:
        """Return the containers of everything that is deployed, by name of the workload."""
        found: list[DeployedContainer] = []
        for entry in self._documents():
            workload = f"{entry['kind']}/{entry['metadata']['name']}".lower()
            spec = _below(entry, "spec")
            pod = spec if entry["kind"] == "Pod" else _below(entry, "spec", "template", "spec")
            containers = pod.get("containers")
            found += [
                DeployedContainer(workload, str(each.get("name", "")), str(each.get("image", "")))
                for each in (containers if isinstance(containers, list) else ())
                if isinstance(each, dict)
            ]
        return tuple(sorted(found, key=lambda each: (each.workload, each.name)))

    def unselected(self) -> tuple[str, ...]:
        """Return the workloads whose selector does not find the pods of their template; a cluster refuses
        these."""
        found: list[str] = []
        for entry in self._documents():
            if entry["kind"].lower() not in SELECTING:
                continue
            wanted = _below(entry, "spec", "selector", "matchLabels")
            labels = _below(entry, "spec", "template", "metadata", "labels")
            more = _below(entry, "spec", "selector").get("matchExpressions")
            if not wanted.items() <= labels.items() or not (wanted or more):
                found.append(f"{entry['kind']}/{entry['metadata']['name']}".lower())
        return tuple(found)

    def refused_by_real(self, kubeconfig: str) -> str:
        """Return what a real cluster says against the objects; empty if it would take them. Raises
        EnvironmentFault."""
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": self._documents()})
        command = [str(self._kubectl), "--kubeconfig", kubeconfig, "apply", "--dry-run=server", "-f", "-"]
        done = _run(command, text, self.bin)
        if "Unable to connect" in done.stderr or "was refused" in done.stderr:
            raise EnvironmentFault(
                f"The cluster of {kubeconfig} does not answer.", f"Start it, or take {REAL} out."
            )
        return done.stderr.strip() if done.returncode else ""

    def _documents(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for path in sorted(self._objects.glob("*.json")):
            try:
                entry = json.loads(path.read_bytes() if path.is_file() else b"")
                names = entry["metadata"]["name"], entry["kind"]
                found += [entry] if all(isinstance(name, str) and name for name in names) else []
            except (ValueError, TypeError, KeyError, OSError, RecursionError):
                continue  # somebody's own file, which kubectl did not write
        return found


def _below(entry: dict[str, Any], *keys: str) -> dict[str, Any]:
    """Return what a path of keys leads to; empty if that is no mapping."""
    found: Any = entry
    for key in keys:
        found = found.get(key) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}


def _run(command: list[str], text: str, home: Path) -> "subprocess.CompletedProcess[str]":
    environment = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(home)}
    try:
        return subprocess.run(
            command,
            input=text,
            capture_output=True,
            text=True,
            timeout=scaled(WITHIN),
            check=False,
            env=environment,
        )
    except subprocess.TimeoutExpired as late:
        raise too_slow(f"kubectl took longer than {late.timeout:.0f} s") from None
    except OSError as error:
        raise EnvironmentFault(f"kubectl cannot be run ({error}).", "Install it, and try again.") from error
