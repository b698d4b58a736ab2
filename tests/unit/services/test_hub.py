"""The hub's API and token server: what each credential opens, what is shown and kept, how mistakes are
told.
"""

from pathlib import Path
from typing import Any

import pytest

from tests.unit.services.inside import OPERATOR, Lab, lab

MINE = "/v2/namespaces/ann/repositories"
OLD = "/v2/repositories/ann/app"


@pytest.fixture
def hub(tmp_path: Path) -> Lab:
    return lab("hub", tmp_path)


def access_token(hub: Lab, *scopes: str, user: str = "ann", **more: Any) -> dict[str, Any]:
    body = {"token_label": "for tests", "scopes": list(scopes), **more}
    answer = hub.api.post("/v2/access-tokens", json=body, headers=hub.session(user))
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def repository(hub: Lab, name: str, user: str = "ann", **more: Any) -> None:
    answer = hub.api.post(
        f"/v2/namespaces/{user}/repositories", json={"name": name, **more}, headers=hub.session(user)
    )
    assert answer.status_code == 201, answer.text


def test_anybody_pulls_what_is_public_and_nobody_else_what_is_private(hub: Lab) -> None:
    repository(hub, "open")
    repository(hub, "hidden", is_private=True)
    everything = "pull,push,delete"
    assert hub.granted(f"repository:ann/open:{everything}") == {"pull"}
    assert hub.granted(f"repository:ann/open:{everything}", "bob") == {"pull"}
    assert hub.granted(f"repository:ann/hidden:{everything}") == set()
    assert hub.granted(f"repository:ann/hidden:{everything}", "bob") == set()
    assert hub.granted(f"repository:ann/hidden:{everything}", "ann") == {"pull", "push", "delete"}
    assert hub.granted(f"repository:ann/new:{everything}", "ann") == {"pull", "push", "delete"}
    assert hub.granted(f"repository:bob/new:{everything}", "ann") == set()


@pytest.mark.parametrize(
    ("scope", "in_own_private", "in_others_public"),
    [
        ("repo:admin", {"pull", "push", "delete"}, {"pull"}),
        ("repo:write", {"pull", "push"}, {"pull"}),
        ("repo:read", {"pull"}, {"pull"}),
        ("repo:public_read", set(), {"pull"}),
    ],
)
def test_an_access_token_reaches_as_far_as_its_scope(
    hub: Lab, scope: str, in_own_private: set[str], in_others_public: set[str]
) -> None:
    repository(hub, "hidden", is_private=True)
    repository(hub, "open", user="bob")
    secret = access_token(hub, scope)["token"]
    assert hub.granted("repository:ann/hidden:*", "ann", secret) == in_own_private
    assert hub.granted("repository:bob/open:*", "ann", secret) == in_others_public


@pytest.mark.parametrize(
    "scope",
    [
        "repository:*:*",
        "repository:ann/*:pull",
        "registry:catalog:*",
        "*:*:*",
        "repository(plugin):ann/app:pull",
    ],
)
def test_a_scope_with_a_trick_grants_nothing(hub: Lab, scope: str) -> None:
    assert hub.token(scope, "ann").access == []


def test_a_mount_is_granted_only_where_the_other_repository_may_be_pulled(hub: Lab) -> None:
    repository(hub, "hidden", user="bob", is_private=True)
    repository(hub, "open", user="bob")
    claims = hub.token(
        "repository:ann/app:pull,push repository:bob/hidden:pull repository:bob/open:pull", "ann"
    )
    assert [str(entry) for entry in claims.access] == [
        "repository:ann/app:pull,push",
        "repository:bob/open:pull",
    ]


def test_the_operator_gets_what_it_asks_for_and_is_in_no_log(hub: Lab) -> None:
    assert hub.granted("registry:catalog:*", "_operator", "operator-key") == {"*"}
    assert hub.granted("repository:ann/x:pull,delete", "_operator", "operator-key") == {"pull", "delete"}
    assert hub.log() == []
    assert hub.api.get("/token?service=registry.lab", auth=("_operator", "guessed")).status_code == 401


@pytest.mark.parametrize(
    "authorization",
    ["Basic", "Basic !!!", "Basic YW5u", "Bearer x", "Basic YW5uOndyb25n", "Digest a=b"],
)
def test_a_credential_that_is_wrong_is_refused_not_taken_for_nobody(hub: Lab, authorization: str) -> None:
    answer = hub.api.get("/token?service=registry.lab", headers={"Authorization": authorization})
    assert answer.status_code == 401
    assert answer.json() == {"details": "incorrect username or password"}


def test_a_token_for_another_service_is_not_made(hub: Lab) -> None:
    assert hub.api.get("/token?service=registry.other").status_code == 400
    assert hub.api.get("/token").status_code == 400


def test_the_form_of_oauth_gives_the_same_token(hub: Lab) -> None:
    form = {
        "grant_type": "password",
        "service": "registry.lab",
        "username": "ann",
        "password": "ann's password",
        "scope": "repository:ann/app:pull,push",
    }
    answer = hub.api.post("/token", data=form)
    claims = hub.signer.read_registry(answer.json()["access_token"])
    assert claims.sub == "ann"
    assert claims.allows("ann/app", "push")
    assert hub.api.post("/token", data={**form, "password": "x"}).status_code == 401
    assert hub.api.post("/token", data={**form, "grant_type": "refresh_token"}).status_code == 400


def test_the_log_says_which_kind_of_credential_was_shown_and_never_the_secret(hub: Lab) -> None:
    made = access_token(hub, "repo:read")
    hub.granted("repository:ann/app:pull", "ann", made["token"])
    hub.granted("repository:ann/app:pull")
    hub.api.get("/token?service=registry.lab", auth=("ann", "not the password"))
    lines = hub.log()
    assert [(line["endpoint"], line["credential"], line["outcome"]) for line in lines] == [
        ("/v2/auth/token", "password", "granted"),
        ("/v2/access-tokens", "session", "granted"),
        ("/token", "access-token", "granted"),
        ("/token", "anonymous", "granted"),
        ("/token", "bad", "refused"),
    ]
    assert lines[2]["token_uuid"] == made["uuid"]
    assert lines[2]["granted"] == ["repository:ann/app:pull"]
    assert lines[3]["granted"] == []
    kept = b"".join(file.read_bytes() for file in Path(hub.settings.state).glob("state.db*"))
    for secret in (made["token"], "ann's password", "not the password"):
        assert secret not in str(lines)
        assert secret.encode() not in kept


def test_an_access_token_is_shown_once_and_ends_when_it_is_switched_off_or_removed(hub: Lab) -> None:
    made = access_token(hub, "repo:admin")
    secret, one = made["token"], f"/v2/access-tokens/{made['uuid']}"
    password = hub.session("ann")
    session = hub.session("ann", secret)
    repository(hub, "hidden", is_private=True)
    hidden = f"{MINE}/hidden"
    assert hub.api.get(one, headers=password).json()["token"] == ""
    assert hub.api.get(one, headers=password).json()["last_used"] is not None
    assert hub.api.get(hidden, headers=session).status_code == 200
    hub.api.patch(one, json={"is_active": False}, headers=password)
    assert hub.api.get(hidden, headers=session).status_code == 401
    assert hub.api.get("/token?service=registry.lab", auth=("ann", secret)).status_code == 401
    hub.api.patch(one, json={"is_active": True, "token_label": "again"}, headers=password)
    assert hub.granted("repository:ann/app:push", "ann", secret) == {"push"}
    assert hub.api.delete(one, headers=password).status_code == 204
    assert hub.api.get("/token?service=registry.lab", auth=("ann", secret)).status_code == 401
    assert hub.api.get(one, headers=password).status_code == 404


def test_an_access_token_that_is_over_opens_nothing(hub: Lab) -> None:
    made = access_token(hub, "repo:read", expires_at="2999-01-01T00:00:00Z")
    hub.store.write("UPDATE access_tokens SET expires_at = '2001-01-01T00:00:00.000000Z'")
    assert hub.api.get("/token?service=registry.lab", auth=("ann", made["token"])).status_code == 401


def test_access_tokens_cannot_manage_access_tokens(hub: Lab) -> None:
    made = access_token(hub, "repo:admin")
    session = hub.session("ann", made["token"])
    body = {"token_label": "more", "scopes": ["repo:admin"]}
    assert hub.api.post("/v2/access-tokens", json=body, headers=session).status_code == 403
    assert hub.api.get("/v2/access-tokens", headers=session).status_code == 403
    assert hub.api.delete(f"/v2/access-tokens/{made['uuid']}", headers=session).status_code == 403


def test_somebody_elses_access_token_cannot_be_seen_used_or_removed(hub: Lab) -> None:
    made = access_token(hub, "repo:admin")
    one = f"/v2/access-tokens/{made['uuid']}"
    bob = hub.session("bob")
    assert hub.api.get(one, headers=bob).status_code == 404
    assert hub.api.delete(one, headers=bob).status_code == 404
    assert hub.api.get("/token?service=registry.lab", auth=("bob", made["token"])).status_code == 401


def test_a_repository_is_described_and_hidden_by_its_owner_only(hub: Lab) -> None:
    repository(hub, "app")
    ann, bob = hub.session("ann"), hub.session("bob")
    said = {"description": "short", "full_description": "# Long"}
    assert hub.api.patch(f"{OLD}/", json=said, headers=bob).status_code == 403
    assert hub.api.patch(f"{OLD}/", json=said).status_code == 401
    changed = hub.api.patch(f"{OLD}/", json=said, headers=ann).json()
    assert (changed["description"], changed["full_description"]) == ("short", "# Long")
    assert hub.api.post(f"{OLD}/privacy/", json={"is_private": True}, headers=ann).status_code == 200
    assert hub.api.get(f"{MINE}/app", headers=ann).json()["is_private"] is True
    assert hub.api.get(f"{MINE}/app", headers=bob).status_code == 404
    assert hub.api.get(f"{MINE}/app").status_code == 404
    assert hub.api.head(f"{MINE}/app", headers=ann).status_code == 200


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ({"description": "x" * 100}, 200),
        ({"description": "x" * 101}, 400),
        ({"full_description": "x" * 25000}, 200),
        ({"full_description": "x" * 25001}, 400),
        ({"full_description": "ü" * 12501}, 400),
        ({"description": 1}, 400),
    ],
)
def test_descriptions_have_their_longest(hub: Lab, said: dict[str, Any], status: int) -> None:
    repository(hub, "app")
    assert hub.api.patch(OLD, json=said, headers=hub.session("ann")).status_code == status


@pytest.mark.parametrize(
    ("scope", "makes", "changes"),
    [("repo:admin", 201, 200), ("repo:write", 201, 403), ("repo:read", 403, 403)],
)
def test_a_session_of_an_access_token_reaches_as_far_as_its_scope(
    hub: Lab, scope: str, makes: int, changes: int
) -> None:
    repository(hub, "app")
    session = hub.session("ann", access_token(hub, scope)["token"])
    assert hub.api.post(MINE, json={"name": "another"}, headers=session).status_code == makes
    assert hub.api.patch(OLD, json={"description": "x"}, headers=session).status_code == changes


def test_a_repository_is_made_once_and_in_ones_own_namespace(hub: Lab) -> None:
    repository(hub, "app")
    ann = hub.session("ann")
    assert hub.api.post(MINE, json={"name": "app"}, headers=ann).status_code == 400
    assert hub.api.post(MINE, json={"name": "App"}, headers=ann).status_code == 400
    assert (
        hub.api.post("/v2/namespaces/bob/repositories", json={"name": "app"}, headers=ann).status_code == 403
    )
    assert (
        hub.api.post("/v2/repositories/", json={"name": "old", "namespace": "ann"}, headers=ann).status_code
        == 201
    )


def test_lists_come_in_pages_that_name_their_neighbours(hub: Lab) -> None:
    for number in range(3):
        repository(hub, f"app{number}")
    ann = hub.session("ann")
    first = hub.api.get(MINE, params={"page_size": 2}, headers=ann).json()
    assert (first["count"], len(first["results"]), first["previous"]) == (3, 2, None)
    second = hub.api.get(first["next"], headers=ann).json()
    assert (len(second["results"]), second["next"]) == (1, None)
    assert second["previous"].endswith("page=1&page_size=2")
    assert hub.api.get(MINE, params={"page": 9}, headers=ann).status_code == 404
    assert hub.api.get(MINE, params={"page": 0}, headers=ann).status_code == 400


def test_a_removed_repository_is_gone_with_its_links_but_not_the_one_below_its_name(hub: Lab) -> None:
    repository(hub, "app")
    links = Path(hub.settings.storage) / "docker/registry/v2/repositories/ann/app"
    (links / "_manifests/tags/1/current").mkdir(parents=True)
    (links / "below/_manifests").mkdir(parents=True)
    assert hub.api.delete(f"{OLD}/", headers=hub.session("bob")).status_code == 403
    assert hub.api.delete(f"{OLD}/", headers=hub.session("ann")).status_code == 202
    assert hub.api.get(f"{MINE}/app").status_code == 404
    assert [path.name for path in links.iterdir()] == ["below"]


def test_webhooks_are_made_listed_and_removed_by_the_owner(hub: Lab) -> None:
    repository(hub, "app")
    hooks, ann = f"{OLD}/webhook_pipeline/", hub.session("ann")
    body = {"name": "My hook", "webhooks": [{"name": "one", "hook_url": "http://events:8000/hooks/one"}]}
    assert hub.api.post(hooks, json=body, headers=hub.session("bob")).status_code == 403
    assert hub.api.post(hooks, json=body, headers=ann).json()["slug"] == "my-hook"
    assert hub.api.post(hooks, json=body, headers=ann).json()["slug"] == "my-hook-2"
    assert hub.api.get(hooks, headers=ann).json()["count"] == 2
    assert hub.api.delete(f"{hooks}my-hook-2/", headers=ann).status_code == 204
    assert hub.api.delete(f"{hooks}my-hook-2/", headers=ann).status_code == 404


@pytest.mark.parametrize(
    "url", ["events/hooks", "ftp://host/", "http://", "http://a b/", "http://h:99999/", "x\n"]
)
def test_a_webhook_needs_an_address_that_can_be_posted_to(hub: Lab, url: str) -> None:
    repository(hub, "app")
    body = {"name": "hook", "webhooks": [{"name": "one", "hook_url": url}]}
    answer = hub.api.post(f"{OLD}/webhook_pipeline/", json=body, headers=hub.session("ann"))
    assert answer.status_code == 400
    assert answer.json()["errinfo"] == {"hook_url": "is no address"}


def test_a_body_sent_as_a_form_is_told_to_be_json(hub: Lab) -> None:
    answer = hub.api.post("/v2/users/login", data={"username": "ann", "password": "x"})
    assert answer.status_code == 415
    assert "Content-Type: application/json" in answer.json()["message"]


def test_only_the_operators_key_opens_the_operators_calls(hub: Lab) -> None:
    for path in ("auth-log", "events", "deliveries", "runs", "visibility"):
        assert hub.api.get(f"/_lab/{path}", headers=OPERATOR).status_code == 200
        assert hub.api.get(f"/_lab/{path}").status_code == 401
        assert hub.api.get(f"/_lab/{path}", headers=hub.session("ann")).status_code == 401


def test_the_operator_is_told_from_when_on_a_repository_was_private(hub: Lab) -> None:
    ann = hub.session("ann")
    repository(hub, "hidden", is_private=True)
    repository(hub, "app")
    for is_private in (True, True, False):
        hub.api.post(f"{OLD}/privacy/", json={"is_private": is_private}, headers=ann)
    hub.api.patch(OLD, json={"description": "says nothing of who sees it"}, headers=ann)
    hub.api.delete(f"{OLD}/", headers=ann)
    repository(hub, "app", is_private=True)
    told = hub.api.get("/_lab/visibility", headers=OPERATOR).json()
    assert [(entry["repository"], entry["change"], entry["is_private"]) for entry in told] == [
        ("ann/hidden", "made", True),
        ("ann/app", "made", False),
        ("ann/app", "set", True),
        ("ann/app", "set", False),
        ("ann/app", "removed", True),
        ("ann/app", "made", True),
    ]
