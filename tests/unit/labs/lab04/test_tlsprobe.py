"""Servers with every kind of bad certificate, and what a client that trusts one authority says to each."""

import http.server
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from certificate import refusal
from checker.base.ports import HOST, free_port
from checker.check import CheckFailed
from checker.inspect import asking
from tests.certificates import DAY, NOW, Pair
from tls import require_new_tls, require_no_plain_http, require_trusted
from tlsprobe import Look, Trouble, accepts_old_tls, certificates, covers, look, plain


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Docker-Distribution-Api-Version", "registry/2.0")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        return


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        return  # a client that refuses the certificate hangs up


Serve = Callable[[Pair | None], int]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Serves with a pair, or without TLS; the port."""
    servers: list[Server] = []

    def start(pair: Pair | None) -> int:
        server = Server((HOST, 0), Handler)
        if pair:
            file = tmp_path / f"{len(servers)}.pem"
            file.write_text(pair.key_pem + pair.pem)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(file)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        servers.append(server)
        return int(server.server_address[1])

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="module")
def authority() -> Pair:
    return Pair("authority", ca=True, names=())


def test_a_good_certificate_is_trusted_for_each_of_its_names(serve: Serve, authority: Pair) -> None:
    port = serve(Pair("server", authority, names=("IP:127.0.0.1", "DNS:localhost", "DNS:*.example.test")))

    for name in ("127.0.0.1", "localhost", "a.example.test"):
        seen = look(HOST, port, authority.pem, name)
        assert (seen.trouble, seen.version[:5]) == (Trouble.NONE, "TLSv1")
    found = require_trusted(port, authority.pem, ("127.0.0.1", "localhost"), "The server")
    assert found.lifetime == 2 * DAY
    assert not found.self_signed


def test_remarks_in_any_language_round_an_authority_do_no_harm(serve: Serve, authority: Pair) -> None:
    port = serve(Pair("server", authority))
    remarked = f"Unsere Behörde\n{authority.pem}Straße\n"

    require_trusted(port, remarked, ("127.0.0.1",), "The server")
    assert asking.AskedServer(port, remarked).ask("GET", "/v2/").status == 200


FOREIGN = Pair("authority", ca=True, names=())
BAD: dict[str, tuple[Callable[[Pair], Pair], Trouble, str]] = {
    "of another address": (
        lambda ca: Pair("127.0.0.1", ca, names=("DNS:localhost",)),
        Trouble.WRONG_NAME,
        "certificate-wrong-name",
    ),
    "with its name in the subject only": (
        lambda ca: Pair("127.0.0.1", ca, names=()),
        Trouble.WRONG_NAME,
        "certificate-wrong-name",
    ),
    "past its time": (
        lambda ca: Pair("server", ca, begins=NOW - 3 * DAY, ends=NOW - DAY),
        Trouble.EXPIRED,
        "certificate-expired",
    ),
    "before its time": (
        lambda ca: Pair("server", ca, begins=NOW + DAY, ends=NOW + 3 * DAY),
        Trouble.NOT_YET_VALID,
        "certificate-not-yet-valid",
    ),
    "signed by itself": (lambda _: Pair("server"), Trouble.SELF_SIGNED, "certificate-self-signed"),
    "of a foreign authority of the same name": (
        lambda _: Pair("server", FOREIGN),
        Trouble.UNKNOWN_CA,
        "certificate-of-another-authority",
    ),
    "of an unknown authority": (
        lambda _: Pair("server", Pair("nobody", ca=True)),
        Trouble.UNKNOWN_CA,
        "certificate-of-another-authority",
    ),
}


@pytest.mark.parametrize("kind", BAD)
def test_each_reason_to_refuse_a_certificate_is_told_apart(serve: Serve, authority: Pair, kind: str) -> None:
    made, trouble, code = BAD[kind]
    port = serve(made(authority))

    assert look(HOST, port, authority.pem).trouble is trouble
    with pytest.raises(CheckFailed) as failed:
        require_trusted(port, authority.pem, ("127.0.0.1",), "The server")
    assert failed.value.finding.code == code


def test_a_self_signed_certificate_is_one_even_if_it_is_trusted(serve: Serve) -> None:
    pair = Pair("server")
    pem = pair.pem
    port = serve(pair)

    assert look(HOST, port, pem).trouble is Trouble.SELF_SIGNED


@pytest.mark.parametrize("flaw", ["issues without being an authority", "is past its time"])
def test_an_unfit_authority_is_told_from_a_bad_certificate(serve: Serve, flaw: str) -> None:
    unfit = Pair("unfit", ca=flaw == "is past its time", names=())
    if unfit.ca:
        unfit.begins, unfit.ends = NOW - 3 * DAY, NOW - DAY
    port = serve(Pair("server", unfit))

    assert look(HOST, port, unfit.pem).trouble is Trouble.CA_UNFIT


def test_plain_http_is_no_tls_and_a_closed_port_is_silent(serve: Serve, authority: Pair) -> None:
    port = serve(None)

    assert look(HOST, port, authority.pem).trouble is Trouble.NOT_TLS
    assert look(HOST, free_port(), authority.pem).trouble is Trouble.SILENT
    with pytest.raises(CheckFailed) as failed:
        require_no_plain_http(port, "The server")
    assert failed.value.finding.code == "plain-http-answered"


def test_a_tls_server_answers_no_plain_request(serve: Serve, authority: Pair) -> None:
    port = serve(Pair("server", authority))

    assert plain(HOST, port) is None
    require_no_plain_http(port, "The server")


def test_a_modern_server_refuses_old_tls(serve: Serve, authority: Pair) -> None:
    port = serve(Pair("server", authority))

    assert not accepts_old_tls(HOST, port)
    require_new_tls(port, "The server")


@pytest.mark.parametrize(
    ("answer", "accepted"),
    [
        (b"\x16\x03\x02" + struct.pack(">H", 6) + b"\x02\0\0\x02\x03\x02", True),
        (b"\x16\x03\x01" + struct.pack(">H", 6) + b"\x02\0\0\x02\x03\x01", True),
        (b"\x15\x03\x01\0\x02\x02\x46", False),  # alert: protocol_version
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", False),
        (b"", False),
    ],
)
def test_old_tls_is_accepted_when_the_server_says_hello_to_it(answer: bytes, accepted: bool) -> None:
    with socket.create_server((HOST, 0)) as listener:

        def reply() -> None:
            connection, _ = listener.accept()
            with connection:
                hello = connection.recv(4096)
                assert hello[:3] == b"\x16\x03\x01"
                assert hello[9:11] == b"\x03\x02"
                connection.sendall(answer)

        thread = threading.Thread(target=reply, daemon=True)
        thread.start()
        assert accepts_old_tls(HOST, listener.getsockname()[1]) is accepted
        thread.join(5)


def test_an_old_hello_is_one_that_openssl_understands() -> None:
    """OpenSSL, told to take anything, gets as far as looking for a cipher both know."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.set_ciphers("ALL:@SECLEVEL=0")
    with socket.create_server((HOST, 0)) as listener:
        seen: list[str] = []

        def reply() -> None:
            connection, _ = listener.accept()
            with connection:
                try:
                    context.wrap_socket(connection, server_side=True)
                except ssl.SSLError as error:
                    seen.append(str(error.reason))

        thread = threading.Thread(target=reply, daemon=True)
        thread.start()
        accepts_old_tls(HOST, listener.getsockname()[1], "localhost")
        thread.join(5)
    assert seen == ["NO_SHARED_CIPHER"], "it had no certificate to offer, and nothing else was wrong"


def test_names_are_compared_as_clients_do() -> None:
    names = ("DNS:localhost", "DNS:*.example.test", "IP:127.0.0.1", "IP:::1")
    found = certificates(Pair("x", names=names).pem)[0]

    assert [covers(found, name) for name in ("localhost", "LOCALHOST", "a.example.test", "::1")] == [True] * 4
    assert not any(covers(found, name) for name in ("example.test", "a.b.example.test", "127.0.0.2", "x"))


@pytest.mark.parametrize(
    "text", ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"]
)
def test_what_is_no_certificate_is_none(text: str) -> None:
    assert certificates(text) == []
    with pytest.raises(ValueError, match="no certificate"):
        look(HOST, 1, text)


def uses(**wanted: bool) -> x509.KeyUsage:
    names = (
        "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
        "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
    )  # fmt: skip
    return x509.KeyUsage(**{name: wanted.get(name, False) for name in names})


CLIENTS = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
BOTH = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH])
SHORT = rsa.generate_private_key(65537, 1024)
REFUSED: dict[str, tuple[Pair, Pair, str, str]] = {}
for what, more, of_authority, seen, todo in (
    (
        "for clients only",
        CLIENTS,
        None,
        "clientAuth only: its extendedKeyUsage lacks serverAuth",
        "=serverAuth",
    ),
    (
        "to sign lists",
        uses(crl_sign=True),
        None,
        "keyUsage of its certificate is cRLSign",
        "digitalSignature",
    ),
    ("of an authority that may not sign", None, uses(crl_sign=True), "without keyCertSign", "keyCertSign"),
    (
        "of an authority for clients",
        None,
        CLIENTS,
        "may issue for clientAuth only",
        "Leave extendedKeyUsage out",
    ),
):
    issuer = Pair("authority", ca=True, names=(), more=((of_authority, True),) if of_authority else ())
    REFUSED[what] = (issuer, Pair("server", issuer, more=((more, False),) if more else ()), seen, todo)


@pytest.mark.parametrize("what", REFUSED)
def test_what_a_client_has_against_a_certificate_is_told(serve: Serve, what: str) -> None:
    issuer, server, observed, action = REFUSED[what]

    with pytest.raises(CheckFailed) as caught:
        require_trusted(serve(server), issuer.pem, ("127.0.0.1",), "The server")

    assert observed in caught.value.finding.observed
    assert action in caught.value.finding.action


def test_a_key_that_is_too_short_is_told(authority: Pair) -> None:
    """Servers of today do not even start with one."""
    (leaf,) = certificates(Pair("server", authority, key=SHORT).pem)
    observed, action = refusal(Look(Trouble.OTHER, "EE certificate key too weak", leaf), leaf)
    assert "1024 bits" in observed
    assert "openssl genrsa 2048" in action


def test_a_certificate_for_servers_and_clients_is_trusted(serve: Serve, authority: Pair) -> None:
    port = serve(Pair("server", authority, more=((BOTH, True), (uses(key_agreement=True), True))))
    require_trusted(port, authority.pem, ("127.0.0.1",), "The server")
