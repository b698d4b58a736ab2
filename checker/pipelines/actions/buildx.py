"""`docker buildx`, as far as pipelines use it: its build is the classic one, the rest needs nothing done."""

import json
import os
import subprocess
import sys

from .common import ActionTask, Failed, legacy, say

IGNORED_WITH_VALUE = (
    "--platform --builder --cache-from --cache-to --provenance --sbom --attest --metadata-file --progress "
    "--annotation".split()
)
ABOUT = {
    "SchemaVersion": "0.1.0",
    "Vendor": "registry-lab",
    "ShortDescription": "Docker Buildx",
    "Version": "lab",
}


def run(task: ActionTask) -> None:
    words = sys.argv[3:]
    if words[:1] == ["docker-cli-plugin-metadata"]:
        say(json.dumps(ABOUT))
        return
    words = words[words.index("buildx") + 1 :] if "buildx" in words else words
    if words[:1] in (["build"], ["b"]):
        _build(words[1:])
    elif words[:1] == ["imagetools"] or words[:1] == ["bake"]:
        raise Failed(f"docker buildx {words[0]} is not offered in the lab's pipelines.")
    else:
        say(f"docker buildx {' '.join(words)}: nothing to do here")


def _build(words: list[str]) -> None:
    kept: list[str] = []
    tags: list[str] = []
    push = skip = False
    for number, word in enumerate(words):
        name, _, value = word.partition("=")
        if skip:
            skip = False
        elif name == "--push" or (name in ("-o", "--output") and "registry" in value):
            push = True
        elif name in ("--load", "--pull"):
            continue
        elif name in IGNORED_WITH_VALUE:
            skip = "=" not in word
        elif name in ("--secret", "--ssh", "--build-context"):
            raise Failed(f"The lab's builder has no {name}: that needs BuildKit.")
        else:
            if name in ("-t", "--tag"):
                tags.append(value or (words[number + 1] if number + 1 < len(words) else ""))
            kept.append(word)
    for command in (["docker", "build", *kept], *(["docker", "push", tag] for tag in tags if push)):
        done = subprocess.run(command, env={**os.environ, **legacy()}, check=False)
        if done.returncode:
            raise SystemExit(done.returncode)
