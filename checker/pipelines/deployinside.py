"""`kubectl` in a pipeline's room: a cluster as small as a folder, in which the real kubectl does the work.

Started as a script, imports nothing of ours. Every object is a file; what changes one is done by the real
program with `--local`, so its own rules for arguments and images hold. Commands that would only mean something
in a cluster say so and fail; nothing is contacted.
"""

import itertools
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

KINDS = {
    "deploy": "deployment", "deployments": "deployment", "deployments.apps": "deployment",
    "deployment.apps": "deployment", "svc": "service", "services": "service", "sts": "statefulset",
    "statefulsets": "statefulset", "ds": "daemonset", "daemonsets": "daemonset", "cm": "configmap",
    "configmaps": "configmap", "po": "pod", "pods": "pod",
}  # fmt: skip
WITH_VALUE = (
    "-n", "--namespace", "--context", "--kubeconfig", "--server", "-s", "--token", "--cluster", "--user",
    "--certificate-authority", "--request-timeout",
)  # fmt: skip
"""Options of every command that say which cluster is meant; there is one."""
IGNORED = ("--record", "--insecure-skip-tls-verify", "--wait", "--force", "--server-side")


def main(kubectl: str, folder: str, words: list[str]) -> int:
    """Do what a command line asks for; its exit code."""
    here = Cluster(kubectl, Path(folder))
    words = _without_where(words)
    if not words or words[0] in ("help", "version", "options", "explain", "kustomize"):
        return here.real(words if words[:1] != ["version"] else ["version", "--client"])
    if "--local" in words or any(word.startswith("--dry-run") and "server" not in word for word in words):
        return here.real(words)
    match words:
        case ["config", *_]:
            return 0
        case ["apply" | "create" | "replace", *rest] if _files(rest):
            return here.apply(_files(rest))
        case ["set", "image", *rest]:
            return here.change(["set", "image"], rest)
        case ["patch", *rest]:
            return here.change(["patch"], rest)
        case ["get", *rest]:
            return here.change(["patch", "-p", "{}"], rest, keep=False)
        case ["rollout", "status" | "restart" | "history" as verb, *rest]:
            return here.rollout(verb, rest)
    said = " ".join(words[:2])
    print(f"error: kubectl {said}: there is no cluster behind this lab that could do that", file=sys.stderr)
    return 1


class Cluster:
    """The objects, one file each."""

    def __init__(self, kubectl: str, folder: Path) -> None:
        self._kubectl = kubectl
        self._folder = folder

    def real(self, words: list[str]) -> int:
        return subprocess.run([self._kubectl, *words], check=False).returncode

    def apply(self, files: list[str]) -> int:
        for file in files:
            paths = [file]
            if Path(file).is_dir():
                paths = [
                    str(path)
                    for path in sorted(Path(file).glob("*"))
                    if path.suffix in (".yaml", ".yml", ".json")
                ]
            for path in paths:
                text = sys.stdin.read() if path == "-" else None
                done = self._ask(["patch", "--local", "-f", path, "-p", "{}", "-o", "json"], text)
                if done.returncode:
                    return done.returncode
                for entry in _documents(done.stdout):
                    print(f"{self._keep(entry)} configured")
        return 0

    def change(self, command: list[str], words: list[str], keep: bool = True) -> int:
        """Let the real program change one object, or show it."""
        named = [word for word in words if not word.startswith("-")]
        path, left = self._object(words, named)
        if path is None:
            return 1
        shown = [] if keep else left
        asked = [] if not keep else left
        done = self._ask([*command, "--local", "-f", str(path), *asked, *(shown or ["-o", "json"])], None)
        if done.returncode:
            return done.returncode
        if not keep:
            print(done.stdout, end="")
            return 0
        for entry in _documents(done.stdout):
            print(
                f"{self._keep(entry)} image updated"
                if command[0] == "set"
                else f"{self._keep(entry)} patched"
            )
        return 0

    def rollout(self, verb: str, words: list[str]) -> int:
        path, _ = self._object(words, [word for word in words if not word.startswith("-")])
        if path is None:
            return 1
        print(
            f'deployment "{path.stem.partition(".")[2]}" {"successfully rolled out" if verb == "status" else verb}'
        )
        return 0

    def _object(self, words: list[str], named: list[str]) -> tuple[Path | None, list[str]]:
        """The file of the object that a command line names, and the words that do not name it."""
        first = named[0] if named else ""
        kind, slash, name = first.partition("/")
        used = [first]
        if not slash:
            name = named[1] if len(named) > 1 else ""
            used.append(name)
        kind = KINDS.get(kind.lower(), kind.lower())
        path = self._folder / f"{kind}.{name}.json"
        left = list(words)
        for word in filter(None, used):
            left.remove(word)
        if not name or "/" in name or not path.is_file():
            print(f'Error from server (NotFound): {kind} "{name}" not found', file=sys.stderr)
            return None, left
        return path, left

    def _keep(self, entry: dict) -> str:  # type: ignore[type-arg]
        kind, name = str(entry.get("kind", "")).lower(), str((entry.get("metadata") or {}).get("name", ""))
        path = self._folder / f"{kind}.{name}.json".replace("/", "_")
        made = path.with_suffix(".new")
        made.write_text(json.dumps(entry), encoding="utf-8")
        made.replace(path)
        return f"{kind}/{name}"

    def _ask(self, words: list[str], text: str | None) -> "subprocess.CompletedProcess[str]":
        if text is not None:
            with tempfile.NamedTemporaryFile("w", suffix=".yaml", delete=False) as file:
                file.write(text)
            words = [file.name if word == "-" else word for word in words]
        done = subprocess.run(
            [self._kubectl, *words], check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL
        )
        print(done.stderr, end="", file=sys.stderr)
        return done


def _without_where(words: list[str]) -> list[str]:
    left: list[str] = []
    skip = False
    for word in words:
        if skip:
            skip = False
        elif word in WITH_VALUE:
            skip = True
        elif word.partition("=")[0] not in (*WITH_VALUE, *IGNORED):
            left.append(word)
    return left


def _files(words: list[str]) -> list[str]:
    found = [word.partition("=")[2] for word in words if word.startswith(("--filename=", "-f="))]
    found += [after for word, after in itertools.pairwise(words) if word in ("-f", "--filename", "-k")]
    return found


def _documents(text: str) -> list[dict]:  # type: ignore[type-arg]
    """The objects in what kubectl printed: one after the other, or as a list."""
    found: list[dict] = []  # type: ignore[type-arg]
    at, decoder = 0, json.JSONDecoder()
    text = text.strip()
    while at < len(text):
        entry, at = decoder.raw_decode(text, at)
        found += entry["items"] if entry.get("kind") == "List" else [entry]
        while at < len(text) and text[at].isspace():
            at += 1
    return found


if __name__ == "__main__":
    os.environ["KUBECONFIG"] = os.devnull
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3:]))
