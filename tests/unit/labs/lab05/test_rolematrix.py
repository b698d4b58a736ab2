"""Trying a matrix of roles, on a registry that lets itself be told what to grant, and to lie."""

import base64
import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from checker.base.errors import ServiceFault
from rolematrix import Matrix, Row, rows
from tokenclient import TokenClient, digest

OPERATOR = ("_operator", "key")
PUBLIC = "shop/web"


class Fake:
    """A registry with tokens. grants: (account, repository) -> actions; a token is the actions' own text."""

    def __init__(self) -> None:
        self.grants: dict[tuple[str, str], str] = {}
        self.stored: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.forgets = False
        """Whether it says yes to a push and keeps nothing."""
        self.status = 0
        """What it answers to every request for a manifest, if not 0."""
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                url = urlsplit(self.path)
                fake.asked.append(f"{self.command} {url.path}")
                if url.path == "/token":
                    self.answer(*self.token(parse_qs(url.query)))
                elif url.path == "/v2/":
                    realm = f'Bearer realm="http://{fake.address}/token",service="fake"'
                    self.answer(401, b"{}", {"WWW-Authenticate": realm})
                else:
                    self.answer(*self.registry(url.path, parse_qs(url.query), body))

            do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = handle_any  # noqa: N815

            def token(self, query: dict[str, list[str]]) -> tuple[int, bytes]:
                shown = base64.b64decode(self.headers.get("Authorization", "Basic ")[6:]).decode()
                account, _, password = shown.partition(":")
                if password == "wrong":
                    return 401, b"{}"
                name = query["scope"][0].removeprefix("repository:").rpartition(":")[0]
                every = "pull,push,delete" if (account, password) == OPERATOR else ""
                granted = every or fake.grants.get((account, name), "")
                return 200, json.dumps({"token": f"{name}|{granted}"}).encode()

            def registry(
                self, path: str, query: dict[str, list[str]], body: bytes
            ) -> tuple[int, bytes] | tuple[int, bytes, dict[str, str]]:
                name, _, granted = self.headers.get("Authorization", "Bearer |")[7:].partition("|")
                needed = {"POST": "push", "PUT": "push", "DELETE": "delete"}.get(self.command, "pull")
                if path == "/v2/_catalog":
                    return (200, b"{}") if name == "registry:catalog" and granted else (401, b"{}")
                if f"/{name}/" not in path or needed not in granted.split(","):
                    return 401, b'{"errors": [{"code": "UNAUTHORIZED"}]}'
                if fake.status and "/manifests/" in path and self.command == "GET":
                    return fake.status, b"{}"
                if self.command == "POST":
                    return 202, b"", {"Location": f"{path}here"}
                if "digest" in query:
                    fake.stored[path.replace("uploads/here", query["digest"][0])] = body
                    return 201, b""
                if self.command == "PUT":
                    if not fake.forgets or "pushed-" not in path:
                        fake.stored[path] = body
                    return 201, b""
                if self.command == "DELETE":
                    return (202, b"") if fake.stored.pop(path, None) is not None else (404, b"{}")
                found = fake.stored.get(path)
                return (404, b"{}") if found is None else (200, found)

            def answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
                self.send_response(status)
                for key, value in (headers or {}).items():
                    self.send_header(key, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def matrix(self) -> Matrix:
        return Matrix(self.address, {"maker": ("maker", "secret"), "guest": None}, OPERATOR)


@pytest.fixture
def fake() -> Iterator[Fake]:
    found = Fake()
    yield found
    found.server.shutdown()


def test_rows_of_a_repository_name_every_role_and_action() -> None:
    found = rows(("maker", "guest"), PUBLIC, {"maker": "pull push"})

    assert [(row.role, row.action, row.allowed) for row in found] == [
        ("maker", "pull", True),
        ("maker", "push", True),
        ("maker", "delete", False),
        ("guest", "pull", False),
        ("guest", "push", False),
        ("guest", "delete", False),
    ]


def test_what_is_granted_is_seen_as_allowed_and_the_rest_as_denied(fake: Fake) -> None:
    fake.grants = {("maker", PUBLIC): "pull,push"}
    wanted = rows(("maker", "guest"), PUBLIC, {"maker": "pull push"})

    assert [tried.right for tried in fake.matrix().try_rows(wanted)] == [True] * 6


@pytest.mark.parametrize(
    ("granted", "wrong"),
    [
        ("pull,push,delete", ["maker delete shop/web: expected denied, seen allowed"]),
        ("pull", ["maker push shop/web: expected allowed, seen denied"]),
        (
            "",
            [
                "maker pull shop/web: expected allowed, seen denied",
                "maker push shop/web: expected allowed, seen denied",
            ],
        ),
    ],
)
def test_a_wrong_row_is_named_with_what_was_expected_and_seen(
    fake: Fake, granted: str, wrong: list[str]
) -> None:
    fake.grants = {("maker", PUBLIC): granted}
    tried = fake.matrix().try_rows(rows(("maker",), PUBLIC, {"maker": "pull push"}))

    assert [str(entry).partition(" (")[0] for entry in tried if not entry.right] == wrong


def test_each_row_says_which_request_decided(fake: Fake) -> None:
    (tried,) = fake.matrix().try_rows([Row("guest", "delete", PUBLIC, allowed=False)])

    assert re.fullmatch(
        r"DELETE /v2/shop/web/manifests/sha256:[0-9a-f]{12}… -> 401 UNAUTHORIZED", tried.answer
    )


def test_the_catalogue_is_a_row_without_a_repository(fake: Fake) -> None:
    fake.grants = {("maker", "registry:catalog"): "*"}
    wanted = [Row("maker", "list", "", allowed=True), Row("guest", "list", "", allowed=False)]

    assert [tried.right for tried in fake.matrix().try_rows(wanted)] == [True, True]
    assert wanted[0].what == "maker list"


def test_results_come_in_the_order_asked_for(fake: Fake) -> None:
    wanted = [*rows(("guest", "maker"), "b/b", {}), *rows(("maker", "guest"), "a/a", {})]

    assert [tried.row for tried in fake.matrix().try_rows(wanted)] == wanted


def test_a_push_that_leaves_nothing_behind_is_no_push(fake: Fake) -> None:
    fake.grants, fake.forgets = {("maker", PUBLIC): "pull,push"}, True

    with pytest.raises(ServiceFault, match="does not agree with what shop/web holds"):
        fake.matrix().try_rows([Row("maker", "push", PUBLIC, allowed=True)])


@pytest.mark.parametrize("status", [404, 500])
def test_an_answer_that_is_neither_yes_nor_no_is_nobodys_mistake(fake: Fake, status: int) -> None:
    fake.grants, fake.status = {("maker", PUBLIC): "pull"}, status

    with pytest.raises(ServiceFault, match="neither yes nor no"):
        fake.matrix().try_rows([Row("maker", "pull", PUBLIC, allowed=True)])


def test_an_account_that_the_token_server_does_not_know_is_nobodys_mistake(fake: Fake) -> None:
    matrix = Matrix(fake.address, {"maker": ("maker", "wrong")}, OPERATOR)

    with pytest.raises(ServiceFault, match="answered 401 to maker"):
        matrix.try_rows([Row("maker", "pull", PUBLIC, allowed=True)])


def test_a_repository_is_prepared_once(fake: Fake) -> None:
    matrix = fake.matrix()
    for _ in range(2):
        matrix.try_rows([Row("guest", "pull", PUBLIC, allowed=False)])

    assert fake.asked.count("PUT /v2/shop/web/manifests/pulled") == 1


def test_a_registry_without_tokens_is_told_as_such() -> None:
    class Plain(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Plain)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        with pytest.raises(ServiceFault, match="does not ask for a token"):
            TokenClient(f"127.0.0.1:{server.server_port}")
    finally:
        server.shutdown()


def test_a_digest_is_the_sha256_sum_with_its_name_in_front() -> None:
    assert digest(b"") == "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
