"""`kubectl` in a pipeline's sandbox: a cluster as small as a folder, in which the real kubectl does the work.

Started as a script, it imports nothing of ours but what reads its command line. Every object is a file; what
changes one is done by the real program with `--local`, so its own rules for arguments and images hold. Commands
that would only mean something in a cluster say so and fail; nothing is contacted.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

if not __package__:
    sys.path.append(str(Path(__file__).parents[3]))

from checker.pipelines.gitlab import commandwords

KINDS = {
    "deploy": "deployment", "deployments": "deployment", "deployments.apps": "deployment",
    "deployment.apps": "deployment", "svc": "service", "services": "service", "sts": "statefulset",
    "statefulsets": "statefulset", "ds": "daemonset", "daemonsets": "daemonset", "cm": "configmap",
    "configmaps": "configmap", "po": "pod", "pods": "pod", "secrets": "secret", "sa": "serviceaccount",
    "serviceaccounts": "serviceaccount", "ns": "namespace", "namespaces": "namespace", "ing": "ingress",
    "ingresses": "ingress", "rs": "replicaset", "replicasets": "replicaset", "jobs": "job",
    "cronjobs": "cronjob", "cj": "cronjob",
}  # fmt: skip
DONE = {"set": "{} updated", "patch": "patched", "annotate": "annotated", "label": "labeled"}


def main(kubectl: str, folder: str, words: list[str]) -> int:
    """Do what a command line asks for; its exit code."""
    here = ClusterObjects(kubectl, Path(folder))
    words = commandwords.without_where(words)
    if not words or words[0] in ("help", "version", "options", "explain", "kustomize"):
        return here.real(words if words[:1] != ["version"] else ["version", "--client"])
    if "--local" in words or "--local=true" in words:
        return here.real(words)
    match words:
        case ["config", *_]:
            return 0
        case ["apply" | "create" | "replace" as verb, *rest] if commandwords.files(rest):
            return here.apply(verb, rest)
        case ["set", "image" | "env" | "resources" | "serviceaccount" as what, *rest]:
            return here.change(["set", what], rest)
        case ["patch" | "annotate" | "label" as verb, *rest]:
            return here.change([verb], rest)
        case ["get", *rest]:
            return here.show(rest)
        case ["rollout", "status" | "restart" | "history" as verb, *rest]:
            return here.look(
                rest, {"status": "successfully rolled out", "restart": "restarted"}.get(verb, "")
            )
        case ["wait", *rest]:
            return here.look(rest, "condition met")
        case ["delete", *rest]:
            return here.delete(rest)
    if commandwords.dry_run(words) == "client":
        return here.real(words)
    said = " ".join(words[:2])
    print(f"error: kubectl {said}: there is no cluster behind this lab that could do that", file=sys.stderr)
    return 1


class ClusterObjects:
    """The objects, one file each."""

    def __init__(self, kubectl: str, folder: Path) -> None:
        self._kubectl = kubectl
        self._folder = folder

    def real(self, words: list[str]) -> int:
        return subprocess.run([self._kubectl, *words], check=False).returncode

    def apply(self, verb: str, words: list[str]) -> int:
        """Take objects up as files say; `create` only new ones, `replace` only those that are there."""
        code, dry = 0, commandwords.dry_run(words)
        for path, text in self._sources(words):
            asked = ["patch", "--local", "-f", path, "-p", "{}", "-o"]
            done = self._ask([*asked, "json"], text)
            if done.returncode:
                return done.returncode
            for entry in _documents(done.stdout):
                there, name = self._file(entry).is_file(), _name(entry)
                if verb == ("create" if there else "replace"):
                    why = "AlreadyExists" if there else "NotFound"
                    said = "already exists" if there else "not found"
                    print(f"Error from server ({why}): {name} {said}", file=sys.stderr)
                    code = 1
                elif not dry:
                    self._keep(entry)
                    print(f"{name} {'configured' if there else 'created'}")
                elif not commandwords.output(words):
                    print(f"{name} {'configured' if there else 'created'} ({dry} dry run)")
            if dry and commandwords.output(words):
                print(self._ask([*asked, commandwords.output(words)], text).stdout, end="")
        return code

    def change(self, command: list[str], words: list[str]) -> int:
        """Let the real program change one object."""
        path, left = self._object(words)
        if path is None:
            return 1
        left = [word for word in left if not word.startswith("--dry-run")]
        asked = [*command, "--local", "-f", str(path), *left]
        done = self._ask(asked if commandwords.output(left) else [*asked, "-o", "json"], None)
        if done.returncode:
            return done.returncode
        if commandwords.output(left):
            print(done.stdout, end="")
            done = self._ask(
                [*command, "--local", "-f", str(path), *commandwords.no_output(left), "-o", "json"], None
            )
        for entry in _documents(done.stdout):
            if not commandwords.dry_run(words):
                self._keep(entry)
            if not commandwords.output(left):
                print(f"{_name(entry)} {DONE[command[0]].format(command[-1])}")
        return 0

    def show(self, words: list[str]) -> int:
        """Print one object, or all of a kind, as `-o` has it."""
        names = [word for _, word in commandwords.named(words)]
        if commandwords.files(words) or len(names) > 1 or "/" in "".join(names):
            path, _ = self._object(words)
            paths = [path] if path else None
        else:
            kinds = [_kind(name) for name in "".join(names).split(",")]
            paths = [
                path
                for path in sorted(self._folder.glob("*.json"))
                if kinds == ["all"] or path.name.partition(".")[0] in kinds
            ]
            if not paths:
                print("No resources found in default namespace.", file=sys.stderr)
        if paths is None:
            return 1
        form = commandwords.output(words)
        form = "name" if form in ("", "wide") else form
        for path in paths:
            done = self._ask(["patch", "-p", "{}", "--local", "-f", str(path), "-o", form], None)
            if done.returncode:
                return done.returncode
            print(done.stdout, end="")
        return 0

    def look(self, words: list[str], said: str) -> int:
        """Return whether an object is there: what is deployed is ready at once."""
        names = [word for _, word in commandwords.named(words)]
        if len(names) == 1 and "/" not in names[0]:  # those of a kind that a selector finds
            return 0
        path, _ = self._object(words)
        if path is None:
            return 1
        kind, _, name = path.stem.partition(".")
        print(f'{kind} "{name}" {said}')
        return 0

    def delete(self, words: list[str]) -> int:
        path, _ = self._object(words)
        if path is None:
            return 0 if "--ignore-not-found" in words or "--ignore-not-found=true" in words else 1
        if not commandwords.dry_run(words):
            path.unlink()
        print(f"{path.stem.replace('.', ' ', 1)} deleted")
        return 0

    def _sources(self, words: list[str]) -> Iterator[tuple[str, str | None]]:
        """Yield the files that a command line names, each with its text if that comes from elsewhere."""
        for option, file in commandwords.files(words):
            if option in ("-k", "--kustomize"):
                done = subprocess.run(
                    [self._kubectl, "kustomize", file], check=False, stdout=subprocess.PIPE, text=True
                )
                yield "-", done.stdout
            elif file == "-":
                yield "-", sys.stdin.read()
            elif Path(file).is_dir():
                found = sorted(Path(file).glob("*"))
                yield from ((str(path), None) for path in found if path.suffix in (".yaml", ".yml", ".json"))
            else:
                yield file, None

    def _object(self, words: list[str]) -> tuple[Path | None, list[str]]:
        """Return the file of the object that a command line names, and the words that do not name it."""
        if commandwords.files(words):
            for source, text in self._sources(words):
                done = self._ask(["patch", "--local", "-f", source, "-p", "{}", "-o", "json"], text)
                for entry in _documents(done.stdout) if not done.returncode else []:
                    if self._file(entry).is_file():
                        return self._file(entry), commandwords.without(words, commandwords.FILES)
            print("Error from server (NotFound): what the file describes is not there", file=sys.stderr)
            return None, words
        named = commandwords.named(words)[:2]
        first = named[0][1] if named else ""
        kind, slash, name = first.partition("/")
        if slash:
            named = named[:1]
        elif len(named) > 1:
            name = named[1][1]
        kind = _kind(kind)
        path = self._folder / f"{kind}.{name}.json"
        used = [place for place, _ in named]
        left = [word for place, word in enumerate(words) if place not in used]
        if not name or "/" in name or not path.is_file():
            print(f'Error from server (NotFound): {kind} "{name}" not found', file=sys.stderr)
            return None, left
        return path, left

    def _file(self, entry: dict) -> Path:  # type: ignore[type-arg]
        return self._folder / f"{_name(entry).replace('/', '.', 1)}.json".replace("/", "_")

    def _keep(self, entry: dict) -> None:  # type: ignore[type-arg]
        path = self._file(entry)
        made = path.with_suffix(".new")
        made.write_text(json.dumps(entry), encoding="utf-8")
        made.replace(path)

    def _ask(self, words: list[str], text: str | None) -> "subprocess.CompletedProcess[str]":
        with tempfile.TemporaryDirectory() as folder:
            if text is not None:
                file = Path(folder) / "stdin.yaml"
                file.write_text(text, encoding="utf-8")
                words = [str(file) if word == "-" else word for word in words]
            done = subprocess.run(
                [self._kubectl, *words], check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL
            )
        print(done.stderr, end="", file=sys.stderr)
        return done


def _name(entry: dict) -> str:  # type: ignore[type-arg]
    return f"{str(entry.get('kind', '')).lower()}/{(entry.get('metadata') or {}).get('name', '')}"


def _kind(text: str) -> str:
    return KINDS.get(text.lower(), text.lower())


def _documents(text: str) -> list[dict]:  # type: ignore[type-arg]
    """Return the objects in what kubectl printed: one after the other, or as a list."""
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
