"""Registries on trial, made of files as learners write them: what they refuse, serve, keep and give away."""

import re
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from checker.base.model import Service
from checker.base.ports import HOST, free_port
from checker.check import CheckFailed
from checker.engine.connection import Engine
from checker.inspect.asking import AskedServer, Pushed, Reply
from checker.inspect.engineview import EngineView
from checker.inspect.registry import RegistryClient
from checker.stack.container import ServiceEnded, answers, telling
from checker.stack.kinds.private_registry import Executed, PrivateRegistry
from checker.stack.trials import Trial, Trials
from registryanswers import require_accounts, require_deletion, require_image
from tests.certificates import Pair
from tests.helpers import until
from tlsprobe import accepts_old_tls, plain

pytestmark = pytest.mark.engine

PLAIN = "version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: /var/lib/registry\nhttp:\n  addr: :5000\n"
BCRYPT = "zoe:$2y$05$tRjbbRZP9mVgk/8.lUSTauNzEkg5flopd1FvAVOWN2fj8yoXZNpyu\n"
"""Made by `htpasswd -B`; the password is `secret`."""
HTPASSWD = {
    "REGISTRY_AUTH": "htpasswd",
    "REGISTRY_AUTH_HTPASSWD_REALM": "trial",
    "REGISTRY_AUTH_HTPASSWD_PATH": "/etc/docker/registry/htpasswd",
}


@pytest.fixture
def trials(counts: None, engine: Engine, tmp_path: Path) -> Iterator[Trials]:
    with Trials(engine, tmp_path) as opened:
        yield opened


def service(**options: object) -> Service:
    return Service(name="trial", kind="private-registry", options=options)


def registry_of(trial: Trial, name: str = "trial") -> PrivateRegistry:
    found = trial.view(name)
    assert isinstance(found, PrivateRegistry)
    return found


def pushed(server: AskedServer, repository: str = "team/app") -> Pushed:
    image = server.push(repository, "1", secrets.token_bytes(64))
    assert isinstance(image, Pushed), image
    return image


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (PLAIN.replace("0.1", "0.9"), 'configuration error: error parsing .*unsupported version: "0.9"'),
        (PLAIN.replace("filesystem", "filesystm"), "panic: StorageDriver not registered: filesystm"),
        (PLAIN + "  headers: {X-Team: one}\n", "configuration error: error parsing .*cannot unmarshal"),
        ("\tversion: 0.1\n", "configuration error: error parsing .*cannot start any token"),
        (PLAIN + "proxy:\n  remoteurl: http://127.0.0.1:1\n", "connection refused"),
    ],
    ids=["version", "driver", "header without a list", "tab", "upstream that is not there"],
)
def test_a_refused_configuration_tells_its_line(trials: Trials, tmp_path: Path, text: str, line: str) -> None:
    (tmp_path / "registry").mkdir()
    (tmp_path / "registry/config.yml").write_text(text)

    with pytest.raises(ServiceEnded) as ended:
        trials.start(service(folder="registry"))

    assert re.search(line, telling(ended.value.log)), ended.value.log


def test_a_trial_is_of_a_copy(trials: Trials, tmp_path: Path) -> None:
    (tmp_path / "registry").mkdir()
    (tmp_path / "registry/config.yml").write_text(PLAIN)

    registry = registry_of(trials.start(service(folder="registry")))
    ran = registry.inside("touch", "/etc/docker/registry/made-inside")

    assert ran.code == 0
    assert [path.name for path in (tmp_path / "registry").iterdir()] == ["config.yml"]
    assert registry.inside("sh", "-c", "echo seen; exit 3") == Executed(3, "seen\n")


def test_accounts_are_let_in_and_nobody_else(trials: Trials, tmp_path: Path) -> None:
    (tmp_path / "registry").mkdir()
    (tmp_path / "registry/htpasswd").write_text(BCRYPT)

    port = registry_of(trials.start(service(folder="registry", own=PLAIN, environment=HTPASSWD))).service.port

    require_accounts(port, "", ("zoe", "secret"), "It")
    with pytest.raises(CheckFailed, match="password-not-taken"):
        require_accounts(port, "", ("zoe", "other"), "It")


def test_an_open_registry_is_found_open_and_undeletable(trials: Trials) -> None:
    server = AskedServer(registry_of(trials.start(service(own=PLAIN))).service.port)
    image = pushed(server)

    with pytest.raises(CheckFailed, match="anonymous-pull-allowed"):
        require_accounts(server.port, "", ("zoe", "secret"), "It")
    with pytest.raises(CheckFailed, match="delete-not-enabled"):
        require_deletion(server.ask("DELETE", f"/v2/team/app/manifests/{image.digest}"), 202)
    assert require_image(RegistryClient(f"{HOST}:{server.port}"), "team/app", "1", where="It") == image.digest
    with pytest.raises(CheckFailed, match="image-not-pushed"):
        require_image(RegistryClient(f"{HOST}:{server.port}"), "team/app", "2", where="It")


def test_a_cache_on_trial_serves_after_its_upstream_is_removed(trials: Trials) -> None:
    cached = PLAIN + "proxy:\n  remoteurl: http://upstream:5000\n"
    trial = trials.start(
        Service(name="upstream", kind="registry", options={"network": True}),
        Service(
            name="cache",
            kind="private-registry",
            options={"own": cached, "network": True, "after": ["upstream"]},
        ),
    )
    image = pushed(AskedServer(trial.stack.services["upstream"].port))
    cache = AskedServer(registry_of(trial, "cache").service.port)
    kept = RegistryClient(f"{HOST}:{cache.port}").digest("team/app", "1")

    trials.stop(trial, "upstream")
    again = RegistryClient(f"{HOST}:{cache.port}").digest("team/app", "1")

    assert (kept, again) == (image.digest, image.digest)
    assert cache.reserve("team/app").status == 405
    refused = cache.push("team/app", "2", b"x")
    assert isinstance(refused, Reply)


def test_what_is_on_a_volume_is_served_by_another_registry(
    trials: Trials, engine: Engine, tmp_path: Path
) -> None:
    name = f"rl-test-{secrets.token_hex(6)}"
    api = engine.client.api
    api.create_volume(name)
    container = engine.client.containers.run(
        "registry-lab/registry:2",
        detach=True,
        volumes={name: {"bind": "/var/lib/registry"}},
        ports={"5000/tcp": (HOST, free_port())},
    )
    try:
        view = EngineView(engine)
        found = view.container(str(container.id))
        assert found is not None
        port = found.published[0].port
        until(lambda: answers(port, "/v2/"), "the registry to answer", seconds=15)
        image = pushed(AskedServer(port))
        blob = image.blobs[1].partition(":")[2]
        path = f"/var/lib/registry/docker/registry/v2/blobs/sha256/{blob[:2]}/{blob}/data"
        moment = view.modified(found, path)
        assert moment is not None
        assert moment >= found.created
        assert view.modified(found, "/var/lib/registry/nothing") is None
        assert view.publishing(port) == found
        container.remove(force=True)
        other = registry_of(trials.start(service(own=PLAIN, volumes={"/var/lib/registry": name})))
        assert RegistryClient(other.address).digest("team/app", "1") == image.digest
        refused = AskedServer(other.service.port).push("team/app", "2", b"x")
        assert isinstance(refused, Reply), "the volume is only read"
    finally:
        trials.__exit__()  # the trial uses the volume
        for entry in api.containers(all=True, filters={"volume": name}):
            api.remove_container(entry["Id"], force=True)
        api.remove_volume(name)


def test_old_tls_is_seen_where_it_is_spoken(trials: Trials, tmp_path: Path) -> None:
    pair = Pair("server")
    (tmp_path / "registry").mkdir()
    (tmp_path / "registry/server.crt").write_text(pair.pem)
    (tmp_path / "registry/server.key").write_text(pair.key_pem)
    tls = {
        "REGISTRY_HTTP_TLS_CERTIFICATE": "/etc/docker/registry/server.crt",
        "REGISTRY_HTTP_TLS_KEY": "/etc/docker/registry/server.key",
    }
    old = tls | {
        "REGISTRY_HTTP_TLS_MINIMUMTLS": "tls1.0",
        "REGISTRY_HTTP_TLS_CIPHERSUITES": "[TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA]",
    }
    new_port = registry_of(trials.start(service(folder="registry", own=PLAIN, environment=tls))).service.port
    old_port = registry_of(trials.start(service(folder="registry", own=PLAIN, environment=old))).service.port

    assert not accepts_old_tls(HOST, new_port)
    assert accepts_old_tls(HOST, old_port)
    answer = plain(HOST, new_port)
    assert answer is not None
    assert (answer.status, answer.registry) == (400, False)
