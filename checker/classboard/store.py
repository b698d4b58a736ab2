"""The board's data, in one SQLite file, so that it survives a restart."""

import hashlib
import secrets
import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from checker.base.errors import EnvironmentFault, UsageError
from checker.base.results import Person
from checker.classboard.protocol import Message

SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS learners (
  identifier TEXT PRIMARY KEY, name TEXT NOT NULL, code TEXT UNIQUE NOT NULL, place INTEGER NOT NULL,
  seen REAL NOT NULL DEFAULT 0, hand REAL NOT NULL DEFAULT 0, answered REAL NOT NULL DEFAULT 0,
  lab TEXT NOT NULL DEFAULT '');
CREATE TABLE IF NOT EXISTS steps (
  identifier TEXT NOT NULL, lab TEXT NOT NULL, step TEXT NOT NULL, standing TEXT NOT NULL, finding TEXT NOT NULL,
  hints INTEGER NOT NULL, same INTEGER NOT NULL, changed REAL NOT NULL, PRIMARY KEY (identifier, lab, step));
"""
SECRET = "secret"


class BoardStep(msgspec.Struct, frozen=True):
    """How a learner stands in a step. changed: Unix time of the last change of standing or finding."""

    lab: str
    step: str
    standing: str
    finding: str
    hints: int
    same: int
    changed: float


class BoardRow(msgspec.Struct, frozen=True):
    """One learner as the board shows it. Unix times, 0 for never. hand: since when it is up. lab: the latest."""

    identifier: str
    name: str
    seen: float
    hand: float
    lab: str
    steps: tuple[BoardStep, ...]


class BoardStore:
    """Raises EnvironmentFault for a file that is no board's or cannot be used."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o600, exist_ok=True)
            self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=5)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=NORMAL")
            self._db.executescript(SCHEMA)
            self._db.execute("INSERT OR IGNORE INTO meta VALUES (?, ?)", (SECRET, secrets.token_urlsafe(24)))
        except (sqlite3.Error, OSError) as error:
            raise EnvironmentFault(
                f"{path} cannot be used as the board's file: {error}.",
                "Name another file with --db, or move this one away; the board then begins empty.",
            ) from error

    def close(self) -> None:
        self._db.close()

    @property
    def secret(self) -> str:
        """What opens the board; the same after a restart."""
        return str(self._db.execute("SELECT value FROM meta WHERE name = ?", (SECRET,)).fetchone()[0])

    def enrol(self, people: Sequence[Person], *, anew: bool = False) -> list[tuple[Person, str]]:
        """Make the class what the roster says; returns the join codes that are new. Only hashes of them are kept.

        anew: give everybody a new code. Who is not on the roster any more is taken off the board.
        """
        if not people:
            raise UsageError("The roster has nobody in it.", "Give a roster with at least one person.")
        made: list[tuple[Person, str]] = []
        with self._db:
            self._db.execute("BEGIN")
            known = {row[0] for row in self._db.execute("SELECT identifier FROM learners")}
            for gone in known - {person.identifier for person in people}:
                self._db.execute("DELETE FROM learners WHERE identifier = ?", (gone,))
                self._db.execute("DELETE FROM steps WHERE identifier = ?", (gone,))
            for place, person in enumerate(people):
                name = person.name or person.identifier
                if person.identifier in known and not anew:
                    self._db.execute(
                        "UPDATE learners SET name = ?, place = ? WHERE identifier = ?",
                        (name, place, person.identifier),
                    )
                    continue
                code = secrets.token_urlsafe(12)
                made.append((person, code))
                self._db.execute(
                    "INSERT INTO learners (identifier, name, code, place) VALUES (?, ?, ?, ?) "
                    "ON CONFLICT (identifier) DO UPDATE SET name = excluded.name, code = excluded.code, "
                    "place = excluded.place",
                    (person.identifier, name, _hash(code), place),
                )
            self._db.execute("COMMIT")
        return made

    def learner(self, code: str) -> str | None:
        """Return whose join code it is; None for nobody's."""
        found = self._db.execute("SELECT identifier FROM learners WHERE code = ?", (_hash(code),)).fetchone()
        return str(found[0]) if found else None

    def take(self, identifier: str, told: Message) -> bool:
        """Keep what a learner sent; whether anything in it is new to the board."""
        now = time.time()
        before = {step.step: step for step in self._steps(identifier, told.lab)}
        hand, answered = self._db.execute(
            "SELECT hand, answered FROM learners WHERE identifier = ?", (identifier,)
        ).fetchone()
        raised = (hand or now) if told.help else 0.0
        if not told.help:
            answered = 0.0
        rows = []
        changed: bool = raised != hand
        for state in told.steps:
            old = before.get(state.step)
            same = old is not None and (old.standing, old.finding) == (state.standing, state.finding)
            rows.append(
                (
                    identifier,
                    told.lab,
                    state.step,
                    state.standing,
                    state.finding,
                    state.hints,
                    state.same,
                    old.changed if old is not None and same else now,
                )
            )
            changed = changed or not same or old is None or (old.hints, old.same) != (state.hints, state.same)
        self._db.execute("BEGIN")
        self._db.executemany("INSERT OR REPLACE INTO steps VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
        self._db.execute(
            "UPDATE learners SET seen = ?, hand = ?, answered = ?, lab = ? WHERE identifier = ?",
            (now, raised, answered, told.lab, identifier),
        )
        self._db.execute("COMMIT")
        return changed

    def answer(self, identifier: str) -> bool:
        """Take a raised hand down on the board, until the learner raises it again; whether there was one."""
        done = self._db.execute(
            "UPDATE learners SET answered = hand WHERE identifier = ? AND hand > 0 AND answered != hand",
            (identifier,),
        )
        return done.rowcount > 0

    def row(self, identifier: str) -> BoardRow | None:
        return next(iter(self.rows(identifier)), None)

    def rows(self, identifier: str | None = None) -> list[BoardRow]:
        """Return all learners in the roster's order, or one."""
        where, values = ("WHERE identifier = ?", (identifier,)) if identifier is not None else ("", ())
        found = self._db.execute(
            f"SELECT identifier, name, seen, hand, answered, lab FROM learners {where} ORDER BY place",  # noqa: S608
            values,
        ).fetchall()
        return [
            BoardRow(who, name, seen, hand if hand != answered else 0.0, lab, tuple(self._steps(who)))
            for who, name, seen, hand, answered, lab in found
        ]

    def _steps(self, identifier: str, lab: str | None = None) -> list[BoardStep]:
        where, values = (" AND lab = ?", (identifier, lab)) if lab is not None else ("", (identifier,))
        rows = self._db.execute(
            "SELECT lab, step, standing, finding, hints, same, changed FROM steps "  # noqa: S608
            f"WHERE identifier = ?{where}",
            values,
        )
        return [BoardStep(*row) for row in rows]


def _hash(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()
