"""What a registry that a learner runs does when it is asked, as findings. None of it leaves a trace there."""

from collections.abc import Mapping
from urllib.parse import urljoin

from checker.base.errors import ServiceFault
from checker.check import fail
from checker.inspect.asking import AskedServer, Reply, target
from checker.inspect.registry import RegistryClient

LARGE = 32 * 1024 * 1024
"""Bytes of a layer that a proxy has to let through."""


def signed_in(server: AskedServer, account: tuple[str, str]) -> AskedServer:
    """Return the same server asked as `account`, if it lets nobody in without one."""
    if server.ask("GET", "/v2/").status == 401:
        return AskedServer(server.port, server.authority, account)
    return server


def require_accounts(port: int, authority: str, account: tuple[str, str], what: str) -> None:
    """That it lets in this account, and neither anybody without one nor one with another password.

    what: the registry, as the beginning of a sentence.
    """
    user, password = account
    nobody = AskedServer(port, authority).ask("GET", "/v2/")
    if nobody.status == 200:
        fail(
            "anonymous-pull-allowed",
            expected=f"{what} answers who gives no password with status 401.",
            observed="A request without any was let in: everybody can pull.",
            action="Set auth.htpasswd with its realm and path, in config.yml or by environment variables.",
        )
    _require_401(nobody, f"{what} answers who gives no password with status 401.")
    wrong = AskedServer(port, authority, (user, f"{password}x")).ask("GET", "/v2/")
    if wrong.status == 200:
        fail(
            "wrong-password-taken",
            expected=f"{what} answers a wrong password with status 401.",
            observed="It let one in.",
            action="Let it check accounts against the htpasswd file. The form `silly` takes any name.",
        )
    _require_401(wrong, f"{what} answers a wrong password with status 401.")
    right = AskedServer(port, authority, account).ask("GET", "/v2/")
    if right.status != 200:
        fail(
            "password-not-taken",
            expected=f"{what} lets {user} in with the password of this run.",
            observed=f"It gave {right.said}.",
            action="Make the line in htpasswd anew from $ACCOUNT and $PASSWORD, without a line break in the "
            "password, and have the registry read it: it does so when it starts.",
        )


def _require_401(reply: Reply, expected: str) -> None:
    if reply.status != 401:
        fail(
            "sign-in-broken",
            expected=expected,
            observed=f"It gave {reply.said}.",
            action="Look at the registry's log. A bcrypt cost above 14 or so takes longer than clients wait.",
        )


def require_header(reply: Reply, name: str, value: str, code: str, what: str) -> None:
    """That an answer carries a header. what: who is to send it, as the middle of a sentence."""
    seen = reply.headers.get(name.lower())
    if seen != value:
        fail(
            code,
            expected=f"Every answer of {what} has the header {name}: {value}.",
            observed="It has no such header." if seen is None else f"It has {name}: {seen}.",
            action="Headers stand under http.headers; each has a list of values. Then see that the registry "
            "is really started with that file.",
        )


def require_deletion(reply: Reply, status: int) -> None:
    """That a deletion was answered with the status it should have. 404 will do to see that it is enabled."""
    if reply.status == 405:
        fail(
            "delete-not-enabled",
            expected="Manifests can be deleted.",
            observed="The registry answered a deletion with 405: it does none.",
            action="Set enabled: true under storage.delete.",
        )
    if reply.status != status:
        fail(
            "delete-broken",
            expected=f"The registry answers a deletion with status {status}.",
            observed=f"It gave {reply.said}.",
            action="Look at its log, and leave out of the configuration what the task does not ask for.",
        )


def require_image(
    client: RegistryClient, repository: str, tag: str, *, code: str = "image-not-pushed", where: str
) -> str:
    """That an image is there with all its blobs; the digest of its manifest.

    where: the registry, as the beginning of a sentence.
    """
    expected = f"{where} has {repository}:{tag}, whole."
    try:
        image = client.image(repository, tag)
        if image is not None:
            for layer in image.layers:
                client.blob(repository, layer.digest, 1 << 30)
            assert image.document is not None
            return image.digest
        held = {name: client.tags(name) for name in client.repositories()[:5]}
    except (ServiceFault, OSError) as fault:
        fail(
            code,
            expected=expected,
            observed=f"It does not give it out. {fault}",
            action="See that it runs and answers, and push the image again.",
        )
    shown = "; ".join(f"{name} with {', '.join(tags) or 'no tags'}" for name, tags in held.items())
    return fail(
        code,
        expected=expected,
        observed=f"It has {shown or 'no repositories at all'}.",
        action="Tag the image with the registry's address in front of its name, and push it there.",
    )


def require_uploads(server: AskedServer, repository: str) -> None:
    """That uploads pass a proxy: begins one, sends a large layer, takes all of it back."""
    base = f"https://127.0.0.1:{server.port}/"
    opened = server.reserve(repository)
    place = opened.headers.get("location", "")
    if opened.status != 202 or not place:
        fail(
            "edge-refuses-pushes",
            expected="Through the proxy an upload can be begun.",
            observed=f"The proxy gave {opened.said}.",
            action="Let every method through, and the registry's answers back unchanged.",
        )
    if not urljoin(base, place).startswith(base):
        server.cancel(place)
        fail(
            "location-leads-elsewhere",
            expected=f"The registry sends its clients on to addresses that begin with {base}.",
            observed=f"It sends them to {place.partition('?')[0][:120]}",
            action="Hand on the request's Host header with its port, and the scheme in X-Forwarded-Proto.",
        )
    kind: Mapping[str, str] = {"Content-Type": "application/octet-stream"}
    sent = server.ask("PATCH", target(place), body=bytes(LARGE), headers=kind)
    server.cancel(sent.headers.get("location") or place)
    if sent.status != 202:
        fail(
            "large-layer-refused",
            expected=f"A layer of {LARGE // 1024**2} MiB passes through the proxy.",
            observed=f"The proxy gave {sent.said}.",
            action="Set client_max_body_size to 0 in nginx's configuration, which means no limit.",
        )
