"""Programs that start another program: `env`, `timeout`, `sudo`, `xargs` and the like, and where its command begins."""

import posixpath
import re
from collections.abc import Iterator, Mapping

import msgspec

from checker.shell.shellwords import TEXT, VARIABLE, Piece, Word, plain

STREAM = Piece(VARIABLE, "")
"""What a program like xargs puts there: nothing is known of it."""


class Wrapper(msgspec.Struct, frozen=True):
    """A program that runs the command behind its own arguments. valued: its options with a value of their own.
    skipped: how many words of its own it has before the command. assigns: whether NAME=VALUE may stand there."""

    valued: str = ""
    skipped: int = 0
    assigns: bool = False


WRAPPERS: Mapping[str, Wrapper] = {
    "builtin": Wrapper(),
    "chroot": Wrapper(skipped=1),
    "chrt": Wrapper(skipped=1),
    "command": Wrapper(),
    "coproc": Wrapper(),
    "doas": Wrapper("-u -C"),
    "env": Wrapper("-u --unset -C --chdir", assigns=True),
    "exec": Wrapper("-a"),
    "flock": Wrapper("-w --timeout --wait -E --conflict-exit-code", skipped=1),
    "ionice": Wrapper("-c --class -n --classdata"),
    "nice": Wrapper("-n --adjustment"),
    "nohup": Wrapper(),
    "setsid": Wrapper(),
    "stdbuf": Wrapper("-i --input -o --output -e --error"),
    "strace": Wrapper("-o --output -e --trace"),
    "sudo": Wrapper("-u --user -g --group -h --host -p --prompt -C -D --chdir -R -T -U", assigns=True),
    "taskset": Wrapper(skipped=1),
    "time": Wrapper("-f --format -o --output"),
    "timeout": Wrapper("-k --kill-after -s --signal", skipped=1),
    "unbuffer": Wrapper(),
    "xargs": Wrapper("-I -i -n -P -L -d -s -a -E --max-args --max-procs --max-lines --delimiter --replace --arg-file"),
}  # fmt: skip


def unwrapped(words: tuple[Word, ...]) -> tuple[tuple[Word, ...], bool]:
    """Return the command behind all wrappers, and whether one of them starts it as a process."""
    wrapped = False
    while words:
        name = words[0].text
        program = posixpath.basename(name) if name else ""
        wrapper = WRAPPERS.get(program)
        if wrapper is None:
            break
        words = _own(words[1:], wrapper)
        wrapped = wrapped or program not in ("builtin", "coproc", "time")
        if program == "xargs":
            words = (*words, Word("", (STREAM,))) if words else ()
    return words, wrapped


def _own(words: tuple[Word, ...], wrapper: Wrapper) -> tuple[Word, ...]:
    rest, valued = list(words), wrapper.valued.split()
    while rest and rest[0].begin.startswith("-"):
        option = rest.pop(0)
        if option.text == "--":
            break
        if option.text in ("-S", "--split-string") and wrapper.assigns and rest:  # of env: a whole command
            return (*split(rest[0]), *rest[1:])
        if option.text in valued and rest:
            rest.pop(0)
    if wrapper.assigns:
        while rest and re.match(r"[A-Za-z_]\w*=", rest[0].begin):
            rest.pop(0)
    return tuple(rest[wrapper.skipped :])


def behind(program: str, words: tuple[Word, ...]) -> Iterator[tuple[Word, ...]]:
    """Yield the commands that a program runs which has arguments of its own as well."""
    texts = [word.text for word in words]
    if program == "find":
        for mark in ("-exec", "-execdir", "-ok"):
            if mark in texts:
                rest = words[texts.index(mark) + 1 :]
                end = next((n for n, word in enumerate(rest) if word.text in (";", "+")), len(rest))
                yield tuple(Word("{}", (STREAM,)) if word.text == "{}" else word for word in rest[:end])
    elif program in ("script", "su", "watch") and "-c" in texts[:-1]:
        yield (plain("sh"), plain("-c"), words[texts.index("-c") + 1])


def split(word: Word) -> tuple[Word, ...]:
    """Return the words that bash makes of one without quotes."""
    if word.items is not None:
        return word.items
    found: list[list[Piece]] = [[]]
    for piece in word.pieces:
        if piece.kind != TEXT:
            found[-1].append(piece)
            continue
        for number, part in enumerate(re.split(r"\s+", piece.text)):
            if number:
                found.append([])
            if part:
                found[-1].append(msgspec.structs.replace(piece, text=part))
    return tuple(Word(word.raw, tuple(pieces)) for pieces in found if pieces)
