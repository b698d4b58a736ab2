"""Where a pipeline deploys to: a cluster as small as a folder, made of the learner's manifests.

`kubectl` in the room does what it does on a manifest with `--local`. With a kubeconfig of a real cluster, that
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

from checker import tools
from checker.errors import EnvironmentFault

INSIDE = Path(__file__).with_name("deployinside.py")
WITHIN = 30.0
REAL = "REGISTRY_LAB_KUBECONFIG"
"""Names the kubeconfig of a real cluster that may be asked; never looked at in a replay's environment."""


class Container(msgspec.Struct, frozen=True):
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

    def containers(self) -> tuple[Container, ...]:
        """The containers of everything that is deployed, by name of the workload."""
        found: list[Container] = []
        for entry in self._documents():
            workload = f"{entry['kind']}/{entry['metadata']['name']}".lower()
            spec = entry.get("spec") or {}
            pod = (spec.get("template") or {}).get("spec") or (spec if entry["kind"] == "Pod" else {})
            found += [
                Container(workload, str(each.get("name", "")), str(each.get("image", "")))
                for each in pod.get("containers") or ()
            ]
        return tuple(sorted(found, key=lambda each: (each.workload, each.name)))

    def unselected(self) -> tuple[str, ...]:
        """The workloads whose selector does not find the pods of their template; a cluster refuses these."""
        found: list[str] = []
        for entry in self._documents():
            spec = entry.get("spec") or {}
            if "template" not in spec:
                continue
            wanted = (spec.get("selector") or {}).get("matchLabels") or {}
            labels = ((spec["template"] or {}).get("metadata") or {}).get("labels") or {}
            more = (spec.get("selector") or {}).get("matchExpressions")
            if not wanted.items() <= labels.items() or not (wanted or more):
                found.append(f"{entry['kind']}/{entry['metadata']['name']}".lower())
        return tuple(found)

    def refused_by_real(self, kubeconfig: str) -> str:
        """What a real cluster says against the objects; empty if it would take them. Raises EnvironmentFault."""
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
                entry = json.loads(path.read_bytes())
                found += [entry] if entry["metadata"]["name"] and entry["kind"] else []
            except (ValueError, TypeError, KeyError, OSError):
                continue  # somebody's own file, which kubectl did not write
        return found


def _run(command: list[str], text: str, home: Path) -> "subprocess.CompletedProcess[str]":
    environment = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(home)}
    try:
        return subprocess.run(
            command, input=text, capture_output=True, text=True, timeout=WITHIN, check=False, env=environment
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EnvironmentFault(f"kubectl cannot be run ({error}).", "Install it, and try again.") from error
