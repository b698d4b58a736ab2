"""Requests to an engine, read from a connection and passed on."""

import asyncio
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checker.pipelines.engine import http11
from checker.pipelines.engine.http11 import Bad, EngineRequest, Incoming, answer, json_listed, json_object


class Sink:
    """What is written goes nowhere but into `data`."""

    def __init__(self) -> None:
        self.data = b""

    def write(self, data: bytes) -> None:
        self.data += data

    async def drain(self) -> None:
        pass


def incoming(data: bytes) -> Incoming:
    """What a client sent before it hung up."""
    made = asyncio.StreamReader(limit=http11.LONGEST_HEAD)
    made.feed_data(data)
    made.feed_eof()
    return Incoming(made)


def wire(text: str) -> bytes:
    """A head as it is sent; HTTP/1.1 wants to know the host."""
    first, _, rest = text.partition("\n")
    if not first:
        return b""
    host = "" if "\nhost:" in text.lower() else "Host: docker\n"
    return f"{first}\n{host}{rest}".replace("\n", "\r\n").encode("latin-1")


def head(text: str) -> EngineRequest | None:
    async def read() -> EngineRequest | None:
        return await incoming(wire(text)).next()

    return asyncio.run(read())


def lines(first: str = "GET /_ping HTTP/1.1", *more: str) -> str:
    return "\n".join((first, *more, "", ""))


def request(first: str = "GET /_ping HTTP/1.1", *more: str) -> EngineRequest:
    found = head(lines(first, *more))
    assert found
    return found


def body(how: str, data: bytes) -> bytes:
    """The body of a request with this header line."""

    async def read() -> bytes:
        client = incoming(wire(lines(POST, how)) + data)
        found = await client.next()
        assert found
        return await client.body(found)

    return asyncio.run(read())


def passed(how: str, data: bytes) -> bytes:
    """What of the data arrives."""
    sink = Sink()

    async def go() -> None:
        client = incoming(wire(lines(POST, how)) + data)
        found = await client.next()
        assert found
        await client.pass_body(found, sink)  # type: ignore[arg-type]

    asyncio.run(go())
    return sink.data


LENGTH, CHUNKED = "Content-Length: 5", "Transfer-Encoding: chunked"
POST = "POST /v1.41/build?t=a%3A1&t=b&q= HTTP/1.1"


@pytest.mark.parametrize(
    ("path", "version", "bare"),
    [
        ("/v1.41/containers/json", "/v1.41", "/containers/json"),
        ("/containers/json", "", "/containers/json"),
        ("/v1.41/images/a%2Fb%3A1/json", "/v1.41", "/images/a/b:1/json"),
        ("/v1.41", "", "/v1.41"),
        ("/v1.41/v1.41/info", "/v1.41", "/v1.41/info"),
    ],
)
def test_a_path_is_taken_apart_from_its_version(path: str, version: str, bare: str) -> None:
    found = request(f"GET {path} HTTP/1.1")
    assert (found.version, found.path) == (version, bare)


def test_a_request_goes_on_as_it_came() -> None:
    found = request(POST, "Host: docker", LENGTH, "X-Registry-Auth: abc=")
    assert (found.method, found.one("q"), found.one("none"), found.length) == ("POST", "", "", 5)
    assert found.query == {"t": ["a:1", "b"], "q": [""]}
    expected = "POST /v1.41/build?t=a%3A1&t=b&q= HTTP/1.1\r\nHost: docker\r\nContent-Length: 5\r\n"
    assert found.head() == f"{expected}X-Registry-Auth: abc=\r\n\r\n".encode()


@pytest.mark.parametrize("how", [LENGTH, CHUNKED])
def test_another_body_has_its_own_length_and_no_other(how: str) -> None:
    sent = request(POST, how).head(b"{}").lower()
    assert sent.count(b"content-length") == 1
    assert b"content-length: 2" in sent
    assert b"chunked" not in sent


@pytest.mark.parametrize(
    "text",
    [
        "GET HTTP/1.1",
        "GET info HTTP/1.1",
        "GET http://engine/info HTTP/1.1",
        "GET /a b HTTP/1.1",
        "GET /a#b HTTP/1.1",
        "GET //info HTTP/1.1",
        "GET /containers/../info HTTP/1.1",
        "GET /containers/.. HTTP/1.1",
        "GET /containers/./json HTTP/1.1",
        "GET /containers/..%2Finfo HTTP/1.1",
        "GET /containers/x%2F..%2F..%2Finfo HTTP/1.1",
        "GET /a%2F%2Fb HTTP/1.1",
        "GET /%63ontainers/json HTTP/1.1",
        "GET /a%2fb HTTP/1.1",
        "GET /a%252Fb HTTP/1.1",
        "POST /build HTTP/1.1\nContent-Length: 5\nContent-Length: 6",
        f"POST /build HTTP/1.1\n{LENGTH}\n{CHUNKED}",
    ],
)
def test_what_can_be_read_in_two_ways_is_not_passed_on(text: str) -> None:
    with pytest.raises(Bad):
        head(f"{text}\n\n")


@pytest.mark.parametrize("length", ["x", "-1", "+5", "5, 6", "0x5", "\xb2"])
def test_a_length_that_is_no_number_is_refused(length: str) -> None:
    with pytest.raises(Bad):
        _ = request("POST /build HTTP/1.1", f"Content-Length: {length}").length


def test_the_end_of_the_connection_is_no_request_and_an_endless_head_is_refused() -> None:
    assert head("") is None
    assert head("GET /info HTTP/1.1\n") is None
    with pytest.raises(Bad):
        head("GET /info HTTP/1.1\nX: " + "x" * (http11.LONGEST_HEAD + 1) + "\n\n")


def test_a_body_is_read_by_its_length_or_by_its_chunks() -> None:
    assert body(LENGTH, b"hello, world") == b"hello"
    assert body(CHUNKED, b"5\r\nhello\r\n6;x=y\r\n world\r\n0\r\n\r\nrest") == b"hello world"
    assert body("X: y", b"rest") == b""


def test_what_two_readers_may_read_in_two_ways_goes_on_in_one() -> None:
    assert b"Content-Length: 5\r\n" in request(POST, "Content-Length: 5, 5").head()


def test_one_request_comes_after_the_other_whether_its_body_was_read_or_not() -> None:
    one = wire(lines(POST, LENGTH)) + b"hello"
    other = wire(lines("POST /other HTTP/1.1", CHUNKED)) + b"5\r\nhello\r\n0\r\n\r\n"

    async def read() -> list[str]:
        client, found = incoming(one + one + other + wire(lines())), []
        while request := await client.next():
            found.append(request.path)
            if len(found) == 2:
                assert await client.body(request) == b"hello"
        return found

    assert asyncio.run(read()) == ["/build", "/build", "/other", "/_ping"]


@pytest.mark.parametrize(
    "text", [lines("GET /info HTTP/1.0"), lines("GET /info HTTP/1.1", "Connection: close")]
)
def test_a_client_that_asks_once_is_not_cut_off_before_it_hangs_up(text: str) -> None:
    async def read() -> tuple[bool, EngineRequest | None]:
        stream = asyncio.StreamReader()
        stream.feed_data(wire(text))
        client = Incoming(stream)
        assert await client.next()
        following = asyncio.create_task(client.next())
        await asyncio.sleep(0)
        waits = not following.done()
        stream.feed_eof()
        return waits, await following

    assert asyncio.run(read()) == (True, None)


def test_what_comes_behind_a_request_that_upgrades_is_kept() -> None:
    async def read() -> bytes:
        head = lines(
            "POST /containers/x/attach HTTP/1.1", "Connection: Upgrade", "Upgrade: tcp", "Content-Length: 0"
        )
        client = incoming(wire(head) + b"typed already")
        found = await client.next()
        assert found
        assert found.upgrades
        assert await client.body(found) == b""
        return client.rest()

    assert asyncio.run(read()) == b"typed already"


def test_a_body_is_passed_on_and_nothing_behind_it() -> None:
    assert passed(LENGTH, b"hello, world") == b"hello"
    chunks = b"5\r\nhello\r\n0\r\n\r\n"
    assert passed(CHUNKED, chunks + b"GET /info HTTP/1.1\r\n\r\n") == chunks


@pytest.mark.parametrize(
    "data",
    [
        b"-5\r\nhello\r\n0\r\n\r\n",
        b"0x5\r\nhello\r\n0\r\n\r\n",
        b"1_0\r\nhellohello\r\n0\r\n\r\n",
        b"\r\nhello\r\n0\r\n\r\n",
        b"5\r\nhello!\n0\r\n\r\n",
        b"0\r\nX: GET /info HTTP/1.1\r\n\r\n",
    ],
)
def test_chunks_that_two_readers_may_read_in_two_ways_are_refused(data: bytes) -> None:
    with pytest.raises(Bad):
        body(CHUNKED, data)
    with pytest.raises(Bad):
        passed(CHUNKED, data)


def test_a_body_that_is_looked_at_has_a_limit() -> None:
    over = http11.LONGEST_BODY + 1
    with pytest.raises(Bad, match="too long"):
        body(f"Content-Length: {over}", b"")
    with pytest.raises(Bad, match="too long"):
        body(CHUNKED, f"{over:x}\r\n".encode() + bytes(over))


def test_a_body_that_ends_early_is_not_taken_for_whole() -> None:
    with pytest.raises(EOFError):
        passed(LENGTH, b"hel")
    with pytest.raises(EOFError):
        body(LENGTH, b"hel")


def test_an_answer_of_our_own_is_whole() -> None:
    first, _, data = answer(403, {"message": "grüß"}).partition(b"\r\n\r\n")
    assert first.startswith(b"HTTP/1.1 403 ")
    assert f"Content-Length: {len(data)}".encode() in first
    assert json.loads(data) == {"message": "grüß"}


@pytest.mark.parametrize("data", [b"[", b"[]", b"3", b"null"])
def test_a_body_that_is_no_object_is_refused(data: bytes) -> None:
    with pytest.raises(Bad):
        json_object(data)
    assert json_object(b"") == {}


def test_a_filter_is_a_list_or_the_keys_of_an_object() -> None:
    assert json_listed(["a"]) == json_listed({"a": True}) == ["a"]
    assert json_listed("a") == []


@given(st.text(alphabet="GET /v1.%2FA:#?&=\r\n\xb2x", max_size=60))
def test_any_head_is_a_request_or_is_refused(text: str) -> None:
    try:
        found = head(f"{text}\n\n")
    except Bad:
        return
    assert found is None or ".." not in found.path.split("/")
