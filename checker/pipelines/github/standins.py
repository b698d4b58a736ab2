"""The actions that workflows of the labs may use, as stand-ins of our own that do the real thing.

The table has what each action documents: its inputs with their defaults, and its outputs. What they do is
in `actions/`, scripts that import nothing of ours, as they run in the sandbox. A stand-in answers to every
ref of its action: tags, branches and commits alike.
"""

import json
import shlex
import sys
from pathlib import Path

import msgspec
import yaml

SCRIPTS = Path(__file__).parents[1] / "actions"
CONFIG = "standins.json"
NOTES, UPLOADS = "notes.jsonl", "uploads"
"""Below the folder of stand-ins: what they have to say to the checker, and what was uploaded."""


class StandIn(msgspec.Struct, frozen=True):
    """One action. inputs: name -> default. outputs: names. required: inputs that have to be given."""

    inputs: dict[str, str]
    outputs: tuple[str, ...] = ()
    required: tuple[str, ...] = ()

    def takes(self, name: str) -> bool:
        """Return whether it documents this input; case does not count."""
        return name.lower() in self.inputs


def _stand_in(inputs: str, outputs: str = "", required: str = "", **defaults: str) -> StandIn:
    named = dict.fromkeys(inputs.split(), "")
    named.update({name.replace("_", "-"): value for name, value in defaults.items()})
    return StandIn(named, tuple(outputs.split()), tuple(required.split()))


TABLE: dict[str, StandIn] = {
    "actions/checkout": _stand_in(
        "repository ref token ssh-key ssh-known-hosts ssh-strict ssh-user path filter sparse-checkout "
        "sparse-checkout-cone-mode fetch-tags show-progress lfs submodules set-safe-directory "
        "github-server-url allow-unsafe-pr-checkout",
        "ref commit",
        persist_credentials="true",
        clean="true",
        fetch_depth="1",
    ),
    "actions/upload-artifact": _stand_in(
        "path retention-days compression-level overwrite include-hidden-files archive",
        "artifact-id artifact-url artifact-digest",
        "path",
        name="artifact",
        if_no_files_found="warn",
    ),
    "docker/login-action": _stand_in("registry username password scope ecr registry-auth", logout="true"),
    "docker/setup-qemu-action": _stand_in("image platforms reset cache-image", "platforms"),
    "docker/setup-buildx-action": _stand_in(
        "version name driver-opts buildkitd-flags buildkitd-config buildkitd-config-inline "
        "config config-inline endpoint platforms append keep-state cache-binary cleanup",
        "name driver platforms nodes status flags endpoint",
        driver="docker-container",
        install="false",
        use="true",
    ),
    "docker/metadata-action": _stand_in(
        "images tags flavor labels annotations bake-target github-token",
        "version tags tag-names labels annotations json bake-file bake-file-tags bake-file-labels "
        "bake-file-annotations",
        context="workflow",
        sep_tags="\n",
        sep_labels="\n",
        sep_annotations="\n",
    ),
    "docker/build-push-action": _stand_in(
        "add-hosts allow annotations attests build-args build-contexts builder cache-from cache-to "
        "call cgroup-parent context file labels network no-cache-filters outputs platforms provenance sbom "
        "secrets secret-envs secret-files shm-size ssh tags target ulimit github-token",
        "imageid digest metadata",
        load="false",
        no_cache="false",
        pull="false",
        push="false",
    ),
    "aquasecurity/trivy-action": _stand_in(
        "image-ref input output template skip-dirs skip-files ignore-policy list-all-pkgs scanners "
        "tf-vars security-checks trivyignores artifact-type github-pat trivy-config docker-host version "
        "cache limit-severities-for-sarif exit-code ignore-unfixed cache-dir timeout hide-progress "
        "skip-setup-trivy token-setup-trivy",
        scan_type="image",
        scan_ref=".",
        format="table",
        severity="UNKNOWN,LOW,MEDIUM,HIGH,CRITICAL",
        vuln_type="os,library",
    ),
    "github/codeql-action/upload-sarif": _stand_in(
        "checkout_path ref sha category matrix token sarif_file wait-for-processing", "sarif-id"
    ),
}


def repository_of(action: str) -> str:
    """Return the repository of an action, without the folder in it: `github/codeql-action`."""
    return "/".join(action.split("/")[:2])


def lay_out(folder: Path, config: dict[str, object]) -> dict[str, Path]:
    """Write all stand-ins into a folder; repository -> its folder. config: what the scripts are told."""
    (folder / UPLOADS).mkdir(parents=True)
    told = folder / CONFIG
    told.write_text(json.dumps({**config, "notes": str(folder / NOTES), "uploads": str(folder / UPLOADS)}))
    made: dict[str, Path] = {}
    for name, stand_in in TABLE.items():
        repository = repository_of(name)
        place = folder / "actions" / repository.replace("/", "-")
        inside = place / name.removeprefix(repository).strip("/")
        inside.mkdir(parents=True, exist_ok=True)
        (inside / "action.yml").write_text(_action(name, stand_in, told))
        made[repository] = place
    return made


def _action(name: str, stand_in: StandIn, told: Path) -> str:
    command = [sys.executable, "-I", "-S", str(SCRIPTS / "main.py"), name, str(told)]
    about = {
        "name": name,
        "inputs": {key: {"default": value} for key, value in stand_in.inputs.items()},
        "outputs": {key: {"value": f"${{{{ steps.do.outputs.{key} }}}}"} for key in stand_in.outputs},
        "runs": {
            "using": "composite",
            "steps": [
                {
                    "id": "do",
                    "shell": "bash",
                    "run": shlex.join(command),
                    "env": {"STANDIN_INPUTS": "${{ toJSON(inputs) }}", "STANDIN_JOB": "${{ github.job }}"},
                }
            ],
        },
    }
    return yaml.safe_dump(about, sort_keys=False)
