"""The live board: what is sent, who may see it, and that nothing waits for it."""

import csv
import json
import sqlite3
import stat
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from checker.base.errors import EnvironmentFault, UsageError
from checker.base.model import Lab
from checker.base.results import Finding, Outcome, Person, StepReport
from checker.classboard import client, sender
from checker.classboard.protocol import MOST_BYTES, Message, message
from checker.classboard.server import COOKIE, Rate
from checker.classboard.store import BoardStore
from checker.cli import classes
from checker.lab import progress
from checker.lab.progress import Progress, Standing, StepProgress
from checker.lab.workspace import Workspace
from tests.boards import Served, people, serving
from tests.helpers import Command, TinyLab, until

SECRET = "hunter2-token"
WRONG = Finding(
    code="not-pushed",
    expected=f"A push with {SECRET}.",
    observed=f"<script>{SECRET}</script>",
    action="Push it.",
)


@pytest.fixture
def board(lab: Lab, tmp_path: Path) -> Iterator[Served]:
    with serving(tmp_path / "board.db", [lab], people(3)) as served:
        yield served


def standing(step: str = "push", how: str = "tried", **more: Any) -> dict[str, Any]:
    return {"step": step, "standing": how, **more}


def told(*steps: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"lab": "90-tiny", "steps": list(steps), **more}


def failed(lab: Lab, place: Workspace) -> Progress:
    report = StepReport(
        step="push", title="", outcome=Outcome.FAIL, points=0, max_points=5, findings=(WRONG,), reason=SECRET
    )
    return progress.note_checked(lab, place, [report], ran=["push"])


# What is sent


def test_only_names_outcomes_codes_and_counts_are_sent(lab: Lab, place: Workspace) -> None:
    (place.path / "steps/push.sh").write_text(f"docker login -p {SECRET}\n")
    record = failed(lab, place)

    body = msgspec.json.encode(message(lab, record)).decode()

    assert SECRET not in body
    assert set(json.loads(body)) == {"lab", "steps", "help", "version"}
    assert json.loads(body)["steps"][0] == {
        "step": "push",
        "standing": "tried",
        "finding": "not-pushed",
        "hints": 0,
        "same": 1,
    }


@given(st.text(), st.text(), st.integers(min_value=0, max_value=10**9))
def test_a_code_that_is_none_is_not_sent(code: str, words: str, hints: int) -> None:
    finding = Finding(code=code, expected=words, observed=words, action=words)
    step = StepProgress(standing=Standing.TRIED, findings=(finding,), hints=hints)
    lab = Lab(
        name="90-tiny", folder=Path(), notebook=Path(), title="", version="", summary="", minutes=1, services=(),
        values={}, steps=(msgspec.convert({"name": "push", "title": "", "points": 1}, type_of_step()),),
    )  # fmt: skip

    sent = msgspec.json.decode(
        msgspec.json.encode(message(lab, Progress(steps={"push": step}))), type=Message
    )

    assert sent.steps[0].finding in ("", code)
    assert all(character in "abcdefghijklmnopqrstuvwxyz0123456789-" for character in sent.steps[0].finding)


def type_of_step() -> Any:
    from checker.base.model import Step

    return Step


# Who may do what


def test_a_learner_posts_with_a_join_code_and_reads_nothing(board: Served) -> None:
    code = board.codes["4000"]

    assert board.post("4000", told(standing())) == 204
    for path in ("/", "/events"):
        assert board.ask("GET", path, Authorization=f"Bearer {code}")[0] == 403
        assert board.ask("GET", path, Cookie=f"{COOKIE}={code}")[0] == 403
    assert board.ask("GET", "/v1/progress", Authorization=f"Bearer {code}")[0] == 405
    assert board.ask("POST", "/answered", b"{}", Cookie=f"{COOKIE}={code}", X_Board="1")[0] == 403
    assert [row.seen > 0 for row in board.store.rows()] == [True, False, False]


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer nobody", "Basic abc", "Bearer \xff"])
def test_nobody_else_posts(board: Served, authorization: str) -> None:
    status, _, said = board.ask(
        "POST", "/v1/progress", json.dumps(told(standing())).encode(), Authorization=authorization
    )

    assert status == 401
    assert b"Ask your instructor" in said
    assert all(row.seen == 0 for row in board.store.rows())


def test_the_address_with_the_key_opens_the_board_and_the_key_leaves_the_address(board: Served) -> None:
    status, headers, _ = board.ask("GET", f"/?key={board.store.secret}")

    assert (status, headers["location"]) == (303, "/")
    assert "httponly" in headers["set-cookie"].lower()
    assert "samesite=strict" in headers["set-cookie"].lower()
    status, headers, page = board.ask("GET", "/", Cookie=f"{COOKIE}={board.store.secret}")
    assert status == 200
    assert b"Class board" in page
    assert "script-src 'self'" in headers["content-security-policy"]
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"
    assert board.ask("GET", "/?key=wrong")[0] == 403


def test_the_board_answers_to_its_own_name_only(board: Served) -> None:
    assert board.ask("GET", "/", Host="evil.example", Cookie=f"{COOKIE}={board.store.secret}")[0] == 400


def test_another_page_cannot_answer_for_the_instructor(board: Served) -> None:
    board.post("4000", told(standing(), help=True))
    body, cookie = b'{"learner": "4000"}', f"{COOKIE}={board.store.secret}"

    assert board.ask("POST", "/answered", body, Cookie=cookie)[0] == 403
    foreign = board.ask("POST", "/answered", body, Cookie=cookie, X_Board="1", Origin="http://evil.example")
    assert foreign[0] == 403
    assert board.store.rows()[0].hand > 0
    own = board.ask("POST", "/answered", body, Cookie=cookie, X_Board="1", Origin=board.url)
    assert own[0] == 204
    assert board.store.rows()[0].hand == 0


@pytest.mark.parametrize(
    ("message", "status"),
    [
        (told(standing(how="done")), 400),
        (told(standing(finding="<script>")), 400),
        (told(standing(hints=-1)), 400),
        (told(standing(answer="docker build")), 400),
        (told(standing(), name="Ada"), 400),
        (told(standing("nowhere")), 422),
        ({"lab": "91-other", "steps": []}, 422),
        (told(standing(), standing()), 422),
        (b"", 400),
        (b"\xff", 400),
        (b"[" * 5000, 400),
        (b'{"lab": "' + b"a" * MOST_BYTES + b'"}', 413),
    ],
)
def test_what_is_no_message_is_refused(board: Served, message: Any, status: int) -> None:
    assert board.post("4000", message) == status
    assert all(not row.steps for row in board.store.rows())


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.text() | st.integers() | st.floats(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)
NEARLY = st.fixed_dictionaries(
    {"lab": st.just("90-tiny") | st.text(), "steps": st.lists(ANY_JSON, max_size=3)},
    optional={"help": ANY_JSON},
)


def test_no_body_breaks_the_server(board: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Rate, "allows", lambda *_: True)

    @given(st.binary(max_size=300) | (ANY_JSON | NEARLY).map(lambda value: json.dumps(value).encode()))
    @settings(deadline=None, max_examples=100, suppress_health_check=list(HealthCheck))
    def post(body: bytes) -> None:
        assert board.post("4000", body) in (204, 400, 422)

    post()
    assert board.post("4000", told(standing())) == 204


def test_who_sends_too_much_has_to_wait(board: Served) -> None:
    statuses = [board.post("4000", told(standing())) for _ in range(60)]

    assert statuses[0] == 204
    assert 429 in statuses
    assert board.post("4001", told(standing())) == 204


def test_a_rate_lets_a_burst_through_and_then_so_many() -> None:
    rate = Rate(1e-6, 3)

    assert [rate.allows("a") for _ in range(5)] == [True, True, True, False, False]
    assert rate.allows("b")


# What the page hears


def test_the_page_hears_everything_once_and_then_what_changes(board: Served) -> None:
    board.post(
        "4001", told(standing("push", "passed"), standing("pin", "tried", finding="not-pinned", same=2))
    )
    with board.events() as events:
        name, everything = next(events)
        assert (name, len(everything["rows"])) == ("all", 3)
        assert [lab["name"] for lab in everything["labs"]] == ["90-tiny"]
        assert {step["finding"] for step in everything["rows"][1]["steps"]} == {"", "not-pinned"}

        board.post(
            "4001", told(standing("push", "passed"), standing("pin", "tried", finding="not-pinned", same=2))
        )
        board.post("4002", told(standing(), help=True))
        name, some = next(events)

    assert name == "some"
    assert [row["identifier"] for row in some["rows"]] == ["4002"]
    assert some["rows"][0]["hand"] > 0


def test_how_long_somebody_is_at_a_step_counts_from_the_last_change(board: Served) -> None:
    board.post("4000", told(standing(finding="not-pushed", same=1)))
    (first,) = board.store.rows()[0].steps
    board.post("4000", told(standing(finding="not-pushed", same=2)))
    (again,) = board.store.rows()[0].steps
    board.post("4000", told(standing(finding="wrong-tag", same=1)))
    (other,) = board.store.rows()[0].steps

    assert again.changed == first.changed
    assert again.same == 2
    assert other.changed > first.changed


# The board's file


def test_a_board_survives_a_restart(lab: Lab, tmp_path: Path) -> None:
    store = BoardStore(tmp_path / "board.db")
    [(_, code), *_] = store.enrol(people(2))
    store.take("4000", msgspec.convert(told(standing(), help=True), Message))
    secret = store.secret
    store.close()

    store = BoardStore(tmp_path / "board.db")

    assert store.enrol(people(2)) == []
    assert store.learner(code) == "4000"
    assert store.secret == secret
    assert store.rows()[0].hand > 0
    assert store.rows()[0].steps[0].standing == "tried"
    store.close()


def test_who_leaves_the_roster_leaves_the_board(tmp_path: Path) -> None:
    store = BoardStore(tmp_path / "board.db")
    codes = {person.identifier: code for person, code in store.enrol(people(3))}

    new = store.enrol([*people(2), Person(identifier="9", name="Nine")])

    assert [person.identifier for person, _ in new] == ["9"]
    assert [row.identifier for row in store.rows()] == ["4000", "4001", "9"]
    assert store.learner(codes["4002"]) is None


def test_codes_and_answers_are_nowhere_in_the_file(tmp_path: Path) -> None:
    store = BoardStore(tmp_path / "board.db")
    codes = [code for _, code in store.enrol(people(3))]
    store.close()

    data = (tmp_path / "board.db").read_bytes()

    assert not any(code.encode() in data for code in codes)
    assert stat.S_IMODE((tmp_path / "board.db").stat().st_mode) == 0o600


def test_a_file_that_is_no_boards_is_told(tmp_path: Path) -> None:
    (tmp_path / "board.db").write_bytes(b"not a database, but long enough to be taken for one" * 100)

    with pytest.raises(EnvironmentFault, match="cannot be used as the board's file"):
        BoardStore(tmp_path / "board.db")


def test_two_boards_do_not_share_a_file(tmp_path: Path) -> None:
    with (
        classes._held(tmp_path / "board.db"),
        pytest.raises(EnvironmentFault, match="Another board uses"),
        classes._held(tmp_path / "board.db"),
    ):
        pass


def test_a_port_that_is_taken_is_told() -> None:
    with classes._listen("127.0.0.1", None) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(EnvironmentFault, match=f"Port {port} on 127.0.0.1 cannot be used"):
            classes._listen("127.0.0.1", port)


def test_join_codes_are_for_their_owners_eyes(tmp_path: Path) -> None:
    path = tmp_path / "codes.csv"

    classes._write_codes(path, [(people(1)[0], "abc")], "http://127.0.0.1:1")
    classes._write_codes(path, [(people(2)[1], "def")], "http://127.0.0.1:1")

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    rows = list(csv.DictReader(path.open()))
    assert [row["code"] for row in rows] == ["abc", "def"]
    assert rows[0]["command"] == "lab class join http://127.0.0.1:1 abc"


# A learner's part


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("REGISTRY_LAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv(client.URL, raising=False)
    monkeypatch.delenv(client.CODE, raising=False)
    return tmp_path / "cache"


def test_joining_is_kept_for_the_learner_alone_and_can_be_undone(cache: Path) -> None:
    assert not client.in_class()
    client.join("http://127.0.0.1:8890/", " code ")

    assert client.membership() == client.Membership("http://127.0.0.1:8890", "code")
    assert stat.S_IMODE((cache / "class.json").stat().st_mode) == 0o600
    assert client.leave()
    assert client.membership() is None
    assert not client.leave()


@pytest.mark.parametrize("url", ["ftp://a", "a", "http://", "file:///etc/passwd"])
def test_what_is_no_board_cannot_be_joined(cache: Path, url: str) -> None:
    with pytest.raises(UsageError, match="no address of a board"):
        client.join(url, "code")


def test_the_environment_counts_more(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    client.join("http://127.0.0.1:1", "stored")
    monkeypatch.setenv(client.URL, "http://127.0.0.1:2")
    assert client.membership() == client.Membership("http://127.0.0.1:2", "stored")
    monkeypatch.setenv(client.CODE, "named")
    assert client.membership() == client.Membership("http://127.0.0.1:2", "named")


def test_what_is_recorded_arrives_at_the_board(
    cache: Path, board: Served, lab: Lab, place: Workspace, tiny: TinyLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGISTRY_LAB_ROOT", str(tiny.root))
    client.join(board.url, board.codes["4001"])
    failed(lab, place)

    client.tell(lab, place)

    row = until(lambda: next((row for row in board.store.rows() if row.seen), None), "the board to hear")
    assert row.identifier == "4001"
    assert {step.step: step.standing for step in row.steps}["push"] == "tried"


def test_nothing_but_the_message_goes_over_the_wire(
    cache: Path, lab: Lab, place: Workspace, tiny: TinyLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGISTRY_LAB_ROOT", str(tiny.root))
    monkeypatch.setenv("DOCKERHUB_TOKEN", SECRET)
    (place.path / "steps/push.sh").write_text(f"docker login -p {SECRET}\n")
    failed(lab, place)
    seen: list[bytes] = []

    class Listener(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            seen.append(bytes(f"{self.path} {self.headers}", "utf-8") + body)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Listener) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        client.join(f"http://127.0.0.1:{server.server_port}", "the-code")
        assert sender.main(lab.name, str(place.path)) == 0
        server.shutdown()

    (whole,) = seen
    assert SECRET.encode() not in whole
    assert str(place.path).encode() not in whole
    body = json.loads(whole.partition(b"\n\n")[2])
    assert msgspec.convert(body, Message).lab == "90-tiny"


def test_a_board_that_is_not_there_costs_one_try_and_then_rest(
    cache: Path, lab: Lab, place: Workspace, tiny: TinyLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGISTRY_LAB_ROOT", str(tiny.root))
    client.join("http://127.0.0.1:9", "code")
    failed(lab, place)

    assert sender.main(lab.name, str(place.path)) == 1

    started: list[Any] = []
    monkeypatch.setattr(client.subprocess, "Popen", lambda *given, **_: started.append(given))
    client.tell(lab, place)
    assert started == []
    client.worked(place)
    client.tell(lab, place)
    assert len(started) == 1


def test_who_takes_no_part_starts_nothing(
    cache: Path, lab: Lab, place: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[Any] = []
    monkeypatch.setattr(client.subprocess, "Popen", lambda *given, **_: started.append(given))

    client.tell(lab, place)

    assert started == []


def test_a_redirect_does_not_get_the_code(cache: Path, lab: Lab, place: Workspace) -> None:
    asked: list[str] = []

    class Away(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(self.path)
            self.send_response(302)
            self.send_header("Location", "/elsewhere")
            self.end_headers()

        do_GET = do_POST  # noqa: N815

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Away) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        client.join(f"http://127.0.0.1:{server.server_port}", "code")
        assert not sender.post(b"{}")
        server.shutdown()

    assert asked == ["/v1/progress"]


def test_the_database_is_a_plain_one(tmp_path: Path) -> None:
    store = BoardStore(tmp_path / "board.db")
    store.enrol(people(1))
    store.close()

    with sqlite3.connect(tmp_path / "board.db") as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_the_command_serves_until_it_is_interrupted_and_again_with_the_same_key(
    tiny: TinyLab, tmp_path: Path
) -> None:
    lab = Command(tiny.root, tmp_path / "teacher")
    (lab.home / "class.csv").write_text("identifier,name\n1,Ada\n2,Alan\n")
    keys = []
    for _ in range(2):
        process = lab.spawn("class", "serve", "--roster", "class.csv")
        process.says("Ctrl-C ends the board.")
        keys.append(process.text.partition("/?key=")[2].split()[0])
        process.interrupt()
        done = process.wait()
        assert done.code == 0
        assert "Traceback" not in process.text
        assert "keeps what it knew" in process.text

    assert keys[0] == keys[1]
    codes = list(csv.DictReader((lab.home / "class-board-codes.csv").open()))
    assert [row["name"] for row in codes] == ["Ada", "Alan"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--roster", "nowhere.csv"), "nowhere.csv"),
        (("--roster", "class.csv", "--tls-cert", "class.csv"), "--tls-cert and --tls-key go together"),
    ],
)
def test_what_cannot_be_served_is_told(
    tiny: TinyLab, tmp_path: Path, arguments: tuple[str, ...], says: str
) -> None:
    lab = Command(tiny.root, tmp_path / "teacher")
    (lab.home / "class.csv").write_text("identifier,name\n1,Ada\n")

    done = lab("class", "serve", *arguments)

    assert done.code == 2
    assert says in done.err
