"""The server of roles as it is: what its file allows happens, and nothing else, whatever is tried.

Distribution checks the tokens here, so every refusal below is the registry's own.
"""

import base64
import io
import json
import tarfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import jwt
import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from checker.base.model import Service
from checker.engine import images
from checker.engine.connection import Engine
from checker.stack.kinds.roles import RolesView
from checker.stack.operated import OPERATOR
from checker.stack.trials import Trials
from rolematrix import Matrix, Row, rows
from tests.helpers import until
from tokenclient import REFUSED, TokenClient, digest, image
from tokentricks import Tricks, read_claims

pytestmark = pytest.mark.engine

FILE = "access/registry-rbac.conf"
GOOD = """\
# Four kinds of work.
role admin {
  repositories "shop/**"
  actions pull push delete
  registry catalog
}
role developer { repositories "shop/*" actions pull push }
role cicd      { repositories "shop/web" actions pull push }
role readonly  { repositories "shop/*" actions pull }
role pusher    { repositories "shop/*" actions push }
role auditor   { registry audit }
"""
ROLES = ("admin", "developer", "cicd", "readonly", "pusher", "auditor")
ALL = "pull push delete"
EXPECTED = {
    "shop/web": {"admin": ALL, "developer": "pull push", "cicd": "pull push", "readonly": "pull"},
    "shop/website": {"admin": ALL, "developer": "pull push", "readonly": "pull"},
    "shop/old/web": {"admin": ALL},
    "shopping/web": {},
    "web": {},
}


class World(NamedTuple):
    """A server that goes by a file in `place`, and ways to look at it."""

    place: Path
    roles: RolesView
    client: TokenClient
    api: str
    container: str
    operator: tuple[str, str]
    accounts: dict[str, tuple[str, str]]

    @property
    def address(self) -> str:
        return self.roles.service.address

    def write(self, text: str) -> None:
        """Replace the file as editors do: by another one of its name."""
        aside = self.place / "aside"
        aside.write_text(text, encoding="utf-8")
        aside.replace(self.place / FILE)

    def granted(self, role: str, scope: str) -> list[str]:
        """What a new token is good for, of one scope."""
        access = read_claims(self.client.token(self.accounts[role], scope))["access"]
        return [action for entry in access for action in entry["actions"]]


def world(engine: Engine, trials: Trials, place: Path, text: str, token_seconds: int = 300) -> World:
    (place / "access").mkdir(parents=True, exist_ok=True)
    (place / FILE).write_text(text, encoding="utf-8")
    accounts = {role: (f"{role}-1", f"password of {role}") for role in (*ROLES, "nobody")}
    options: dict[str, Any] = {
        "file": FILE,
        "token_seconds": token_seconds,
        "accounts": [
            {"username": name, "password": password, "role": role if role in ROLES else ""}
            for role, (name, password) in accounts.items()
        ],
    }
    trial = trials.start(Service(name="roles", kind="roles", options=options))
    view = trial.view("roles")
    assert isinstance(view, RolesView)
    running = trial.stack.services["roles"]
    operator = OPERATOR, trial.stack.keys["roles"]
    client = TokenClient(running.address)
    return World(place, view, client, running.address_of("api"), running.container, operator, accounts)


@pytest.fixture(scope="module")
def ready(engine: Engine) -> Engine:
    images.ensure(engine, ["services"], print)
    return engine


@pytest.fixture(scope="module")
def shared(ready: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One server for all tests that leave its file alone."""
    place = tmp_path_factory.mktemp("shared")
    with Trials(ready, place) as trials:
        yield world(ready, trials, place, GOOD)


@pytest.fixture
def own(ready: Engine, tmp_path: Path) -> Iterator[World]:
    """A server whose file a test changes."""
    with Trials(ready, tmp_path) as trials:
        yield world(ready, trials, tmp_path, GOOD)


# ------------------------------------------------------------------------------------ the matrix


def test_every_role_can_do_exactly_what_its_rules_say(shared: World) -> None:
    accounts = {**shared.accounts, "anonymous": None}
    wanted = [row for name, allowed in EXPECTED.items() for row in rows(tuple(accounts), name, allowed)]
    wanted += [Row(role, "list", "", allowed=role == "admin") for role in accounts]
    tried = Matrix(shared.address, accounts, shared.operator).try_rows(wanted)

    assert [str(entry) for entry in tried if not entry.right] == []
    assert len(tried) == 8 * (5 * 3 + 1)


def test_the_record_is_shown_to_the_right_role_and_to_nobody_else(shared: World) -> None:
    def asked(account: tuple[str, str] | None) -> int:
        return requests.get(f"http://{shared.api}/events", auth=account, timeout=10).status_code

    statuses = {role: asked(account) for role, account in shared.accounts.items()}

    assert statuses == {**dict.fromkeys((*ROLES, "nobody"), 403), "auditor": 200}
    assert asked(None) == 401
    assert asked(("auditor-1", "a guess")) == 401


# --------------------------------------------------------------------------------------- tricks


@pytest.fixture(scope="module")
def tricks(shared: World) -> Tricks:
    return Tricks(shared.address, shared.accounts["cicd"], shared.operator, "shop/web", "shop/old/web")


def test_no_trick_gets_at_a_private_repository(tricks: Tricks) -> None:
    played = tricks.all()

    assert [str(trick) for trick in played if not trick.held] == []
    assert len({trick.name for trick in played}) == 12


class Forger(NamedTuple):
    """Whoever has the server's own signing key: only with it can one claim at a time be wrong."""

    key: rsa.RSAPrivateKey
    headers: dict[str, Any]
    claims: dict[str, Any]

    def token(self, **wrong: Any) -> str:
        claims = {name: value for name, value in {**self.claims, **wrong}.items() if value is not None}
        return jwt.encode(claims, self.key, algorithm="RS256", headers=self.headers)


@pytest.fixture(scope="module")
def forger(ready: Engine, shared: World, tricks: Tricks) -> Forger:
    stream, _ = ready.client.api.get_archive(shared.container, "/var/lib/registry-lab/signing.key")
    with tarfile.open(fileobj=io.BytesIO(b"".join(stream))) as archive:
        member = archive.extractfile("signing.key")
        assert member is not None
        key = serialization.load_pem_private_key(member.read(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return Forger(key, {"x5c": jwt.get_unverified_header(tricks.mine)["x5c"]}, tricks.grab())


def test_a_token_with_the_right_key_and_claims_opens_the_repository(tricks: Tricks, forger: Forger) -> None:
    assert not tricks.use("the control of the tests below", forger.token()).held


def seconds(count: int) -> int:
    return int((datetime.now(UTC) + timedelta(seconds=count)).timestamp())


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("expired an hour ago", {"exp": -3600}),
        ("expired this second", {"exp": -1}),
        ("not good before an hour from now", {"nbf": 3600}),
        ("for another audience", {"aud": "another.service"}),
        ("for the server's other audience", {"aud": "registry-lab/api"}),
        ("for no audience", {"aud": None}),
        ("from another issuer", {"iss": "somebody"}),
        ("that names no access", {"access": None}),
        ("for all repositories", {"access": [{"type": "repository", "name": "*", "actions": ["*"]}]}),
        (
            "for a repository whose name begins so",
            {"access": [{"type": "repository", "name": "shop/old", "actions": ["pull"]}]},
        ),
        (
            "for another type of the same name",
            {"access": [{"type": "registry", "name": "shop/old/web", "actions": ["pull"]}]},
        ),
    ],
)
def test_a_token_with_one_wrong_claim_is_refused(
    tricks: Tricks, forger: Forger, name: str, wrong: dict[str, Any]
) -> None:
    moved = {key: seconds(value) if isinstance(value, int) else value for key, value in wrong.items()}

    assert tricks.use(name, forger.token(**moved)).held


def test_a_token_with_a_key_and_a_certificate_of_its_own_is_refused(tricks: Tricks, forger: Forger) -> None:
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "registry-lab token signing")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    dated = builder.not_valid_before(datetime.now(UTC)).not_valid_after(datetime.now(UTC) + timedelta(1))
    der = dated.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)
    headers = {"x5c": [base64.b64encode(der).decode()]}

    assert tricks.use("a certificate of its own", Forger(key, headers, forger.claims).token()).held


def test_a_token_expires_to_the_second(ready: Engine, tmp_path: Path) -> None:
    with Trials(ready, tmp_path) as trials:
        brief = world(ready, trials, tmp_path, GOOD, token_seconds=2)
        matrix = Matrix(brief.address, brief.accounts, brief.operator)
        matrix.try_rows([Row("admin", "pull", "shop/web", allowed=True)])
        token = brief.client.token(brief.accounts["admin"], "repository:shop/web:pull")
        assert brief.client.manifest(token, "shop/web", "pulled").status_code == 200

        until(
            lambda: brief.client.manifest(token, "shop/web", "pulled").status_code in REFUSED,
            "the token to expire",
            seconds=10,
        )
        assert read_claims(token)["exp"] <= datetime.now(UTC).timestamp()


def test_a_blob_is_mounted_by_whoever_may_pull_it_there(shared: World) -> None:
    """The control of the trick: mounting works, it is the right that is missing there."""
    config = json.dumps({"to be": "mounted"}).encode()
    theirs = shared.client.token(shared.operator, "repository:shop/old/web:pull,push")
    shared.client.push_blob(theirs, "shop/old/web", config)
    shared.client.push_manifest(theirs, "shop/old/web", "mounted", image(config, "mounted"))
    scopes = "repository:shop/web:pull,push", "repository:shop/old/web:pull"
    path = f"/v2/shop/web/blobs/uploads/?mount={digest(config)}&from=shop/old/web"

    def mounted(role: str) -> int:
        return shared.client.send(
            "POST", path, shared.client.token(shared.accounts[role], *scopes)
        ).status_code

    # 202: an ordinary upload has begun, and nothing was mounted.
    assert [mounted("developer"), mounted("admin")] == [202, 201]


@pytest.mark.parametrize(
    ("scope", "granted"),
    [
        ("repository:shop/web:pull,push,delete", ["pull", "push"]),
        ("repository:shop/web:*", ["pull", "push"]),
        ("repository:shop/web:pull,fly", ["pull"]),
        ("repository:*:*", []),
        ("repository:shop/*:pull", []),
        ("repository:shop/../shop/web:pull", []),
        ("repository:SHOP/web:pull", []),
        ("repository(plugin):shop/web:pull", []),
        ("registry:catalog:*", []),
        ("registry:catalog:pull", []),
        ("repository:shop/old/web:pull", []),
        ("pull", []),
        ("", []),
    ],
)
def test_a_token_never_holds_more_than_the_role_allows(shared: World, scope: str, granted: list[str]) -> None:
    assert shared.granted("developer", scope) == granted


def test_a_wrong_password_gets_no_token_and_stands_in_the_log(shared: World) -> None:
    answer = shared.client.ask(("admin-1", "a guess"), "repository:shop/web:pull")
    last = shared.roles.log()[-1]

    assert answer.status_code == 401
    assert (last.account, last.credential, last.outcome) == ("admin-1", "bad", "refused")
    assert (last.requested, last.granted) == (("repository:shop/web:pull",), ())


# ------------------------------------------------------------------------------------- the file


def test_a_changed_file_counts_from_the_next_token_on(own: World) -> None:
    scope = "repository:shop/web:pull,push"
    before = own.granted("readonly", scope)
    own.write(GOOD.replace('role readonly  { repositories "shop/*" actions pull }', "role readonly {}"))
    closed = own.granted("readonly", scope)
    own.write(GOOD.replace("actions pull }", "actions pull push }"))
    opened = own.granted("readonly", scope)

    assert (before, closed, opened) == (["pull"], [], ["pull", "push"])
    assert [period.stopped for period in own.roles.periods()] == [None]


@pytest.mark.parametrize(
    ("old", "new", "line", "column", "expected", "seen"),
    [
        ("actions pull push delete", "actions pull, push", 4, 11, "one of pull", "pull,"),
        ('"shop/**"', "shop/**", 3, 16, "double quotes", "shop/**"),
        ('"shop/**"', '"$TEAM/**"', 3, 16, "lower case", '"$TEAM/**"'),
        ("role developer", "rule developer", 7, 1, "role", "rule"),
        ("role cicd ", "role admin ", 8, 6, "not there yet", "admin"),
        ("registry catalog\n}", "registry catalog\n", 7, 1, "}", "role"),
        ("registry audit }", "registry audit", 12, 1, "}", "end of the file"),
    ],
    ids="comma quotes variable word twice brace end".split(),
)
def test_a_bad_file_is_refused_where_it_is_wrong_and_the_good_one_stays_in_force(
    shared_file: World, old: str, new: str, line: int, column: int, expected: str, seen: str
) -> None:
    own = shared_file
    assert old in GOOD
    own.write(GOOD)
    good = own.roles.rules().in_force
    own.write(GOOD.replace(old, new, 1))
    rules = own.roles.rules()

    assert rules.refused is not None
    assert (rules.refused.line, rules.refused.column) == (line, column)
    assert expected in rules.refused.expected
    assert seen in rules.refused.seen
    assert good is not None
    assert rules.in_force is not None
    assert rules.in_force.sha256 == good.sha256
    assert own.granted("developer", "repository:shop/web:pull,push") == ["pull", "push"]


@pytest.fixture(scope="module")
def shared_file(ready: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One server for tests that each write its whole file first."""
    place = tmp_path_factory.mktemp("file")
    with Trials(ready, place) as trials:
        yield world(ready, trials, place, GOOD)


def test_a_missing_file_changes_nothing_until_it_is_there_again(own: World) -> None:
    scope = "repository:shop/web:pull"
    (own.place / FILE).unlink()
    gone = own.granted("readonly", scope)
    told = own.roles.rules().refused
    own.write("# nobody\n")

    assert gone == ["pull"]
    assert told is not None
    assert own.granted("readonly", scope) == []
    assert own.roles.rules().refused is None


def test_a_server_that_starts_with_a_bad_file_lets_nobody_in_until_it_is_mended(
    ready: Engine, tmp_path: Path
) -> None:
    with Trials(ready, tmp_path) as trials:
        strict = world(ready, trials, tmp_path, "role admin {")
        rules = strict.roles.rules()
        shut = strict.granted("admin", "repository:shop/web:pull")
        strict.write(GOOD)

        assert rules.in_force is None
        assert rules.refused is not None
        assert shut == []
        assert strict.granted("admin", "repository:shop/web:pull") == ["pull"]
