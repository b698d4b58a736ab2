"""Processes of answers that really got a secret as an argument.

Seen while an answer runs (`checker.judge.tracing`), where the machine allows it. Kept without the secrets themselves,
and never in a report.
"""

import hashlib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

import msgspec

from checker.base.files import replace_file
from checker.secrets import literals
from checker.secrets.secretscan import spellings
from checker.shell.handed import ENGINES, MAKERS

RAN = "ran.json"
"""In a practice's private folder: which answers gave a secret away when they last ran, without the secret."""
SHORTEST = 6
"""Characters of a secret that is looked for."""
LONGEST_SHOWN = 100
TOKEN = "an access token"


class Given(msgspec.Struct, frozen=True):
    """A process that had a secret among its arguments. what: which one, as "$PASSWORD". build: whether it is a setting
    for an image or a container, which are looked at for themselves."""

    program: str
    shown: str
    what: str
    build: bool = False


class _Kept(msgspec.Struct, frozen=True):
    """What one run of an answer gave away. text: a digest of the answer as it was then."""

    text: str
    given: tuple[Given, ...]


class Ran:
    """The answers of one run of a lab. values: all of the lab's; secrets: the names of the secret ones."""

    def __init__(self, values: Mapping[str, str], secrets: Iterable[str]) -> None:
        self.values = dict(values)
        self.secrets = {name: values[name] for name in secrets if len(values.get(name, "")) >= SHORTEST}
        self._kept: dict[str, _Kept] = {}
        self._earlier: frozenset[str] = frozenset()
        """Steps whose answers an earlier command ran, so that they may be others now."""

    def add(self, step: str, text: str, commands: Iterable[tuple[str, ...]] | None) -> None:
        """Take in what an answer ran. commands: the arguments of each process; None if nobody could look."""
        self._kept.pop(step, None)
        self._earlier -= {step}
        if commands is not None:
            given = dict.fromkeys(found for words in commands if (found := given_to(words, self.secrets)))
            self._kept[step] = _Kept(_digest(text), tuple(given))

    def commands(self, step: str, text: str) -> tuple[Given, ...] | None:
        """Return what a step's answer gave away when it last ran; None where nobody looked, or where
        somebody wrote another
        answer since. In a replay nobody does that but answers themselves, and what ran stays true."""
        kept = self._kept.get(step)
        if kept is None or (step in self._earlier and kept.text != _digest(text)):
            return None
        return kept.given

    def load(self, path: Path) -> None:
        """Read what an earlier command has kept."""
        with suppress(OSError, msgspec.DecodeError):
            self._kept = msgspec.json.decode(path.read_bytes(), type=dict[str, _Kept])
            self._earlier = frozenset(self._kept)

    def save(self, path: Path) -> None:
        """Keep it for later commands. A file that cannot be written is done without."""
        with suppress(OSError):
            replace_file(path, msgspec.json.encode(self._kept), durable=False)


def given_to(words: tuple[str, ...], secrets: Mapping[str, str]) -> Given | None:
    """Return which secret a process has among its arguments, if any: as it is, in base64, or a token by its
    form."""
    shown, what = list(words), ""
    for name, secret in secrets.items():
        for spelling in spellings(secret):
            text = spelling.decode()
            if any(text in word for word in words[1:]):
                what = what or f"${name}"
                shown = [word.replace(text, f"${name}") for word in shown]
    if not what and any(literals.TOKEN.search(word) for word in words[1:]):
        what = TOKEN
    if not what:
        return None
    program = words[0].rpartition("/")[2]
    builds = program.partition("-")[0] in ENGINES and bool(MAKERS & set(words[1:6]))
    line = " ".join(literals.TOKEN.sub("...", " ".join(shown)).split())
    cut = line if len(line) <= LONGEST_SHOWN else f"{line[: LONGEST_SHOWN - 3]}..."
    return Given(program, cut, what, builds)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()
