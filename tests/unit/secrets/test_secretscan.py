"""A secret is found however it is written down, and nothing else is."""

import base64
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from checker.inspect.engineview import Container
from checker.lab.workspace import Workspace
from checker.secrets import secretscan

SECRET = "0123456789abcdef0123456789abcdef"
NEEDLES = (
    secretscan.exact("the password", SECRET),
    secretscan.beginning("a token", "dckr_pat_", "[A-Za-z0-9_-]{20,}"),
)
TOKEN = "dckr_pat_" + "aB3-_" * 5


@pytest.mark.parametrize("name", ["x", "xy", "xyz", "wxyz"])
@pytest.mark.parametrize("secret", [SECRET, TOKEN])
def test_base64_hides_nothing_wherever_the_secret_stands_in_it(
    tmp_path: Path, name: str, secret: str
) -> None:
    auth = base64.b64encode(f"{name}:{secret}".encode()).decode()
    (tmp_path / "config.json").write_text(json.dumps({"auths": {"h": {"auth": auth}}}), encoding="utf-8")
    hit = secretscan.in_workspace(Workspace(tmp_path), NEEDLES)
    assert hit is not None
    assert hit.place == "line 1 of config.json"


def test_a_hit_names_the_line(tmp_path: Path) -> None:
    (tmp_path / "steps").mkdir()
    (tmp_path / "steps/a.sh").write_text(f"set -eu\n\ntoken={TOKEN}\n", encoding="utf-8")
    assert secretscan.in_workspace(Workspace(tmp_path), NEEDLES) == secretscan.Hit(
        "a token", "line 3 of steps/a.sh"
    )


def test_names_of_variables_placeholders_and_what_is_not_handed_in_are_no_secrets(tmp_path: Path) -> None:
    (tmp_path / "a.sh").write_text("echo $HUB_PASSWORD; token=dckr_pat_...; dckr_pat_xxx", encoding="utf-8")
    for folder in (".lab", ".git"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "config").write_text(SECRET, encoding="utf-8")
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "out").symlink_to(tmp_path / ".lab/config")
    assert secretscan.in_workspace(Workspace(tmp_path), NEEDLES) is None


def container(**about: Any) -> Container:
    moment = datetime.now(UTC)
    plain: dict[str, Any] = {
        "id": "1", "name": "web", "image": "x", "image_id": "y", "running": True, "status": "running",
        "created": moment, "started": moment, "ended": None, "restart": "no", "command": (),
        "environment": {}, "labels": {}, "mounts": (), "published": (), "networks": {}, "mode": "default",
    }  # fmt: skip
    return Container(**(plain | about))


@pytest.mark.parametrize(
    ("about", "place"),
    [
        ({"environment": {"A": "1", "B": f"x{SECRET}"}}, "the variable B"),
        ({"command": ("run", "--key", TOKEN)}, "the command, which lists of processes show"),
        ({"labels": {"note": SECRET}}, "the label note"),
    ],
)
def test_a_container_shows_what_it_was_told(about: dict[str, Any], place: str) -> None:
    hit = secretscan.in_container(container(**about), NEEDLES)
    assert hit is not None
    assert hit.place == place


def test_a_container_without_secrets_is_fine() -> None:
    told = container(environment={"PATH": "/bin"}, command=("serve",), labels={"a": "b"})
    assert secretscan.in_container(told, NEEDLES) is None
