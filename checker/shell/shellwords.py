"""What a shell script consists of: commands, their words, and the pieces that a word is made of."""

import msgspec

TEXT, VARIABLE, OUTPUT, FILE = "text", "variable", "output", "file"


class Piece(msgspec.Struct, frozen=True):
    """A part of a word. kind: TEXT; VARIABLE, text is its name, empty for one that cannot be told; OUTPUT of commands;
    FILE, the name of one that commands are behind. commands: those of OUTPUT. other: what else may stand there, as the
    default in ${A:-b}."""

    kind: str
    text: str
    quoted: bool = False
    commands: "tuple[Command, ...]" = ()
    other: "tuple[Piece, ...]" = ()


class Word(msgspec.Struct, frozen=True):
    """One word of a command. raw: as it is written. items: the words of a list in brackets."""

    raw: str
    pieces: tuple[Piece, ...]
    items: "tuple[Word, ...] | None" = None

    @property
    def text(self) -> str | None:
        """What it is when the script runs; None if that is not known before."""
        if self.items is not None or any(piece.kind != TEXT for piece in self.pieces):
            return None
        return "".join(piece.text for piece in self.pieces)

    @property
    def begin(self) -> str:
        """What it begins with, as far as that is known."""
        found = ""
        for piece in self.pieces:
            if piece.kind != TEXT:
                break
            found += piece.text
        return found

    def after(self, count: int) -> "Word":
        """Return the word without its first characters, all of them known ones."""
        left, rest = count, []
        for piece in self.pieces:
            if piece.kind != TEXT or not left:
                rest.append(piece)
                continue
            taken = min(left, len(piece.text))
            left -= taken
            if taken < len(piece.text):
                rest.append(msgspec.structs.replace(piece, text=piece.text[taken:]))
        return Word(self.raw, tuple(rest))


class Assignment(msgspec.Struct, frozen=True):
    """A variable that is given a value. value: None for one that is read from somewhere. function: where that is
    done."""

    name: str
    value: Word | None
    line: int
    function: str = ""


class Command(msgspec.Struct, frozen=True):
    """One simple command. line: in the script, from 1. raw: as it is written. function: the one it is part of, or "".
    before: assignments in front of it. given: its standard input, where the script holds that itself. piped: what
    writes into it."""

    line: int
    raw: str
    words: tuple[Word, ...]
    function: str = ""
    before: tuple[Assignment, ...] = ()
    given: Word | None = None
    piped: "Command | None" = None


class Script(msgspec.Struct, frozen=True):
    """A whole script. commands: all of them, those in substitutions and functions too."""

    commands: tuple[Command, ...]
    assignments: tuple[Assignment, ...]
    functions: frozenset[str]


def plain(text: str) -> Word:
    """Return a word of this text."""
    return Word(text, (Piece(TEXT, text),))
