"""Find secrets that a shell script hands to a program as an argument, where anybody who lists processes can read
them.

    >>> [each.option for each in handed("docker --config x login -u ada -p \\"$P\\" host")]
    ['-p']

Comments, text that is only printed, and what is written into a file are no commands. A value counts by what it can be
when the script runs: see `checker.shell.shellvalues`.
"""

import re
from collections.abc import Iterator, Sequence

import msgspec

from checker.shell import shellcalls
from checker.shell.shellcalls import Helper, ProgramCall
from checker.shell.shellvalues import NAMED_SECRET, Known, Level, Values
from checker.shell.shellwords import TEXT, VARIABLE, Word

PASSWORD, PAIR, ASSIGNED, HEADER, ANY = "password", "name and password", "assigned", "header", "any"
INPUT = "input"
"""What stands there: a password; NAME:PASSWORD; NAME=VALUE; a header's value; any argument; no argument at all, but a
password on standard input."""


class Handed(msgspec.Struct, frozen=True):
    """One argument that gives something away. program, option: as in the script. shown: the beginning of the command.
    literal: the password itself, where it is written down. build: whether it is a setting for an image or a container,
    which are looked at for themselves. file: the helper script it is in, if it is in one."""

    program: str
    option: str
    shown: str
    line: int
    level: Level
    literal: str = ""
    build: bool = False
    file: str = ""


class Spot(msgspec.Struct, frozen=True):
    """An argument of which a program's manual says what it is."""

    kind: str
    option: str
    word: Word
    build: bool = False


def nothing_known(_name: str) -> Level | None:
    return None


def no_helper(_path: str) -> str | None:
    return None


def handed(text: str, known: Known = nothing_known, helper: Helper = no_helper) -> list[Handed]:
    """Return all that a script hands over, in the order of its lines, each once. Literal values of options
    are among them: who asks decides by `literal` whether they count."""
    calls = shellcalls.calls(text, helper)
    values = Values(calls, known)
    found: dict[tuple[int, str, str], Handed] = {}
    for call in calls.found:
        for spot in spots(call):
            each = _judged(call, spot, values)
            if each is not None:
                found.setdefault((each.line, each.file, each.option), each)
    return sorted(found.values(), key=lambda each: each.line)


def _judged(call: ProgramCall, spot: Spot, values: Values) -> Handed | None:
    level = values.level(spot.word, call.place)
    text = spot.word.text
    literal = text or "" if level is Level.PUBLIC else ""
    least = {PASSWORD: Level.PUBLIC, ANY: Level.SECRET}.get(spot.kind, Level.UNKNOWN)
    if spot.kind == ASSIGNED and not _named_secret(spot.option):
        least = Level.SECRET
    if (level < least or spot.kind == INPUT) and not (literal and spot.kind in (PAIR, HEADER, INPUT)):
        return None
    shown = " ".join(call.raw.replace("\\\n", " ").split())
    return Handed(
        program=call.program,
        option=spot.option,
        shown=shown if len(shown) < 60 else f"{shown[:57]}...",
        line=call.line,
        level=level,
        literal=literal,
        build=spot.build,
        file=call.file,
    )


# ---------------------------------------------------------------------------------------- which argument is what
STDIN = "--password-stdin"
LOGIN_OPTIONS = frozenset({"-p", "--password"})
"""What stands behind them is a password, even one that the script itself holds."""
LONG_PASSWORDS = frozenset(
    "--password --passwd --pass --http-password --ftp-password --proxy-password --docker-password --oauth2-bearer "
    "--passphrase --storepass --registry-token --src-registry-token --dest-registry-token --src-password "
    "--dest-password --registration-token --access-token --auth-token --token --api-key --identity-token".split()
)
"""Options with a password, whatever program they are of."""
LONG_PAIRS = frozenset("--creds --src-creds --dest-creds --screds --dcreds --proxy-user --auth".split())
SHORT_PASSWORDS = {
    "7z": "-p", "ldapsearch": "-w", "mariadb": "-p", "mysql": "-p", "mysqldump": "-p", "sshpass": "-p", "unzip": "-P",
    "zip": "-P",
}  # fmt: skip
ENGINES = frozenset("docker podman nerdctl buildah docker-compose".split())
MAKERS = frozenset("build run create exec bud up".split())
CURL_VALUED = "AbcCdDeEFhHKmoPQrTtuUwxXyYzC"
HEADER_START = re.compile(
    r"(?:[\w.-]+=)?(?:(?:proxy-)?authorization|cookie|private-token|job-token|[\w-]*(?:token|auth|api-?key|secret|password))"
    r"\s*:\s*(?:(?:basic|bearer|token)\s+)?",
    re.IGNORECASE,
)
WITH_USER = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


def spots(call: ProgramCall) -> Iterator[Spot]:
    """Yield the arguments of a call that are secrets if they hold anything."""
    words = call.words
    if not call.external:
        return
    if call.given is not None and any(word.text == STDIN for word in words):
        yield Spot(INPUT, STDIN, call.given)
    taken: set[int] = set()
    for number, spot in _by_option(call.program, words):
        taken.add(number)
        yield spot
    for number, word in enumerate(words):
        if header := HEADER_START.match(word.begin):
            yield Spot(HEADER, header[0].partition(":")[0].strip(), word.after(header.end()))
        elif inside := _in_address(word):
            yield inside
        elif number not in taken:
            yield Spot(ANY, _name_of(word), word)


def _by_option(program: str, words: Sequence[Word]) -> Iterator[tuple[int, Spot]]:
    """Spots with the places of their words. An option's value is behind `=`, in the next word or, of a short one, in
    what follows its letter."""
    login = _logs_in(words)
    builds = program in ENGINES and any(word.text in MAKERS for word in words[:4])
    for number, word in enumerate(words):
        begin = word.begin
        name, equals, _ = begin.partition("=")
        following = words[number + 1] if number + 1 < len(words) else None
        if begin.startswith("--"):
            kind = _long(program, name)
            if kind and equals:
                yield number, _spot(kind, name, word.after(len(name) + 1))
            elif kind and following is not None and word.text is not None:
                yield number + 1, _spot(kind, name, following)
        elif begin.startswith("-") and len(begin) > 1 and not begin[1].isdigit():
            yield from _short(program, number, word, following, login=login, builds=builds)
        if program == "openssl" and begin.startswith("pass:"):
            yield number, Spot(PASSWORD, "pass:", word.after(5))
    yield from _positional(program, words)


def _long(program: str, name: str) -> str:
    if name in LONG_PASSWORDS:
        return PASSWORD
    if name in LONG_PAIRS or (name == "--user" and program == "curl"):
        return PAIR
    if name in ("--build-arg", "--env") and program in ENGINES:
        return ASSIGNED
    return ASSIGNED if name == "--from-literal" else ""


def _short(
    program: str, number: int, word: Word, following: Word | None, *, login: bool, builds: bool
) -> Iterator[tuple[int, Spot]]:
    begin = word.begin
    if login and begin.startswith("-p"):
        yield from _value(PASSWORD, "-p", number, word, following)
    elif (
        (option := SHORT_PASSWORDS.get(program))
        and begin.startswith(option)
        and (word.pieces[1:] or begin != option)
    ):
        yield from _value(PASSWORD, option, number, word, following)
    elif program == "sshpass" and begin == "-p":
        yield from _value(PASSWORD, "-p", number, word, following)
    elif program == "curl":
        letters = begin[1:]
        for place, letter in enumerate(letters):
            if letter in "uU":
                yield from _value(PAIR, f"-{letter}", number, word, following, place + 2)
            if letter in CURL_VALUED:
                return
    elif program in ("http", "https", "xh", "xhs") and begin.startswith("-a"):
        yield from _value(PAIR, "-a", number, word, following)
    elif builds and begin.startswith("-e"):
        yield from _value(ASSIGNED, "-e", number, word, following)


def _value(
    kind: str, option: str, number: int, word: Word, following: Word | None, length: int = 2
) -> Iterator[tuple[int, Spot]]:
    """Yield a short option's value: the rest of the word, or else the next one."""
    rest = word.after(length)
    if any(piece.kind != TEXT or piece.text for piece in rest.pieces):
        if rest.begin.startswith("="):
            rest = rest.after(1)
        yield number, _spot(kind, option, rest)
    elif following is not None:
        yield number + 1, _spot(kind, option, following)


def _spot(kind: str, option: str, word: Word) -> Spot:
    if kind == PAIR:
        return Spot(PAIR, option, _behind_colon(word))
    if kind == ASSIGNED:
        name, equals, _ = word.begin.partition("=")
        value = word.after(len(name) + 1) if equals else Word("", ())
        return Spot(ASSIGNED, f"{option} {name}", value, build=option != "--from-literal")
    return Spot(kind, option, word)


def _positional(program: str, words: Sequence[Word]) -> Iterator[tuple[int, Spot]]:
    """Passwords that have no option of their own."""
    flags = "".join(word.text[1:] for word in words if word.text and re.fullmatch(r"-[A-Za-z]+", word.text))
    if program == "htpasswd" and "b" in flags and words:
        yield len(words) - 1, Spot(PASSWORD, "-b", words[-1])
    if program == "openssl" and len(words) > 1 and words[0].text == "passwd" and "stdin" not in flags:
        last = words[-1]
        if not last.begin.startswith("-") and words[-2].text not in ("-salt", "-in"):
            yield len(words) - 1, Spot(PASSWORD, "passwd", last)


def _logs_in(words: Sequence[Word]) -> bool:
    """Return whether it is a `login`, which may stand behind global options and a word such as `registry` or
    `auth`."""
    before = 0
    for number, word in enumerate(words):
        if word.text == "login":
            return before <= 2
        if not word.begin.startswith("-"):
            # What stands behind an option without = may be the option's value.
            option = number and words[number - 1].begin.startswith("-") and "=" not in words[number - 1].begin
            if not option and word.text not in ("registry", "auth", "acr", "remote"):
                return False
            before += not option
    return False


def _behind_colon(word: Word) -> Word:
    """Return the password in NAME:PASSWORD. Without a colon that can be seen, a variable may hold both."""
    seen = ""
    for number, piece in enumerate(word.pieces):
        if piece.kind == TEXT and ":" in piece.text:
            rest = msgspec.structs.replace(piece, text=piece.text.partition(":")[2])
            return Word(word.raw, (rest, *word.pieces[number + 1 :]))
        seen += piece.text if piece.kind == TEXT else ""
    return Word(word.raw, ()) if word.text is not None else word


def _in_address(word: Word) -> Spot | None:
    """Return what stands between the colon and the @ of an address such as https://name:password@host."""
    start = WITH_USER.match(word.begin) if "://" in word.begin else None
    if not start:
        return None
    rest, inside, colon = word.after(start.end()), [], False
    for piece in rest.pieces:
        if piece.kind != TEXT:
            inside.append(piece)
            continue
        part, ended = re.split(r"[@/?#]", piece.text, maxsplit=1)[0], re.search(r"[@/?#]", piece.text)
        if not colon and ":" in part:
            colon, inside = True, []
            part = part.partition(":")[2]
        inside.append(msgspec.structs.replace(piece, text=part))
        if ended:
            if ended[0] != "@":
                return None
            named = any(each.kind == VARIABLE and NAMED_SECRET.search(each.text) for each in inside)
            return Spot(PAIR if colon or named else ANY, "the address", Word(word.raw, tuple(inside)))
    return None


def _named_secret(option: str) -> bool:
    return bool(NAMED_SECRET.search(option.rpartition(" ")[2]))


def _name_of(word: Word) -> str:
    raw = word.raw
    return raw if len(raw) < 40 else f"{raw[:37]}..."
