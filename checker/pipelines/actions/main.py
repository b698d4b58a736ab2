"""The entry point of all stand-ins: `main.py ACTION CONFIG`, with the inputs in STANDIN_INPUTS."""

import importlib
import json
import os
import sys
from pathlib import Path

MODULES = {
    "actions/checkout": "checkout",
    "actions/upload-artifact": "artifact",
    "docker/login-action": "login",
    "docker/setup-qemu-action": "setup",
    "docker/setup-buildx-action": "setup",
    "docker/metadata-action": "metadata",
    "docker/build-push-action": "build",
    "aquasecurity/trivy-action": "scan",
    "github/codeql-action/upload-sarif": "sarif",
    "buildx": "buildx",
}


def main() -> int:
    sys.path.append(str(Path(__file__).parent.parent))  # the whole package would need what is not here
    common = importlib.import_module("actions.common")

    name, config = sys.argv[1], json.loads(Path(sys.argv[2]).read_text(encoding="utf-8"))
    task = common.ActionTask(name, config, json.loads(os.environ.pop("STANDIN_INPUTS", "{}") or "{}"))
    try:
        importlib.import_module(f"actions.{MODULES[name]}").run(task)
    except common.Failed as failed:
        # A workflow command (GitHub Docs, "Workflow commands"): an annotation of the step.
        print(f"::error::{failed}", flush=True)
        return int(failed.code)
    return 0


if __name__ == "__main__":
    sys.exit(main())
