"""Checks of lab 04. The learner's own registries are looked at and asked, and nothing in them is changed.

What would change them (a push, a deletion, the end of an upstream) is tried on registries of the same
making that go when the checks are over. Those are started side by side, as most of the time is waiting.
"""

import os
import re
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import NoReturn

import pytest
import yaml
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509 import load_pem_x509_certificate
from requests.auth import HTTPBasicAuth

from chains import first_to_end
from checker.base.deadline import Deadline, soon
from checker.base.model import Service
from checker.base.pace import scaled
from checker.check import fail, step
from checker.findings import passwords
from checker.findings.service import (
    require_kept,
    require_local,
    require_no_secret,
    require_publishing,
    require_restarts,
    require_running,
)
from checker.inspect.asking import MANIFEST, AskedServer, Pushed, Reply
from checker.inspect.engineview import Container, EngineView
from checker.inspect.registry import RegistryClient
from checker.lab.workspace import PRIVATE, Workspace
from checker.secrets.ran import Ran
from checker.stack.container import ServiceEnded, ServiceSilent, telling
from checker.stack.kinds.private_registry import Executed, PrivateRegistry
from checker.stack.trials import Trial, Trials
from htpasswdfile import Broken, parse
from prepared import (
    require_authority_key,
    require_file,
    require_project,
    require_read_only,
    require_shown,
    require_volume,
)
from registryanswers import (
    require_accounts,
    require_deletion,
    require_header,
    require_image,
    require_uploads,
    signed_in,
)
from tls import require_new_tls, require_no_plain_http, require_trusted
from tlsprobe import Certificate, certificates

Values = Mapping[str, str]

DATA = "/var/lib/registry"
FOLDER = "/etc/docker/registry"
AUTHORITY, CERTIFICATE, KEY = "ca/ca.crt", "registry/server.crt", "registry/server.key"
OWNER = "X-Registry-Owner"
NOTICES_WITHIN = 4.0
"""Seconds for what the task wants looked at every second."""
GET_WITHIN = 5.0
"""Seconds, kept by a program of its own: Debian's busybox crashes on a time limit of wget's own."""
STORES_WITHIN = 10.0
PRIVATE_KEY = re.compile(r"^\s*-----BEGIN [A-Z ]*PRIVATE KEY-----", re.MULTILINE)
"""As a line of its own: a script may name those words to look for them."""
NOWHERE = "sha256:" + "0" * 64
"""A digest that nothing has."""

PLAIN = """\
version: 0.1
storage:
  filesystem:
    rootdirectory: /var/lib/registry
http:
  addr: :5000
"""
READ_ONLY = PLAIN.replace("http:", "  maintenance:\n    readonly:\n      enabled: true\nhttp:")
TLS = {
    "REGISTRY_HTTP_TLS_CERTIFICATE": f"{FOLDER}/server.crt",
    "REGISTRY_HTTP_TLS_KEY": f"{FOLDER}/server.key",
}
ACCOUNTS = {
    "REGISTRY_AUTH": "htpasswd",
    "REGISTRY_AUTH_HTPASSWD_REALM": "trial",
    "REGISTRY_AUTH_HTPASSWD_PATH": f"{FOLDER}/htpasswd",
}


MEND_YAML = (
    "Read the line from its end: it names the key, the value or the file. In YAML indentation decides what "
    "belongs to what."
)


@dataclass(frozen=True)
class Bench:
    """What a trial needs."""

    values: Values
    workspace: Workspace
    engine: EngineView
    trials: Trials

    def start(self, code: str, what: str, *services: Service, mend: str = MEND_YAML) -> Trial:
        """Services made of the learner's files. code, mend: of the finding if one of them will not start."""
        expected = f"A registry starts with {what}."
        try:
            return self.trials.start(*services)
        except ServiceEnded as ended:
            fail(
                code,
                expected=expected,
                observed=f"It ended at once and said: {telling(ended.log)}",
                action=mend,
            )
        except ServiceSilent:
            fail(
                code,
                expected=expected,
                observed="It runs, and answers nothing on port 5000.",
                action="Leave out of the configuration what the task does not ask for.",
            )

    def registry(self, code: str, what: str, mend: str = MEND_YAML, **options: object) -> PrivateRegistry:
        service = Service(name="trial", kind="private-registry", options=options)
        trial = self.start(code, what, service, mend=mend)
        return tried_registry(trial, "trial")


def tried_registry(trial: Trial, name: str) -> PrivateRegistry:
    found = trial.view(name)
    assert isinstance(found, PrivateRegistry)
    return found


@pytest.fixture(scope="session")
def tried(
    request: pytest.FixtureRequest, values: Values, workspace: Workspace, engine: EngineView, trials: Trials
) -> Iterator[Mapping[str, Future[None]]]:
    """Step -> what came of its trial. All that are asked for run side by side."""
    marks = [item.get_closest_marker("step") for item in request.session.items]
    asked = {mark.args[0] for mark in marks if mark}
    bench = Bench(values, workspace, engine, trials)
    with ThreadPoolExecutor(len(TRIALS)) as pool:
        yield {name: pool.submit(trial, bench) for name, trial in TRIALS.items() if name in asked}


# Step 1, service. Wrong: no restart policy, no volume or one at another path, a port open to all, nothing
# pushed, a container that never was replaced. Right: any way to start it, `docker run` or `docker compose`,
# any policy that survives a restart of the machine, more mounts and ports of this machine.


@step("service")
def test_the_service_survives(values: Values, engine: EngineView, tried: Mapping[str, Future[None]]) -> None:
    container = service_container(engine, values)
    port = int(values["SERVICE_PORT"])
    require_restarts(container)
    require_local(container, port)
    require_volume(require_kept(container, storage_of(container)), values["SERVICE_VOLUME"], container.name)
    digest = pushed(RegistryClient(f"127.0.0.1:{port}"), values, "Your service")
    tried["service"].result()
    first = engine.modified(container, blob_path(storage_of(container), digest))
    if first and container.created < first:
        fail(
            "container-not-replaced",
            expected="The container that runs is a new one on the old volume.",
            observed=f"It was made at {container.created:%H:%M:%S} UTC, before the image was pushed at "
            f"{first:%H:%M:%S} UTC.",
            action="Remove the container after the push (`docker rm --force`), and start it again as before.",
        )


def service_container(engine: EngineView, values: Values) -> Container:
    return require_running(
        engine, values["SERVICE"], "service-missing", "Start it with `docker run --detach --name $SERVICE`."
    )


def try_service(bench: Bench) -> None:
    """Whether another container on the same volume has the image: then the first one is not needed for it."""
    container = service_container(bench.engine, bench.values)
    root = storage_of(container)
    mount = require_kept(container, root)
    other = bench.registry(
        "volume-unusable",
        "the volume of your service",
        f"Give the service a volume of its own, mounted at {DATA}.",
        own=READ_ONLY.replace(DATA, root),
        volumes={mount.destination: mount.source},
    )
    client = RegistryClient(other.address)
    if client.image(bench.values["APP"], bench.values["VERSION"]) is None:
        # What was never pushed is told by the other look; here it is about what is not on the volume.
        live = RegistryClient(f"127.0.0.1:{bench.values['SERVICE_PORT']}")
        pushed(live, bench.values, "Your service")
        fail(
            "data-lost-with-the-container",
            expected=f"Another container with the volume {mount.source} serves the image too.",
            observed=f"It does not: on the volume are the repositories {client.repositories() or 'none'}.",
            action=f"Let the registry store in {DATA}, and mount the volume there.",
        )


# Step 2, config. Wrong: what the registry refuses, a key at the wrong place (which it ignores), data
# elsewhere. Right: anything more in it, TLS and accounts too, as long as $ACCOUNT is let in; any order and
# YAML style.


@step("config")
def test_the_configuration_does_what_it_says(tried: Mapping[str, Future[None]]) -> None:
    tried["config"].result()


def try_config(bench: Bench) -> None:
    values = bench.values
    if bench.workspace.read("registry/config.yml") is None:
        fail(
            "config-missing",
            expected="There is a configuration in registry/config.yml.",
            observed="There is no such file in the workspace.",
            action="Write it; the lesson shows the outline of one.",
        )
    if os.path.lexists(bench.workspace.path / "registry/maintenance"):
        fail(
            "left-in-maintenance",
            expected="The registry is in service.",
            observed="There is a file registry/maintenance, which takes it out of service.",
            action="Remove that file. The check makes one of its own in its own registry.",
        )
    registry = bench.registry("config-refused", "registry/config.yml", folder="registry")
    server = served(registry.service.port, values)
    greeting = server.ask("GET", "/v2/")
    if greeting.status != 200:
        fail(
            "config-serves-nobody",
            expected="A registry with this configuration answers the version check with status 200.",
            observed=f"It gave {greeting.said}.",
            action="Leave accounts to step 4, or see that $ACCOUNT is let in; leave out http.prefix.",
        )
    require_header(greeting, OWNER, values["TEAM"], "header-missing", "a registry with registry/config.yml")
    image = server.push("trial", "1", os.urandom(1024))
    if isinstance(image, Reply):
        fail(
            "config-refuses-pushes",
            expected="A registry with this configuration takes a push.",
            observed=f"It gave {image.said}.",
            action="Look for storage.maintenance.readonly and for a section proxy: neither belongs here.",
        )
    if registry.inside("test", "-f", blob_path(DATA, image.digest)).code:
        fail(
            "storage-elsewhere",
            expected=f"What is pushed is stored below {DATA}, where a volume can be mounted.",
            observed="An image was pushed, and nothing of it is there.",
            action=f"Use the storage driver filesystem with the rootdirectory {DATA}.",
        )
    require_deletion(server.ask("DELETE", f"/v2/trial/manifests/{image.digest}"), 202)
    debug = f"http://127.0.0.1:{values['DEBUG_PORT']}"
    if got(registry, f"{debug}/debug/health").code:
        fail(
            "debug-server-missing",
            expected=f"Inside the container a debug server listens on port {values['DEBUG_PORT']}.",
            observed=f"{debug}/debug/health gives no answer there.",
            action="Set http.debug.addr to a colon and $DEBUG_PORT.",
        )
    metrics = got(registry, f"{debug}/metrics")
    if metrics.code or "registry_" not in metrics.output:
        fail(
            "metrics-missing",
            expected="The debug server shows the registry's metrics at /metrics.",
            observed=f"{debug}/metrics shows: {metrics.output.strip()[:120] or 'nothing'}",
            action="Under http.debug, prometheus needs enabled: true and path: /metrics.",
        )
    registry.inside("touch", f"{FOLDER}/maintenance")
    if not until(lambda: server.ask("GET", "/v2/").status == 503, NOTICES_WITHIN):
        fail(
            "maintenance-ignored",
            expected=f"Once {FOLDER}/maintenance exists, the registry answers with status 503.",
            observed=f"{NOTICES_WITHIN:.0f} seconds after the file was made it still gave "
            f"{server.ask('GET', '/v2/').said}.",
            action="Under health, file is a list: each entry has file with the path, and interval: 1s.",
        )


# Step 3, tls. Wrong: everything a client that trusts ca/ca.crt alone would refuse, keys that others can
# read. Right: RSA and EC, other subjects, more names, a chain in server.crt, keys of mode 0400.


@step("tls")
def test_a_client_that_trusts_the_authority_is_content(
    values: Values, workspace: Workspace, tried: Mapping[str, Future[None]]
) -> None:
    tried["tls"].result()
    keys_are_private(workspace)
    require_authority_key(workspace, "ca/ca.key", authority_of(workspace))


def try_tls(bench: Bench) -> None:
    values, workspace = bench.values, bench.workspace
    authority = authority_of(workspace)
    for path in (CERTIFICATE, KEY):
        if workspace.read(path) is None:
            fail(
                "certificate-missing" if path == CERTIFICATE else "key-missing",
                expected=f"There is a file {path}.",
                observed="There is no such file in the workspace.",
                action="The registry needs both: server.crt to show, server.key to prove that it is its own.",
            )
    registry = bench.registry(
        "certificate-unusable",
        f"{CERTIFICATE} and {KEY}",
        "Both are files in PEM form, and the certificate is for this very key. If you made one of them anew, "
        "issue the certificate again.",
        own=PLAIN,
        folder="registry",
        environment=TLS,
    )
    port = registry.service.port
    leaf = require_trusted(port, authority, names_of(values), "A registry with registry/server.crt")
    days = int(values["CERTIFICATE_DAYS"])
    if abs(leaf.lifetime - timedelta(days=days)) > timedelta(days=1):
        fail(
            "certificate-lifetime",
            expected=f"The server's certificate is good for {days} days.",
            observed=f"It is good from {leaf.begins:%Y-%m-%d} to {leaf.ends:%Y-%m-%d}, "
            f"{leaf.lifetime.days} days.",
            action="Say how many days when the authority signs it; a request cannot.",
        )
    require_lasting_chain(workspace, authority, leaf, days)
    if leaf.authority:
        fail(
            "certificate-may-issue",
            expected="The server's certificate is for a server, and cannot issue others.",
            observed="It says CA:TRUE.",
            action="Give it basicConstraints = CA:FALSE. Whoever stole its key could issue certificates that "
            "all who trust your authority believe.",
        )


def require_lasting_chain(workspace: Workspace, authority: str, leaf: Certificate, days: int) -> None:
    """That clients go on for as long as the server's certificate lasts: nothing above it ends before."""
    weakest = first_to_end(workspace.read(CERTIFICATE) or "", authority)
    if weakest is None or weakest.ends >= leaf.ends - timedelta(days=1):
        return
    whose = "Your authority's certificate" if weakest.self_signed else "A certificate in between"
    fail(
        "authority-ends-first",
        expected=f"Clients that trust {AUTHORITY} accept the server's certificate for {days} days.",
        observed=f"{whose} ({weakest.subject}) ends on {weakest.ends:%Y-%m-%d}, and from then on they refuse "
        f"the server's too, which says that it is good until {leaf.ends:%Y-%m-%d}.",
        action="Give the authority at least as many days as what it issues (-days of `openssl req -x509`), and "
        "issue the server's certificate again.",
    )


def authority_of(workspace: Workspace) -> str:
    text = workspace.read(AUTHORITY)
    if text is None or not certificates(text):
        fail(
            "authority-missing",
            expected=f"{AUTHORITY} is the certificate of your authority.",
            observed="There is no such file."
            if text is None
            else "There is no certificate in PEM form in it.",
            action="`openssl req -x509` writes one with -out.",
        )
    return text


def names_of(values: Values) -> tuple[str, ...]:
    return "127.0.0.1", "localhost", values["SERVER_NAME"]


def keys_are_private(workspace: Workspace) -> None:
    issuing = load_pem_x509_certificate(authority_of(workspace).encode()).public_key()
    issuing_bytes = issuing.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    for relative, path, text in files(workspace):
        if not PRIVATE_KEY.search(text):
            continue
        mode = path.stat().st_mode & 0o777
        if mode & 0o077:
            fail(
                "key-readable-by-others",
                expected="Nobody but you can read a private key.",
                observed=f"{relative} has the mode {mode:04o}.",
                action="`chmod 600` it. The registry runs as root in its container and can read it even so.",
            )
        try:
            key = load_pem_private_key(text.encode(), None).public_key()
        except (ValueError, TypeError, UnsupportedAlgorithm):
            continue
        if relative.startswith("registry/") and issuing_bytes == key.public_bytes(
            Encoding.DER, PublicFormat.SubjectPublicKeyInfo
        ):
            fail(
                "authority-key-in-the-registry",
                expected="The authority's key stays out of registry/, which the registry gets to see.",
                observed=f"{relative} is the authority's key.",
                action="Keep it in ca/. The server needs its own key only.",
            )


# Step 4, accounts. Wrong: MD5, SHA or plain text, another name or password, the password in a file or among
# the arguments of a program.
# Right: any cost that answers in time, $2a$ $2b$ $2y$, more accounts, any other way to make the line.


@step("accounts")
def test_the_account_is_let_in(
    values: Values, workspace: Workspace, tried: Mapping[str, Future[None]], ran: Ran
) -> None:
    tried["accounts"].result()
    passwords.in_answer("steps/accounts.sh", workspace, (), ran)
    for relative, _, text in files(workspace):
        if values["PASSWORD"] in text:
            fail(
                "password-in-file",
                expected="The password stands in no file of the workspace, which is what you hand in.",
                observed=f"It stands in {relative}.",
                action="Write $PASSWORD in scripts, not its value. A registry needs the bcrypt line only.",
            )


def try_accounts(bench: Bench) -> None:
    values = bench.values
    text = bench.workspace.read("registry/htpasswd")
    if text is None:
        fail(
            "htpasswd-missing",
            expected="There is a file registry/htpasswd.",
            observed="There is no such file in the workspace.",
            action="The program htpasswd writes it.",
        )
    for entry in parse(text):
        if isinstance(entry, Broken):
            fail(
                "htpasswd-broken",
                expected="Every line of registry/htpasswd is an account: a name, a colon and a bcrypt hash.",
                observed=f"Line {entry.line} is none.",
                action="Write the file anew, without the messages of the program that makes it.",
            )
        if entry.form != "bcrypt":
            fail(
                "htpasswd-not-bcrypt",
                expected="Every password in registry/htpasswd is kept with bcrypt.",
                observed=f"That of {entry.user} in line {entry.line} is kept as {entry.form}.",
                action="Use the option -B of htpasswd. Of other forms millions can be tried in a second, and "
                "the registry takes none of them.",
            )
    if not any(entry.user == values["ACCOUNT"] for entry in parse(text) if not isinstance(entry, Broken)):
        fail(
            "account-missing",
            expected=f"registry/htpasswd has the account {values['ACCOUNT']}.",
            observed="No line begins with that name.",
            action="The name is in $ACCOUNT.",
        )
    registry = bench.registry(
        "htpasswd-refused",
        "registry/htpasswd",
        "Write the file anew.",
        own=PLAIN,
        folder="registry",
        environment=ACCOUNTS,
    )
    require_accounts(registry.service.port, "", account(values), "A registry with registry/htpasswd")


# Step 5, secure. Wrong: any of the things the steps before are about, in what really runs.
# Right: TLS and accounts by variables or in config.yml, one file or several, more services beside it.


@step("secure")
def test_what_runs_is_what_was_prepared(
    values: Values, workspace: Workspace, engine: EngineView, ran: Ran
) -> None:
    port = int(values["SECURE_PORT"])
    what = "Your registry"
    container = require_publishing(
        engine,
        port,
        f"{values['COMPOSE_PROJECT_NAME']}[-_]*registry*",
        "secure-missing",
        what,
        "Write compose.yaml with that port, and run `docker compose up --detach`.",
    )
    require_local(container, port)
    require_project(container, workspace, "compose.yaml", values["COMPOSE_PROJECT_NAME"])
    for entry in container.published:
        require_no_plain_http(entry.port, what)
    authority = authority_of(workspace)
    leaf = require_trusted(port, authority, names_of(values), what)
    require_shown(leaf, workspace, CERTIFICATE, what)
    require_new_tls(port, what)
    require_accounts(port, authority, account(values), what)
    known = AskedServer(port, authority, account(values))
    require_header(
        known.ask("GET", "/v2/"), OWNER, values["TEAM"], "config-not-used", "the registry that runs"
    )
    require_deletion(known.ask("DELETE", f"/v2/{values['APP']}/manifests/{NOWHERE}"), 404)
    require_read_only(container, FOLDER)
    require_restarts(container)
    require_kept(container, storage_of(container))
    if any(entry.inside == int(values["DEBUG_PORT"]) for entry in container.published):
        fail(
            "debug-port-published",
            expected="The debug server can be reached inside the container only.",
            observed=f"Port {values['DEBUG_PORT']} is published.",
            action="Take it out of ports: it asks nobody for a password.",
        )
    require_no_secret(container, values["PASSWORD"])
    passwords.in_answer("steps/secure.sh", workspace, (), ran)
    client = RegistryClient(
        f"127.0.0.1:{port}",
        ca=workspace.path / AUTHORITY,
        auth=HTTPBasicAuth(values["ACCOUNT"], values["PASSWORD"]),
    )
    digest = pushed(client, values, what)
    root = storage_of(container)
    if engine.modified(container, blob_path(root, digest)) is None:
        fail(
            "data-lost-with-the-container",
            expected=f"What is pushed to it is stored below {root}, where the volume is.",
            observed=f"It serves {values['APP']}:{values['VERSION']}, and nothing of it is there.",
            action="Leave the storage as registry/config.yml says: take variables away that change it.",
        )


# Step 6, cache. Wrong: a plain registry that the image was pushed to, another upstream, nothing pulled
# through it. Right: upstream called by its service's or its container's name, credentials, a ttl, any volume
# or none.


@step("cache")
def test_the_cache_is_one(
    values: Values, workspace: Workspace, engine: EngineView, tried: Mapping[str, Future[None]]
) -> None:
    tried["cache"].result()
    container = require_running(
        engine, values["CACHE"], "cache-missing", "Start it with `docker run --detach --name $CACHE`."
    )
    port = int(values["CACHE_PORT"])
    require_local(container, port)
    refuses_uploads(served(port, values), values["APP"], "The registry that runs")
    upstream = RegistryClient(values["UPSTREAM"])
    if not upstream.alive():
        fail(
            "upstream-gone",
            expected="The lab's registry upstream answers, so that the cache can be compared with it.",
            observed=f"{values['UPSTREAM']} does not answer.",
            action="Start it again: `docker start $UPSTREAM_CONTAINER`, or `lab start 04`.",
        )
    digest = require_image(
        upstream,
        values["APP"],
        values["VERSION"],
        code="upstream-image-missing",
        where="The lab's registry upstream",
    )
    link = f"repositories/{values['APP']}/_manifests/revisions/{digest.replace(':', '/')}/link"
    root = storage_of(container, root_directory(workspace.read("cache/config.yml") or ""))
    if engine.modified(container, f"{root}/docker/registry/v2/{link}") is None:
        fail(
            "cache-empty",
            expected=f"Your cache keeps {values['APP']}:{values['VERSION']} as it is upstream.",
            observed="It has not stored that image.",
            action="Pull it by the cache's address: 127.0.0.1:$CACHE_PORT/$APP:$VERSION.",
        )


def try_cache(bench: Bench) -> None:
    text = bench.workspace.read("cache/config.yml")
    if text is None:
        fail(
            "cache-config-missing",
            expected="There is a configuration in cache/config.yml.",
            observed="There is no such file in the workspace.",
            action="Write it: the usual storage and http, and a section proxy.",
        )
    trial = bench.start(
        "cache-config-refused",
        "cache/config.yml, on a network where a registry is called upstream",
        Service(name="upstream", kind="registry", options={"network": True}),
        Service(
            name="cache",
            kind="private-registry",
            options={
                "folder": "cache",
                # On trial, another container stands in for the lab's; it may be called by that name too.
                "own": text.replace(bench.values["UPSTREAM_CONTAINER"], "upstream"),
                "network": True,
                "after": ["upstream"],
            },
        ),
    )
    cache = tried_registry(trial, "cache")
    image = AskedServer(trial.stack.services["upstream"].port).push("trial", "1", os.urandom(4096))
    assert isinstance(image, Pushed), image
    server = served(cache.service.port, bench.values)
    what = "A registry with cache/config.yml"
    for path in parts(image):
        reply = server.ask("GET", path, headers={"Accept": MANIFEST})
        if reply.status != 200:
            no_cache(f"{what} fetches what is asked of it from upstream.", f"It gave {reply.said}.")
    refuses_uploads(server, "trial", what)
    root = root_directory(text)
    stored = [blob_path(root, key) for key in (image.digest, *image.blobs)]
    kept = until(lambda: not cache.inside("ls", *stored).code, STORES_WITHIN)
    bench.trials.stop(trial, "upstream")
    for path in parts(image):
        reply = server.ask("GET", path, headers={"Accept": MANIFEST})
        if reply.status != 200 or not kept:
            no_cache(
                f"{what} serves what it fetched once, even after upstream is gone.",
                f"With upstream removed it gave {reply.said} the second time.",
            )


def parts(image: Pushed) -> list[str]:
    """Return what is asked of a registry when the image trial:1 is pulled."""
    return ["/v2/trial/manifests/1", *(f"/v2/trial/blobs/{key}" for key in image.blobs)]


def refuses_uploads(server: AskedServer, repository: str, what: str) -> None:
    reply = server.reserve(repository)
    if reply.status == 202:
        server.cancel(reply.headers.get("location", ""))
        no_cache(
            f"{what} is a cache: it takes images from upstream and from nobody else.",
            "It takes uploads, as a registry of its own does.",
        )
    if reply.status != 405:
        no_cache(f"{what} is a cache, which refuses uploads with status 405.", f"It gave {reply.said}.")


def no_cache(expected: str, observed: str) -> NoReturn:
    fail(
        "cache-not-a-cache",
        expected=expected,
        observed=observed,
        action="Set proxy.remoteurl to http://upstream:5000, let the storage be on the filesystem, and start "
        "the container with this configuration mounted.",
    )


# Step 7, isolate. Wrong: a registry with a port or on an open network, limits and headers nginx has by
# default. Right: any number of networks and proxies, relative Locations, accounts as well, other names for
# everything.


@step("isolate")
def test_only_the_proxy_leads_to_the_registry(
    values: Values, workspace: Workspace, engine: EngineView
) -> None:
    port = int(values["EDGE_PORT"])
    what = "Your proxy"
    proxy = require_publishing(
        engine,
        port,
        f"{values['EDGE_PROJECT']}[-_]*",
        "edge-missing",
        what,
        "Write edge/compose.yaml with that port for nginx, and bring it up as the project $EDGE_PROJECT.",
    )
    require_local(proxy, port, 443)
    require_project(proxy, workspace, "edge/compose.yaml", values["EDGE_PROJECT"])
    require_file(workspace, "edge/nginx.conf")
    for entry in proxy.published:
        require_no_plain_http(entry.port, what)
    authority = authority_of(workspace)
    leaf = require_trusted(port, authority, names_of(values), what)
    require_shown(leaf, workspace, CERTIFICATE, what)
    require_new_tls(port, what)
    nothing_past(proxy, engine)
    server = signed_in(AskedServer(port, authority), account(values))
    greeting = server.ask("GET", "/v2/")
    if greeting.status != 200:
        fail(
            "edge-leads-nowhere",
            expected="Through the proxy the registry answers the version check with status 200.",
            observed=f"The proxy gave {greeting.said}.",
            action="Look at proxy_pass, at the registry's name on the internal network, and at nginx's log.",
        )
    require_uploads(server, values["APP"])
    client = RegistryClient(
        f"127.0.0.1:{port}",
        ca=workspace.path / AUTHORITY,
        auth=server.account and HTTPBasicAuth(*server.account),
    )
    pushed(client, values, what)


def nothing_past(proxy: Container, engine: EngineView) -> None:
    behind = [found for found in engine.neighbours(proxy) if is_registry(found, engine)]
    if is_registry(proxy, engine) or not behind:
        fail(
            "no-registry-behind",
            expected=f"{proxy.name} passes requests on to a registry in another container, on a network they "
            "share.",
            observed=f"{proxy.name} is the registry itself."
            if is_registry(proxy, engine)
            else f"On the networks of {proxy.name} ({', '.join(proxy.networks) or 'none'}) is no registry.",
            action="Publish nginx and not the registry, and give both the internal network.",
        )
    for registry in behind:
        doors = [f"it publishes {entry.address}:{entry.port}" for entry in registry.published]
        doors += [
            f"it is on the network {name}, which is not internal"
            for name in registry.networks
            if not (network := engine.network(name)) or not network.internal
        ]
        if doors:
            fail(
                "reachable-past-the-proxy",
                expected=f"The registry {registry.name} can be reached through the proxy only.",
                observed=f"There is a way past it: {doors[0]}.",
                action="Give the registry no ports, and no network but one with internal: true.",
            )


def got(registry: PrivateRegistry, url: str) -> Executed:
    """Return what a program in the registry's container gets for a URL. Raises MachineTooSlow."""
    wait = Deadline(GET_WITHIN)
    ran = registry.inside("timeout", f"{scaled(GET_WITHIN):.0f}", "wget", "-q", "-O", "-", url)
    if ran.code:
        wait.require_now(f"{url} did not answer in {wait.elapsed:.0f} s")
    return ran


def is_registry(container: Container, engine: EngineView) -> bool:
    ours = container.labels.get("registry-lab.image") == "registry"
    return ours or engine.modified(container, f"{DATA}/docker/registry/v2") is not None


def account(values: Values) -> tuple[str, str]:
    return values["ACCOUNT"], values["PASSWORD"]


def served(port: int, values: Values) -> AskedServer:
    """Return a registry, with TLS and with an account if its configuration wants them."""
    greeting = AskedServer(port).ask("GET", "/v2/")
    secured = greeting.status == 400 and b"HTTPS" in greeting.body
    return signed_in(AskedServer(port, None if secured else ""), account(values))


def pushed(client: RegistryClient, values: Values, where: str) -> str:
    """Return the digest of the image of this run."""
    return require_image(client, values["APP"], values["VERSION"], where=where)


def storage_of(container: Container, configured: str = DATA) -> str:
    """Return where a registry's container stores. configured: by its file, which the environment
    overrules."""
    return container.environment.get("REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY") or configured


def root_directory(text: str) -> str:
    """Return where a configuration has the registry store."""
    try:
        return str(yaml.safe_load(text)["storage"]["filesystem"]["rootdirectory"] or DATA)
    except (yaml.YAMLError, ValueError, KeyError, TypeError, IndexError, RecursionError):
        return DATA


def blob_path(root: str, digest: str) -> str:
    """Return where Distribution's filesystem driver keeps a blob."""
    algorithm, _, value = digest.partition(":")
    return f"{root}/docker/registry/v2/blobs/{algorithm}/{value[:2]}/{value}/data"


def files(workspace: Workspace) -> Iterator[tuple[str, Path, str]]:
    """Yield the plain files of the workspace that are handed in: path inside, path, text."""
    for folder, names, leaves in os.walk(workspace.path):
        if Path(folder) == workspace.path:
            names[:] = [name for name in names if name not in (PRIVATE, ".git")]
        for name in sorted(leaves):
            path = Path(folder) / name
            relative = path.relative_to(workspace.path).as_posix()
            text = None if path.is_symlink() else workspace.read(relative)
            if text is not None:
                yield relative, path, text


def until(holds: Callable[[], bool], seconds: float) -> bool:
    """Return whether something comes to hold within that time."""
    return soon(holds, seconds)


TRIALS: Mapping[str, Callable[[Bench], None]] = {
    "service": try_service,
    "config": try_config,
    "tls": try_tls,
    "accounts": try_accounts,
    "cache": try_cache,
}
