"""What a hub's log says of a login and of a pull."""

from datetime import datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest

from checker.check import CheckFailed
from checker.engine.labels import PROCESS
from checker.findings.hub import require_fresh_pull, require_private_from_the_start, require_token
from checker.inspect.engineview import EngineView
from checker.inspect.registryimage import MANIFEST_TYPES, RegistryImage
from checker.stack.kinds.hub import HubView
from checker.stack.operated import AccessToken, LogEntry, RegistryNotification, Visibility

MADE = ("/v2/access-tokens", "session")
SESSION = ("/v2/auth/token", "password")
BY_PASSWORD = ("/token", "password")


def used(uuid: str) -> tuple[str, str, str]:
    return ("/token", "access-token", uuid)


class FakeHub(HubView):
    """A hub of which only the log and the tokens are looked at."""

    def __init__(self, log: list[tuple[str, ...]], tokens: dict[str, str]) -> None:
        self.service = cast("Any", SimpleNamespace(container="hub"))
        self._log = [
            LogEntry(
                seq=number, at="2031-02-03T04:05:06.000000Z", account="ann", credential=entry[1],
                endpoint=entry[0], token_uuid="".join(entry[2:]),
                outcome="refused" if entry[1] == "bad" else "granted",
            )
            for number, entry in enumerate(log)
        ]  # fmt: skip
        self._tokens = [
            AccessToken(uuid=uuid, account="ann", label=uuid, scopes=(scope,), usable=True, created_at="")
            for uuid, scope in tokens.items()
        ]

    def log(self) -> list[LogEntry]:
        return self._log

    def access_tokens(self) -> list[AccessToken]:
        return self._tokens


def judged(log: list[tuple[str, ...]], tokens: dict[str, str] | None = None, *, replay: bool = True) -> str:
    labels = {PROCESS: "1:2"} if replay else {}
    engine = cast("EngineView", SimpleNamespace(container=lambda _: SimpleNamespace(labels=labels)))
    try:
        require_token(FakeHub(log, tokens or {}), engine, "ann")
    except CheckFailed as failed:
        return failed.finding.code
    return ""


@pytest.mark.parametrize(
    ("log", "tokens", "code"),
    [
        ([], {}, "not-logged-in"),
        ([SESSION], {}, "not-logged-in"),
        ([SESSION, MADE], {"a": "repo:write"}, "token-not-used"),
        ([SESSION, MADE, ("/token", "bad")], {"a": "repo:write"}, "login-refused"),
        ([BY_PASSWORD], {}, "password-sent"),
        ([SESSION, MADE, used("a"), BY_PASSWORD], {"a": "repo:write"}, "password-sent"),
        ([BY_PASSWORD, SESSION, MADE, used("a")], {"a": "repo:write"}, "password-sent"),
        ([SESSION, MADE, used("a")], {"a": "repo:admin"}, "token-may-do-everything"),
        ([SESSION, MADE, used("a")], {"a": "repo:read"}, "token-cannot-push"),
        ([SESSION, MADE, used("a")], {"a": "repo:write"}, ""),
        ([SESSION, MADE, MADE, used("a"), used("b")], {"a": "repo:read", "b": "repo:write"}, ""),
        ([SESSION, MADE, used("removed since")], {}, ""),
        ([("/token", "bad"), SESSION, MADE, used("a")], {"a": "repo:write"}, ""),
        ([SESSION, MADE, used("a")], {"a": "repo:write", "never used": "repo:admin"}, ""),
    ],
)
def test_a_replay_counts_everything(log: list[tuple[str, ...]], tokens: dict[str, str], code: str) -> None:
    assert judged(log, tokens) == code


def test_a_practice_forgives_what_was_before_the_newest_token_that_was_used() -> None:
    wrong: list[tuple[str, ...]] = [BY_PASSWORD, SESSION, MADE, used("a")]
    tokens = {"a": "repo:admin", "b": "repo:write"}
    assert judged(wrong, tokens, replay=False) == "token-may-do-everything"
    assert judged([*wrong, SESSION, MADE], tokens, replay=False) == "token-may-do-everything"
    assert judged([*wrong, SESSION, MADE, used("b")], tokens, replay=False) == ""
    assert judged([*wrong, SESSION, MADE, used("b"), BY_PASSWORD], tokens, replay=False) == "password-sent"


IMAGE = cast(
    "RegistryImage",
    SimpleNamespace(
        repository="ann/app", digest="m", config_digest="c", layers=(SimpleNamespace(digest="l"),)
    ),
)


def events(*told: str) -> list[RegistryNotification]:
    """Events from words like `push:m`, `pull:l`, `look:c` (a HEAD), `pull:m:_operator`."""
    found = []
    for seq, word in enumerate(told, 1):
        action, digest, actor = (*word.split(":"), "ann")[:3]
        manifest = digest == "m"
        found.append(
            RegistryNotification(
                seq=seq, id=str(seq), action="pull" if action == "look" else action, repository="ann/app",
                tag="1" if manifest else "", digest=digest, actor=actor,
                at=f"2031-02-03T04:05:{seq:02}.000000Z",
                media_type=MANIFEST_TYPES[1] if manifest else "application/octet-stream",
                method="HEAD" if action == "look" else "GET",
            )
        )  # fmt: skip
    return found


@pytest.mark.parametrize(
    ("told", "code"),
    [
        (("push:m",), "not-pulled"),
        (("pull:m", "pull:c", "push:m"), "not-pulled"),
        (("push:m", "pull:m:_operator", "pull:l:_operator"), "not-pulled"),
        (("push:m", "pull:m"), "local-copies-kept"),
        (("push:m", "look:m", "look:l", "look:c", "push:m"), "local-copies-kept"),
        (("push:m", "pull:l", "pull:m"), "local-copies-kept"),
    ],
)
def test_a_pull_that_fetched_nothing_is_none(told: tuple[str, ...], code: str) -> None:
    with pytest.raises(CheckFailed) as caught:
        require_fresh_pull(events(*told), IMAGE, "1")
    assert caught.value.finding.code == code


@pytest.mark.parametrize(
    "told",
    [
        ("push:m", "pull:m", "pull:c", "pull:l"),
        ("push:m", "look:m", "pull:l"),
        ("push:m", "pull:m", "push:m", "look:m", "pull:c"),
        ("push:m", "pull:m", "pull:c:", "push:m"),
    ],
)
def test_a_pull_after_the_push_that_fetched_something_counts(told: tuple[str, ...]) -> None:
    assert isinstance(require_fresh_pull(events(*told), IMAGE, "1"), datetime)


def visible(told: tuple[str, ...], pushes: tuple[str, ...] = ()) -> str:
    """What is said of a repository with this history (`change:who may see it`); pushes: seconds."""
    history = [
        Visibility(seq, f"2031-02-03T04:05:{seq:02}.000000Z", "ann/app", change, who == "private")
        for seq, (change, who) in enumerate((entry.split(":") for entry in told), start=1)
    ]
    came = [
        RegistryNotification(
            seq=0, id="", action="push", repository="ann/app", media_type=MANIFEST_TYPES[1],
            at=f"2031-02-03T04:05:{second}.500000Z",
        )
        for second in pushes
    ]  # fmt: skip
    hub = cast("HubView", SimpleNamespace(visibility=lambda: history, events=lambda: came))
    try:
        require_private_from_the_start(hub, "ann/app")
    except CheckFailed as failed:
        return f"{failed.finding.code}: {failed.finding.observed}"
    return ""


@pytest.mark.parametrize(
    "told",
    [
        ("made:private",),
        ("made:public", "removed:private", "made:private"),
        ("pushed:public", "set:private", "removed:private", "made:private"),
    ],
)
def test_a_repository_that_was_made_private_is_private_from_its_first_moment(told: tuple[str, ...]) -> None:
    assert visible(told) == ""


def test_a_repository_that_was_public_for_a_moment_is_told_with_how_and_what_came_meanwhile() -> None:
    late = visible(("made:public", "set:private"), ("01", "02"))
    assert late.startswith(
        "public-at-first: It was made public at 04:05:01 UTC and stayed public until 04:05:02."
    )
    assert late.endswith("An image was pushed meanwhile, which everybody could pull.")
    assert "meanwhile" not in visible(("made:public", "set:private"), ("02",))
    assert "A push made it" in visible(("pushed:public", "set:private"))
    assert "shown to everybody" in visible(("made:private", "set:public", "set:private"))
