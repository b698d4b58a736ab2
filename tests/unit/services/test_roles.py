"""Mode roles: the file decides, a bad one changes nothing, and only those with the right see the audit
log.
"""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from checker.services.settings import OPERATOR
from tests.unit.services.inside import Lab, lab

GOOD = """
role developer {
  repositories "team/*"
  actions pull push
}
role auditor {
  registry catalog audit
}
"""


@pytest.fixture
def roles(tmp_path: Path) -> Lab:
    (tmp_path / "registry-rbac.conf").write_text(GOOD)
    return lab("roles", tmp_path)


def write(roles: Lab, text: str) -> None:
    Path(roles.settings.rbac).write_text(text)


def test_a_token_holds_what_the_role_may_do(roles: Lab) -> None:
    assert roles.granted("repository:team/app:pull,push,delete", "ann") == {"pull", "push"}
    assert roles.granted("repository:other/app:pull", "ann") == set()
    assert roles.granted("repository:team/app:pull", "bob") == set()
    assert roles.granted("registry:catalog:*", "bob") == {"*"}
    assert roles.granted("registry:catalog:*", "ann") == set()


@pytest.mark.parametrize("user", ["", "eve"])
def test_nobody_in_particular_and_an_account_without_a_role_may_do_nothing(roles: Lab, user: str) -> None:
    assert roles.granted("repository:team/app:pull,push,delete", user) == set()
    assert roles.granted("registry:catalog:*", user) == set()


def test_a_changed_file_counts_from_the_next_token_on(roles: Lab) -> None:
    write(roles, GOOD.replace("pull push", "pull"))
    assert roles.granted("repository:team/app:pull,push", "ann") == {"pull"}


@pytest.mark.parametrize(
    "text", ["role developer {", 'role developer { repositories "**" actions all }', "\x00"]
)
def test_a_bad_file_is_refused_by_its_place_and_the_good_one_stays_in_force(roles: Lab, text: str) -> None:
    before = roles.api.get("/rbac").json()
    assert before["refused"] is None
    write(roles, text)
    assert roles.granted("repository:team/app:pull,push,delete", "ann") == {"pull", "push"}
    after = roles.api.get("/rbac").json()
    assert after["in_force"] == before["in_force"]
    assert after["refused"]["line"] == 1
    assert after["refused"]["sha256"] != before["in_force"]["sha256"]
    write(roles, GOOD)
    assert roles.api.get("/rbac").json() == before


def test_a_missing_file_is_refused_and_the_good_one_stays_in_force(roles: Lab) -> None:
    Path(roles.settings.rbac).unlink()
    assert roles.granted("repository:team/app:push", "ann") == {"push"}
    assert roles.api.get("/rbac").json()["refused"]["expected"] == "a file"


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir], ids=["pipe", "folder"])
def test_what_is_no_plain_file_keeps_nobody_waiting(roles: Lab, make: Callable[[Path], None]) -> None:
    file = Path(roles.settings.rbac)
    file.unlink()
    make(file)
    assert roles.granted("repository:team/app:push", "ann") == {"push"}
    assert "no plain file" in roles.api.get("/rbac").json()["refused"]["message"]


def test_what_the_operator_did_is_not_in_the_audit_log(roles: Lab) -> None:
    target = {"repository": "team/app", "digest": "sha256:0", "mediaType": "m"}
    announced = {"events": [{"id": "1", "action": "pull", "target": target, "actor": {"name": OPERATOR}}]}
    receiver = TestClient(roles.service.notifications)
    receiver.post("/notifications", json=announced, headers={"Authorization": "Bearer notify-key"})
    assert roles.api.get("/events", auth=("bob", "bob's password")).json() == []


def test_without_any_good_file_nothing_is_granted(tmp_path: Path) -> None:
    roles = lab("roles", tmp_path)
    assert roles.granted("repository:team/app:pull", "ann") == set()
    assert roles.api.get("/rbac").json()["in_force"] is None


def test_the_audit_log_is_for_roles_with_that_right(roles: Lab) -> None:
    announced = {
        "events": [
            {
                "id": "1",
                "action": "push",
                "timestamp": "2026-01-02T03:04:05.123456789+01:00",
                "target": {"repository": "team/app", "tag": "1", "digest": "sha256:0", "mediaType": "m"},
                "request": {"addr": "192.0.2.1:4711", "useragent": "docker"},
                "actor": {"name": "ann"},
            }
        ]
    }
    receiver = TestClient(roles.service.notifications)
    told = receiver.post("/notifications", json=announced, headers={"Authorization": "Bearer notify-key"})
    assert told.status_code == 200
    assert roles.api.get("/events").status_code == 401
    assert roles.api.get("/events", auth=("bob", "wrong")).status_code == 401
    assert roles.api.get("/events", auth=("ann", "ann's password")).status_code == 403
    (event,) = roles.api.get("/events", auth=("bob", "bob's password")).json()
    assert (event["actor"], event["action"], event["repository"]) == ("ann", "push", "team/app")
    assert (event["address"], event["at"]) == ("192.0.2.1", "2026-01-02T02:04:05.123456Z")


def test_only_distribution_can_announce(roles: Lab) -> None:
    receiver = TestClient(roles.service.notifications)
    assert receiver.post("/notifications", json={"events": []}).status_code == 401
