"""The value a word of a shell script may have when it runs: empty, public, unknown, or a secret."""

import re
from collections.abc import Callable, Iterable, Mapping
from enum import IntEnum

from checker.shell.shellcalls import Calls
from checker.shell.shellwords import FILE, OUTPUT, TEXT, Command, Piece, Word


class Level(IntEnum):
    """How secret a value may be. SECRET: it is one that is known, as it is or in another spelling. UNKNOWN: something
    that was made out of one, or came from elsewhere. PUBLIC: anybody may read it. EMPTY: there is nothing."""

    EMPTY = 0
    PUBLIC = 1
    UNKNOWN = 2
    SECRET = 3


PUT = re.compile(r"__EXPRESSION_\d+__")
"""What stands for a text that is put into a script before a shell reads it; quotes do not change it."""
Known = Callable[[str], Level | None]
"""What the surroundings give a variable; None for one that they do not have."""

ORDINARY = re.compile(
    r"(?:HOME|PATH|O?LDPWD|PWD|USER(?:NAME)?|LOGNAME|HOSTNAME|HOST|TMPDIR|WORKSPACE|RANDOM|SECONDS|LINENO|IFS|SHELL|LANG|"
    r"TERM|OSTYPE|PPID|E?UID|BASH\w*|EPOCH\w+|FUNCNAME|OPT(?:ARG|IND)|REPLY|DOCKER_(?:CONFIG|HOST|BUILDKIT)|[#?$!_0*-])"
)
"""Variables that every shell has."""
NAMED_SECRET = re.compile(
    r"(?:^|_)(?:pass(?:word|wd|phrase|code)?|pw|pwd|token|secret|credentials?|api_?key|private_?key|access_?key|"
    r"secret_?key|pat|bearer|auth)(?:_?\d+)?$",
    re.IGNORECASE,
)
"""How variables are called that hold a secret."""
REPEATERS = frozenset("echo printf cat base64 tr cut sed head tail rev xxd jq printenv tee od fold".split())
"""Programs that write what they are given, as it is or in another spelling."""
FILTERS = REPEATERS | frozenset("grep awk sort uniq wc xargs egrep fgrep sha256sum md5sum".split())
PUBLIC = frozenset(
    "date git basename dirname hostname whoami id seq mktemp uname pwd nproc ls wc expr stat find which command type "
    "realpath readlink curl trivy echo printf du df getconf arch tput".split()
)
"""Programs whose output is no secret, if they are given none."""
PUBLIC_OF_ENGINE = frozenset(
    "build buildx container image images info inspect manifest network port ps run volume version".split()
)
FROM_FILE = re.compile(r"-(?:K|n|-config|-netrc(?:-file|-optional)?|b|-cookie)$|-(?:d|-data\S*|H|-header)$|@")


def known(values: Mapping[str, str], secrets: Iterable[str]) -> Known:
    """Return what the values of a lab are; secrets: names of those that are secret."""
    hidden = frozenset(secrets)

    def level(name: str) -> Level | None:
        if name in hidden:
            return Level.SECRET
        if name in values:
            return Level.PUBLIC if values[name] else Level.EMPTY
        return None

    return level


class Values:
    """The variables of a script, with all values that any line of it gives them."""

    def __init__(self, calls: Calls, known: Known) -> None:
        self._calls, self._known = calls, known
        self._open: set[tuple[str, str]] = set()

    def level(self, word: Word, place: str) -> Level:
        """Return the most secret that a word may be. place: see `Call.place`."""
        if word.items is not None:
            return max((self.level(item, place) for item in word.items), default=Level.EMPTY)
        return max((self._piece(piece, place) for piece in word.pieces), default=Level.EMPTY)

    def _piece(self, piece: Piece, place: str) -> Level:
        if piece.kind == TEXT:
            put = (self._known(name) or Level.PUBLIC for name in PUT.findall(piece.text))
            return max(put, default=Level.PUBLIC) if piece.text else Level.EMPTY
        if piece.kind == FILE:
            return Level.PUBLIC
        if piece.kind == OUTPUT:
            return self._output(piece, place)
        other = max((self._piece(each, place) for each in piece.other), default=Level.EMPTY)
        return max(other, self._variable(piece.text, place))

    def _variable(self, name: str, place: str) -> Level:
        if not name:
            return Level.UNKNOWN
        given = (name.isdigit() and name != "0") or name in ("@", "*")
        key = (place, "@" if name == "*" else name) if given else ("", name)
        if key in self._open:
            return Level.EMPTY
        self._open.add(key)
        try:
            found = [
                Level.UNKNOWN if value is None else self.level(value, of)
                for value, of in self._calls.values.get(key, [])
            ]
        finally:
            self._open.discard(key)
        if given:
            return max(found, default=Level.UNKNOWN if place else Level.EMPTY)
        surroundings = self._known(name)
        if surroundings is not None:
            found.append(surroundings)
        elif not found:
            found.append(Level.PUBLIC if ORDINARY.fullmatch(name) else Level.UNKNOWN)
        return max(found)

    def _output(self, piece: Piece, place: str) -> Level:
        """Return what commands write."""
        names = [command.words[0].text or "" for command in piece.commands]
        most = max((self._command(command, place) for command in piece.commands), default=Level.UNKNOWN)
        if names and all(name in REPEATERS for name in names):
            if most is Level.SECRET or self._reads_surroundings(piece.text):
                return Level.SECRET
            if all(name in ("echo", "printf") for name in names[:1]):
                return most
            return (
                Level.PUBLIC if "jq" in names[:1] and "env" not in piece.text and most < 2 else Level.UNKNOWN
            )
        if most >= Level.UNKNOWN or self._reads_surroundings(piece.text):
            return Level.UNKNOWN
        first, *rest = piece.commands or (None,)
        if (
            first is not None
            and self._public(first)
            and all(_name(each) in FILTERS | PUBLIC for each in rest if each)
        ):
            return Level.PUBLIC
        return Level.UNKNOWN

    def _command(self, command: Command, place: str) -> Level:
        words = (*command.words, *((command.given,) if command.given else ()))
        before = (entry.value for entry in command.before if entry.value)
        return max((self.level(word, place) for word in (*words, *before)), default=Level.EMPTY)

    def _reads_surroundings(self, text: str) -> bool:
        """Return whether a program is told to read a secret variable by its name, as jq's `env.PASSWORD`
        does."""
        names = re.findall(r"(?:env\.|ENV\.|environ\W+|getenv\W+|printenv\s+)([A-Za-z_]\w*)", text)
        return any(self._variable(name, "") is Level.SECRET for name in names)

    def _public(self, command: Command) -> bool:
        name, arguments = _name(command), [word.text or "" for word in command.words[1:]]
        if name in ("docker", "podman", "nerdctl"):
            first = next((each for each in arguments if not each.startswith("-")), "")
            return first in PUBLIC_OF_ENGINE
        if name == "curl":
            return not any(FROM_FILE.match(each) for each in arguments if "content-type" not in each.lower())
        return name in PUBLIC


def _name(command: Command) -> str:
    return (command.words[0].text or "").rpartition("/")[2]
