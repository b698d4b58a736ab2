"""Which programs a shell script starts, with which arguments: behind `env`, `timeout` and the like, through functions
and variables, in `bash -c '...'`, in texts that a shell gets on its standard input and in scripts that it calls.

    >>> [call.program for call in calls("timeout 9 env A=1 /usr/bin/docker login", lambda path: None).found]
    ['docker']
"""

import posixpath
import re
from collections.abc import Callable, Iterator

import msgspec

from checker.shell import shell
from checker.shell.shellwords import OUTPUT, TEXT, VARIABLE, Command, Piece, Word
from checker.shell.shellwrappers import behind, split, unwrapped

Helper = Callable[[str], str | None]
"""The text of a file beside the script, by its path; None if there is none."""

SHELLS = frozenset({"bash", "sh", "dash", "ash", "ksh", "zsh", "busybox"})
MOST = 4000
"""Commands of one script that are looked at, with those of scripts that it calls."""
DEEPEST = 8
"""Scripts in scripts that are read."""
PASSED = 4
"""A function that runs its arguments, such as `retry 3 docker login`, may keep some of them for itself."""
VARIANTS = 8
"""Ways to read one command whose words are variables that are set in several places."""


class ProgramCall(msgspec.Struct, frozen=True):
    """One program with its arguments. program: its name without a folder. place: where its words have their values
    (see `Calls.values`). external: whether it is a process of its own, and no command of the shell. line: of the script
    that calls it, or calls the script where it stands. file: the script it stands in, empty for the first. given: what
    it reads, where the script itself writes that."""

    program: str
    words: tuple[Word, ...]
    place: str
    line: int
    raw: str
    external: bool
    file: str = ""
    given: Word | None = None


class Calls:
    """All there is. found: the calls. values: (place or "", variable) -> what it may be, with the place of that."""

    def __init__(self, helper: Helper) -> None:
        self.found: list[ProgramCall] = []
        self.values: dict[tuple[str, str], list[tuple[Word | None, str]]] = {}
        self.functions: set[str] = set()
        self._helper = helper
        self._read: set[str] = set()
        self._passing: set[str] = set()
        self._texts = 0

    def add(
        self, text: str, place: str = "", line: int | None = None, file: str = "", depth: int = 0
    ) -> None:
        """Take a script in. place: of what is in no function of it. line: where it is called, if it is."""
        script = shell.read(text)
        self.functions |= script.functions
        for entry in script.assignments:
            self._set("", entry.name, entry.value, entry.function or place)
        for command in script.commands:
            if len(self.found) > MOST:
                return
            inside = command.function or place
            for words in self._variants(command.words, inside):
                self._call(command, words, inside, line or command.line, file, depth)

    def resolved(self, name: str) -> Word | None:
        """Return the one value that a variable has; None if there are none or several."""
        known = self.values.get(("", name), [])
        return known[0][0] if len(known) == 1 else None

    def _set(self, place: str, name: str, value: Word | None, of: str) -> None:
        self.values.setdefault((place, name), []).append((value, of))

    def _variants(self, words: tuple[Word, ...], place: str) -> list[tuple[Word, ...]]:
        """Return the command with variables that stand for whole words written out."""
        found: list[tuple[Word, ...]] = [()]
        for number, word in enumerate(words):
            choices = list(self._written_out(word, place, first=not number))[:VARIANTS]
            found = [(*head, *choice) for head in found for choice in choices][:VARIANTS]
        return found

    def _written_out(self, word: Word, place: str, *, first: bool) -> Iterator[tuple[Word, ...]]:
        kinds = [piece for piece in word.pieces if piece.kind != TEXT or piece.text]
        piece = kinds[0] if len(kinds) == 1 else None
        if piece is None or piece.kind != VARIABLE or piece.other:
            yield (word,)
            return
        known = [value for value, _ in self.values.get(("", piece.text), []) if value is not None]
        lists = [value.items for value in known if value.items is not None]
        if lists:
            yield tuple(item for items in lists for item in items)
        elif piece.quoted and not first:
            yield (word,)
        elif splits := [parts for value in known if len(parts := split(value)) > 1 or (first and parts)]:
            yield from splits
        else:
            yield (word,)

    def _call(
        self, command: Command, words: tuple[Word, ...], place: str, line: int, file: str, depth: int
    ) -> None:
        for name, value in self._arguments_read(command):
            self._set("", name, value, place)
        rest, wrapped = unwrapped(words)
        if not rest or depth > DEEPEST:
            return
        if [piece.text for piece in rest[0].pieces] in (["@"], ["*"]):
            self._passing.add(place)
        if rest[0].text is None:  # a variable that nobody knows: a script, or any program
            self._script(_tail(rest[0]), rest[1:], place, line, depth)
        name = rest[0].text or "?"
        program = posixpath.basename(name)
        if program == "eval" or (program == "trap" and len(rest) > 1):
            text = " ".join(_source(word) for word in (rest[1:] if program == "eval" else rest[1:2]))
            self._text(text, (), place, line, file, depth)
        elif name in self.functions and not wrapped:
            self._bind(name, rest[1:], place)
            for begin in range(1, PASSED) if name in self._passing else ():
                self._call(command, rest[begin:], place, line, file, depth + 1)
        elif program == "set" and (marks := [n for n, word in enumerate(rest) if word.text == "--"]):
            self._bind(place, rest[marks[0] + 1 :], place)
        elif program in (".", "source") and len(rest) > 1:
            self._script(_tail(rest[1]), rest[2:], place, line, depth, same=True)
        elif program in SHELLS:
            self._shell(command, rest, place, line, file, depth)
        elif "/" in name:
            self._script(name, rest[1:], place, line, depth)
        external = wrapped or "/" in name or (program not in BUILTINS and name not in self.functions)
        raw = command.raw
        self.found.append(ProgramCall(program, rest[1:], place, line, raw, external, file, _given(command)))
        for inner in behind(program, rest):
            self._call(msgspec.structs.replace(command, words=inner, given=None, piped=None), inner, place, line,
                       file, depth)  # fmt: skip

    def _arguments_read(self, command: Command) -> Iterator[tuple[str, Word | None]]:
        """Yield what `read` takes from the command in front of it."""
        if command.words and command.words[0].text == "read" and command.piped:
            for word in command.words[1:]:
                if word.text and word.text.isidentifier():
                    yield word.text, Word("", (Piece(OUTPUT, command.piped.raw, commands=(command.piped,)),))

    def _shell(
        self, command: Command, words: tuple[Word, ...], place: str, line: int, file: str, depth: int
    ) -> None:
        """A shell is started: with a text, with a script, or with what it reads."""
        rest = list(words[1:])
        if words[0].text == "busybox" and not (rest and rest.pop(0).text in SHELLS):
            return
        while rest and (option := rest[0].text or "").startswith(("-", "+")) and option != "-":
            rest.pop(0)
            if not option.startswith("--") and "c" in option[1:]:
                while rest and (rest[0].text or "").startswith("-"):
                    rest.pop(0)
                if rest:
                    self._text(_source(rest[0]), tuple(rest[1:]), place, line, file, depth)
                return
            if option in ("-o", "+o", "-O", "--rcfile", "--init-file") and rest:
                rest.pop(0)
        if rest and rest[0].text not in ("-", "/dev/stdin"):
            self._script(_tail(rest[0]), tuple(rest[1:]), place, line, depth)
        elif command.given is not None:
            self._text(_source(command.given), (), place, line, file, depth)
        elif command.piped and (text := _printed(command.piped)):
            self._text(text, (), place, line, file, depth)

    def _text(
        self, text: str, arguments: tuple[Word, ...], place: str, line: int, file: str, depth: int
    ) -> None:
        if depth > DEEPEST:
            return
        inner = place
        if arguments:
            self._texts += 1
            inner = f"text {self._texts}"
            for number, word in enumerate(arguments):
                self._set(inner, str(number), word, place)
        self.add(text, inner, line, file, depth + 1)

    def _bind(self, inner: str, arguments: tuple[Word, ...], place: str) -> None:
        for number, word in enumerate(arguments, 1):
            self._set(inner, str(number), word, place)
            self._set(inner, "@", word, place)

    def _script(
        self, path: str, arguments: tuple[Word, ...], place: str, line: int, depth: int, *, same: bool = False
    ) -> None:
        """A script of the workspace is called. same: in this very shell."""
        if not path or depth > DEEPEST:
            return
        inner = place if same and not arguments else path
        self._bind(inner, arguments, place)
        text = None if path in self._read else self._helper(path)
        if text is not None and _is_shell(path, text):
            self._read.add(path)
            self.add(text, inner, line, path, depth + 1)


def calls(text: str, helper: Helper) -> Calls:
    """Read a script and all that it starts. helper: finds scripts that it calls, by the path as it is written."""
    found = Calls(helper)
    found.add(text)
    return found


BUILTINS = frozenset(
    ". : [ alias bg break caller cd compgen complete continue declare dirs disown echo enable eval exit export false "
    "fc fg getopts hash help history jobs kill let local logout mapfile popd printf pushd pwd read readarray readonly "
    "return set shift shopt source suspend test times trap true type typeset ulimit umask unalias unset wait".split()
)


def _given(command: Command) -> Word | None:
    """Return what a command reads, where the script holds it: a here-document, or what `echo` and `printf`
    write."""
    if command.given is not None or command.piped is None:
        return command.given
    first, *rest = command.piped.words
    if first.text not in ("echo", "printf"):
        return None
    rest = [word for word in rest if not re.fullmatch(r"-[neE]+|--", word.text or "")]
    if first.text == "printf" and len(rest) > 1:
        rest = rest[1:]
    return Word(command.piped.raw, tuple(piece for word in rest for piece in word.pieces))


def _printed(command: Command) -> str:
    """Return what a command writes that only repeats its own words; empty if that is not known."""
    name = command.words[0].text
    if name == "cat" and command.given is not None and len(command.words) == 1:
        return _source(command.given)
    if name == "echo":
        return " ".join(_source(word) for word in command.words[1:] if not word.begin.startswith("-"))
    if name == "printf" and len(command.words) > 1:
        first, *rest = (_source(word) for word in command.words[1:])
        return "\n".join(rest) if rest else first.replace("\\n", "\n")
    return ""


def _source(word: Word) -> str:
    """Return a word as the text of a script: what bash fills in stays in it as it was written."""
    return "".join(
        piece.text
        if piece.kind != VARIABLE
        else f"${{{piece.text}}}"
        if piece.text.isidentifier() or piece.text.isdigit()
        else "$_unknown_"
        for piece in word.pieces
    )


def _tail(word: Word) -> str:
    """Return the known end of a path whose beginning is a variable, such as "$WORKSPACE/x.sh"."""
    if word.text is not None:
        return word.text
    *before, last = word.pieces or (Piece(TEXT, ""),)
    known = last.kind == TEXT and last.text.startswith("/") and len([p for p in before if p.text]) == 1
    return last.text.removeprefix("/") if known else ""


def _is_shell(path: str, text: str) -> bool:
    first = text.splitlines()[0] if text else ""
    return not first.startswith("#!") or any(name in first for name in SHELLS) or path.endswith(".sh")
