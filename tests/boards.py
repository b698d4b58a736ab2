"""A live board that really runs, for tests and measurements."""

import http.client
import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from checker.base.model import Lab
from checker.base.results import Person
from checker.classboard.server import COOKIE, BoardServer, app
from checker.classboard.store import BoardStore
from checker.cli.classes import _listen


class Served:
    """A board that answers. codes: the join code of each identifier."""

    def __init__(self, port: int, store: BoardStore, codes: dict[str, str]) -> None:
        self.port = port
        self.store = store
        self.codes = codes
        self.url = f"http://127.0.0.1:{port}"

    @property
    def opening(self) -> str:
        """The address that `lab class serve` prints."""
        return f"{self.url}/?key={self.store.secret}"

    def ask(
        self, method: str, path: str, body: bytes | None = None, **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        """One request; status, headers with small letters, body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, named)
            answer = connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        finally:
            connection.close()

    def post(self, who: str, message: Any) -> int:
        """What a learner's machine does; the status."""
        body = message if isinstance(message, bytes) else json.dumps(message).encode()
        return self.ask("POST", "/v1/progress", body, Authorization=f"Bearer {self.codes[who]}")[0]

    @contextmanager
    def events(self) -> Iterator[Iterator[tuple[str, Any]]]:
        """What the page hears: name and data of each event."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.request("GET", "/events", headers={"Cookie": f"{COOKIE}={self.store.secret}"})
        answer = connection.getresponse()
        assert answer.status == 200

        def read() -> Iterator[tuple[str, Any]]:
            name = ""
            for line in answer:
                text = line.decode().rstrip("\n")
                if text.startswith("event: "):
                    name = text.removeprefix("event: ")
                elif text.startswith("data: "):
                    yield name, json.loads(text.removeprefix("data: "))

        try:
            yield read()
        finally:
            connection.close()


@contextmanager
def serving(db: Path, labs: list[Lab], people: Sequence[Person]) -> Iterator[Served]:
    """Run a board in a thread of this process; however the block ends, so does it."""
    store = BoardStore(db)
    made = store.enrol(people, anew=True)
    listening = _listen("127.0.0.1", None)
    server = BoardServer(app(store, labs, ["127.0.0.1"]))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    try:
        codes = {person.identifier: code for person, code in made}
        yield Served(listening.getsockname()[1], store, codes)
    finally:
        server.should_exit = True
        thread.join(10)
        store.close()


def people(count: int) -> list[Person]:
    """A class of so many."""
    first = (
        "Ada",
        "Alan",
        "Barbara",
        "Edsger",
        "Frances",
        "Grace",
        "Jean",
        "John",
        "Katherine",
        "Ken",
        "Radia",
        "Tim",
    )
    last = ("Allen", "Bartik", "Dijkstra", "Hopper", "Johnson", "Liskov", "Lovelace", "Perlman", "Turing")
    return [
        Person(identifier=f"{4000 + n}", name=f"{first[n % len(first)]} {last[n % len(last)]}", listed=True)
        for n in range(count)
    ]
