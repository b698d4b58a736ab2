"""What a hub's own records say of somebody's dealings with it, as findings: which credential was shown,
whether a pull fetched anything, whether secrets were pushed."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import NoReturn

from checker.base.errors import ContentFault
from checker.check import fail
from checker.engine.labels import PROCESS
from checker.inspect.engineview import EngineView
from checker.inspect.registry import RegistryClient
from checker.inspect.registryimage import MANIFEST_TYPES, RegistryImage
from checker.secrets import secretscan
from checker.secrets.secretscan import Needle
from checker.stack.kinds.hub import HubView, RealHub
from checker.stack.operated import OPERATOR, LogEntry, RegistryNotification

TOKENS, MAKE = "/token", "/v2/access-tokens"
ADMIN, WRITE = "repo:admin", "repo:write"


def listed(names: Iterable[str]) -> str:
    """Names as a sentence has them."""
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last


def moment(text: str) -> datetime:
    """Return a time as services write it."""
    return datetime.fromisoformat(text).astimezone(UTC)


def require_token(hub: HubView | RealHub, engine: EngineView, account: str) -> None:
    """That registry tokens were asked for with an access token that may push and not delete, never with the
    password.

    In a practice only what came since the newest token that was used was made: mistakes before that are over.
    In a replay everything counts, as nothing was before it.
    """
    log = [entry for entry in hub.log() if entry.account == account]
    assert isinstance(hub, HubView), "the real one shows nobody its log"
    container = engine.container(hub.service.container)
    throwaway = container is not None and PROCESS in container.labels
    asked = [entry for entry in log[0 if throwaway else _newest_round(log) :] if entry.endpoint == TOKENS]
    if sent := [entry for entry in asked if entry.credential == "password"]:
        fail(
            "password-sent",
            expected="Docker, and whatever else asks for registry tokens, shows an access token.",
            observed=f"At {sent[-1].at[11:19]} UTC the hub was asked for one with the account's password.",
            action="Hand the new access token to `docker login`, not $HUB_PASSWORD, and run this again.",
        )
    used = [entry for entry in asked if entry.credential == "access-token"]
    if not used:
        _no_token(log)
    issued = {token.uuid: token for token in hub.access_tokens()}
    known = {entry.token_uuid: issued[entry.token_uuid] for entry in used if entry.token_uuid in issued}
    if strong := next((token for token in known.values() if ADMIN in token.scopes), None):
        fail(
            "token-may-do-everything",
            expected="The token can pull and push. To delete is not its business.",
            observed=f"The token {strong.label!r}, which was used, has the scopes {listed(strong.scopes)}: "
            "whoever finds it can delete every repository of the account.",
            action="Make a token with the scope repo:write, and log in with that one.",
        )
    if known and not any(WRITE in token.scopes for token in known.values()):
        scopes = sorted({scope for token in known.values() for scope in token.scopes})
        fail(
            "token-cannot-push",
            expected="The token can pull and push.",
            observed=f"What was used to log in has the scopes {listed(scopes)}, which are for pulling.",
            action="Make a token with the scope repo:write, and log in with that one.",
        )


def _newest_round(log: Sequence[LogEntry]) -> int:
    """Return where in the log the newest token that was used was made."""
    uses = [n for n, e in enumerate(log) if e.endpoint == TOKENS and e.credential == "access-token"]
    made = [n for n, entry in enumerate(log) if entry.endpoint == MAKE and n < max(uses, default=0)]
    return max(made, default=0)


def _no_token(log: Sequence[LogEntry]) -> NoReturn:
    """Say how far somebody got who never showed a good token."""
    expected = "Docker logged in to the hub with an access token."
    if refused := [entry for entry in log if entry.endpoint == TOKENS and entry.outcome == "refused"]:
        fail(
            "login-refused",
            expected=expected,
            observed=f"At {refused[-1].at[11:19]} UTC it was shown what is neither token nor password.",
            action="Look at the token before you hand it over: jq says null where a name is misspelt.",
        )
    if any(entry.endpoint == MAKE and entry.outcome == "granted" for entry in log):
        fail(
            "token-not-used",
            expected=expected,
            observed="An access token was made, and nobody ever showed it.",
            action="Hand it to `docker login` on standard input; the registry's address, $HUB, comes last.",
        )
    fail(
        "not-logged-in",
        expected=expected,
        observed="Nobody made an access token." if log else "Nobody has signed in to the hub.",
        action="Open a session with the password, make a token with it, and log in with that.",
    )


def require_fresh_pull(events: Sequence[RegistryNotification], image: RegistryImage, tag: str) -> datetime:
    """When the image was fetched, after the first push of the tag, by somebody who had nothing of it."""
    events = [event for event in events if event.repository == image.repository and event.actor != OPERATOR]
    pushed = next((event.seq for event in events if event.action == "push" and event.tag == tag), 0)
    after = [event for event in events if event.action == "pull" and event.seq > pushed]
    manifests = [
        event for event in after if event.media_type in MANIFEST_TYPES and event.digest == image.digest
    ]
    if not manifests:
        fail(
            "not-pulled",
            expected=f"After the push, somebody pulled {image.repository}:{tag} from the hub.",
            observed="The hub's log has no pull of it since.",
            action="Remove the local copies, then `docker pull`. To run an image that is here asks the hub "
            "for nothing.",
        )
    parts = {image.config_digest, *(layer.digest for layer in image.layers)}
    # With HEAD a client finds out whether it can spare itself an upload: nothing is fetched.
    fetched = [e for e in after if e.seq > manifests[0].seq and e.digest in parts and e.method != "HEAD"]
    if not fetched:
        fail(
            "local-copies-kept",
            expected="The pull fetched the image: its manifest, its configuration, its layers.",
            observed="The manifest was asked for and nothing else. This machine still had all the rest, so "
            "the pull proves nothing about what is on the hub.",
            action="Before you pull, remove every local name of the image, containers that use it, and what the "
            "builder kept of it: `docker builder prune --force`.",
        )
    return moment(fetched[0].at)


def require_private_from_the_start(hub: HubView | RealHub, path: str) -> None:
    """That nobody but its owner could ever see this repository, since it was made.

    A repository that was removed and made again is another one, so that a practice can mend the mistake.
    """
    history = [entry for entry in hub.visibility() if entry.repository == path]
    made = max((n for n, entry in enumerate(history) if entry.change in ("made", "pushed")), default=0)
    public = next((entry for entry in history[made:] if not entry.is_private), None)
    if public is None:
        return
    hidden = next((entry for entry in history if entry.seq > public.seq and entry.is_private), None)
    first = moment(public.at)
    came = [
        event
        for event in hub.events()
        if event.action == "push" and event.repository == path and event.media_type in MANIFEST_TYPES
        and moment(event.at) >= first and (hidden is None or moment(event.at) <= moment(hidden.at))
    ]  # fmt: skip
    how = {"made": "It was made public", "pushed": "A push made it, and so it was public"}
    until = f" and stayed public until {hidden.at[11:19]}" if hidden else ""
    fail(
        "public-at-first",
        expected=f"{path} is private from its first moment.",
        observed=f"{how.get(public.change, 'It was shown to everybody')} at {public.at[11:19]} UTC{until}."
        + (" An image was pushed meanwhile, which everybody could pull." if came else ""),
        action="Make it with POST and is_private true, before anything is pushed there. What was public cannot "
        "be made secret afterwards, so remove this one first: DELETE on /v2/repositories/ with account and "
        "name.",
    )


def require_no_secret(
    registry: RegistryClient, repositories: Iterable[str], needles: Sequence[Needle]
) -> None:
    """That no tag of these repositories names an image with a secret in it."""
    seen: set[str] = set()
    for name in repositories:
        for tag in registry.tags(name):
            try:
                for image in registry.images(name, tag):
                    hit = None if image.digest in seen else secretscan.in_image(image, needles)
                    seen.add(image.digest)
                    if hit:
                        fail(
                            "secret-in-an-image",
                            expected="No image that is pushed holds a secret.",
                            observed=f"{name}:{tag} has {hit.what} in {hit.place}.",
                            action="Do not let it get in, neither as a build argument nor as a file. "
                            "In real life it is burnt now and must be revoked.",
                        )
            except ContentFault:
                continue  # no image, so nothing that anybody could run
