"""What only the operator is told: scopes of access tokens, private repositories, how a pull was made."""

from pathlib import Path

import pytest

from tests.unit.services.inside import OPERATOR, Lab, lab

HIDDEN = "/v2/namespaces/ann/repositories/hidden"


@pytest.fixture
def hub(tmp_path: Path) -> Lab:
    made = lab("hub", tmp_path)
    ann = made.session("ann")
    body = {"name": "hidden", "is_private": True}
    assert made.api.post("/v2/namespaces/ann/repositories", json=body, headers=ann).status_code == 201
    return made


def test_operator_sees_private_repositories_and_changes_none(hub: Lab) -> None:
    assert hub.api.get(HIDDEN, headers=OPERATOR).json()["is_private"] is True
    assert hub.api.get(HIDDEN).status_code == 404
    changed = hub.api.patch("/v2/repositories/ann/hidden/", json={"description": "x"}, headers=OPERATOR)
    assert changed.status_code == 403
    made = hub.api.post("/v2/namespaces/ann/repositories", json={"name": "new"}, headers=OPERATOR)
    assert made.status_code == 403


def test_operator_sees_scopes_of_access_tokens_and_nothing_that_makes_them_work(hub: Lab) -> None:
    body = {"token_label": "laptop", "scopes": ["repo:write"]}
    made = hub.api.post("/v2/access-tokens", json=body, headers=hub.session("ann")).json()

    answer = hub.api.get("/_lab/access-tokens", headers=OPERATOR)

    (seen,) = answer.json()
    assert (seen["uuid"], seen["account"], seen["scopes"]) == (made["uuid"], "ann", ["repo:write"])
    assert seen["usable"] is True
    assert made["token"] not in answer.text
    assert hub.api.get("/_lab/access-tokens", headers=hub.session("ann")).status_code == 401


def test_an_event_tells_a_look_from_a_fetch(tmp_path: Path) -> None:
    collector = lab("events", tmp_path)
    events = [
        {"id": method, "action": "pull", "target": {"repository": "a"}, "request": {"method": method}}
        for method in ("HEAD", "GET")
    ]
    assert collector.api.post("/notifications", json={"events": events}).status_code == 200
    seen = collector.api.get("/_lab/events", headers=OPERATOR).json()
    assert [event["method"] for event in seen] == ["HEAD", "GET"]
