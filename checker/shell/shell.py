"""Shell scripts, read with tree-sitter's grammar of bash: which commands there are, word by word.

    >>> [command.words[0].text for command in read("A=1 docker login -p x | cat").commands]
    ['docker', 'cat']

Nothing is run. A script that bash would refuse is read as far as it makes sense.
"""

import re
from collections.abc import Iterator
from functools import cache

import tree_sitter
import tree_sitter_bash

from checker.shell.shellwords import (
    FILE,
    OUTPUT,
    TEXT,
    VARIABLE,
    Assignment,
    Command,
    Piece,
    Script,
    Word,
    plain,
)

DEEPEST = 150
"""Levels of nesting that are read."""
ESCAPED = re.compile(r"\\(.)", re.DOTALL)
ESCAPED_IN_QUOTES = re.compile(r'\\([$`"\\])')


def read(text: str) -> Script:
    """Read a script.

    Example: `read("docker login -p \\"$P\\"").commands[0].words[2].raw` is `'-p'`.
    """
    text = text.replace("\r\n", "\n")
    reader = _Reader()
    reader.walk(_parser().parse(text.encode(errors="replace")).root_node, "", 0)
    return Script(tuple(reader.commands), tuple(reader.assignments), frozenset(reader.functions))


@cache
def _parser() -> tree_sitter.Parser:
    return tree_sitter.Parser(tree_sitter.Language(tree_sitter_bash.language()))


class _Reader:
    """Collects what stands in a tree."""

    def __init__(self) -> None:
        self.commands: list[Command] = []
        self.assignments: list[Assignment] = []
        self.functions: set[str] = set()

    def walk(
        self,
        node: tree_sitter.Node,
        function: str,
        depth: int,
        given: Word | None = None,
        piped: Command | None = None,
    ) -> Command | None:
        """Read what is at and below a node; the last command there."""
        if depth > DEEPEST:
            return None
        if node.type == "function_definition":
            function = _text(node.child_by_field_name("name"))
            self.functions.add(function)
        elif node.type == "command":
            return self._command(node, function, depth, given, piped)
        elif node.type == "redirected_statement":
            return self._redirected(node, function, depth, given, piped)
        elif node.type == "variable_assignment":
            self._assign(node, function, depth)
            return None
        elif node.type in ("declaration_command", "unset_command"):
            for child in node.named_children:
                if child.type == "variable_assignment":
                    self._assign(child, function, depth)
            return None
        elif node.type == "for_statement":
            name = _text(node.child_by_field_name("variable"))
            for value in node.children_by_field_name("value"):
                self.assignments.append(
                    Assignment(name, self._word(value, function, depth), _line(node), function)
                )
        elif node.type == "comment":
            return None
        last = None
        pipeline = node.type == "pipeline"
        for child in node.named_children:
            last = self.walk(child, function, depth + 1, given, last if pipeline and last else piped) or last
        return last

    def _redirected(
        self,
        node: tree_sitter.Node,
        function: str,
        depth: int,
        given: Word | None,
        piped: Command | None,
    ) -> Command | None:
        body = node.child_by_field_name("body")
        redirects = [child for child in node.named_children if child != body]
        for redirect in redirects:
            if redirect.type == "heredoc_redirect":
                given = self._heredoc(redirect, function, depth)
            elif redirect.type == "herestring_redirect":
                inner = redirect.named_children
                given = self._word(inner[-1], function, depth) if inner else given
            else:
                self._inside(redirect, function, depth)
        last = self.walk(body, function, depth + 1, given, piped) if body else None
        for redirect in redirects:
            if redirect.type != "heredoc_redirect":
                continue
            for child in redirect.named_children:  # what stands behind the mark: `cat <<END | bash`
                if child.type in ("pipeline", "command", "list", "redirected_statement"):
                    last = self.walk(child, function, depth + 1, None, last) or last
        return last

    def _heredoc(self, node: tree_sitter.Node, function: str, depth: int) -> Word:
        start = next((child for child in node.children if child.type == "heredoc_start"), None)
        body = next((child for child in node.children if child.type == "heredoc_body"), None)
        if body is None:
            return plain("")
        if set("'\"\\") & set(_text(start)):
            return plain(_text(body))
        self._inside(body, function, depth)
        # As the one who reads it will see it, variables by their names: bash fills in the same values.
        return Word(_text(body), (Piece(TEXT, re.sub(r"\\([$`\\])", r"\1", _text(body))),))

    def _command(
        self,
        node: tree_sitter.Node,
        function: str,
        depth: int,
        given: Word | None,
        piped: Command | None,
    ) -> Command | None:
        words: list[Word] = []
        before: list[Assignment] = []
        end = -1
        for child in node.children:
            if child.type == "variable_assignment":
                before.append(self._assign(child, function, depth))
            elif child.type == "command_name":
                words += [self._word(inner, function, depth) for inner in child.children[:1]]
            elif child.type == "herestring_redirect" and child.named_children:
                given = self._word(child.named_children[-1], function, depth)
            elif child.type.endswith("_redirect"):
                self._inside(child, function, depth)
            elif (child.is_named and child.type != "comment") or child.type in ("==", "=~", "="):
                word = self._word(child, function, depth)
                if child.start_byte == end and words:  # `@<(echo x)` is one word, and two nodes
                    word = Word(words[-1].raw + word.raw, words.pop().pieces + word.pieces)
                words.append(word)
                end = child.end_byte
        if not words:
            return None
        found = Command(_line(node), _text(node), tuple(words), function, tuple(before), given, piped)
        self.commands.append(found)
        self._names_read(found)
        return found

    def _names_read(self, command: Command) -> None:
        """What `read`, `mapfile` and the like give a value."""
        first, *rest = command.words
        if first.text in ("read", "mapfile", "readarray", "getopts"):
            for word in rest:
                if word.text and word.text.isidentifier():
                    self.assignments.append(
                        Assignment(word.text, command.given, command.line, command.function)
                    )
        elif first.text == "printf" and len(rest) > 2 and rest[0].text == "-v" and rest[1].text:
            self.assignments += [
                Assignment(rest[1].text, word, command.line, command.function) for word in rest[2:]
            ]

    def _assign(self, node: tree_sitter.Node, function: str, depth: int) -> Assignment:
        name, value = node.child_by_field_name("name"), node.child_by_field_name("value")
        bare = _text(name).partition("[")[0]
        word = self._word(value, function, depth) if value else plain("")
        found = Assignment(bare, word, _line(node), function)
        self.assignments.append(found)
        return found

    def _inside(self, node: tree_sitter.Node, function: str, depth: int) -> tuple[Command, ...]:
        """Read the commands in a node; those there are."""
        count = len(self.commands)
        for child in node.named_children:
            self.walk(child, function, depth + 1)
        return tuple(self.commands[count:])

    def _word(self, node: tree_sitter.Node, function: str, depth: int) -> Word:
        if node.type == "array":
            items = tuple(self._word(child, function, depth + 1) for child in node.named_children)
            return Word(_text(node), (), items)
        return Word(_text(node), tuple(self._pieces(node, function, depth, quoted=False)))

    def _pieces(self, node: tree_sitter.Node, function: str, depth: int, *, quoted: bool) -> Iterator[Piece]:
        text = _text(node)
        if depth > DEEPEST:
            yield Piece(VARIABLE, "")
        elif node.type == "raw_string":
            yield Piece(TEXT, text[1:-1], quoted=True)
        elif node.type == "ansi_c_string":
            yield Piece(TEXT, _unescaped(text[2:-1]), quoted=True)
        elif node.type in ("string", "translated_string"):
            yield from (
                piece for piece in self._quoted(node, function, depth) if piece.text or piece.kind != TEXT
            )
        elif node.type == "concatenation":
            for child in node.children:
                yield from self._pieces(child, function, depth + 1, quoted=quoted)
        elif node.type == "simple_expansion":
            yield Piece(VARIABLE, text.removeprefix("$"), quoted)
        elif node.type == "expansion":
            yield self._expansion(node, function, depth, quoted=quoted)
        elif node.type == "command_substitution":
            yield Piece(OUTPUT, text, quoted, self._inside(node, function, depth))
        elif node.type == "process_substitution":
            self._inside(node, function, depth)
            yield Piece(FILE, text, quoted)
        elif node.type == "arithmetic_expansion":
            self._inside(node, function, depth)
            yield Piece(VARIABLE, "#", quoted)
        else:
            yield Piece(TEXT, ESCAPED.sub(r"\1", text.replace("\\\n", "")), quoted)

    def _quoted(self, node: tree_sitter.Node, function: str, depth: int) -> Iterator[Piece]:
        """Yield what stands between double quotes; blanks between children are no children themselves."""
        data, start = node.text or b"", node.start_byte
        at = start + (2 if data.startswith(b"$") else 1)
        for child in node.named_children:
            if child.start_byte > at:
                yield _literal(data[at - start : child.start_byte - start])
            if child.type == "string_content":
                yield _literal(child.text or b"")
            else:
                yield from self._pieces(child, function, depth + 1, quoted=True)
            at = child.end_byte
        yield _literal(data[at - start : -1])

    def _expansion(self, node: tree_sitter.Node, function: str, depth: int, *, quoted: bool) -> Piece:
        kinds = [child.type for child in node.children]
        if len(kinds) > 1 and kinds[1] == "#":
            return Piece(VARIABLE, "#", quoted)
        if len(kinds) > 1 and kinds[1] == "!":
            return Piece(VARIABLE, "", quoted)
        named = [child for child in node.children if child.is_named]
        first, rest = (named[0] if named else None), named[1:]
        inner = first.named_children[0] if first and first.type == "subscript" else first
        other = [
            piece
            for child in rest
            if child.type not in ("regex", "number")
            for piece in self._pieces(child, function, depth + 1, quoted=quoted)
        ]
        return Piece(VARIABLE, _text(inner), quoted, (), tuple(other))


def _literal(data: bytes) -> Piece:
    text = data.decode(errors="replace").replace("\\\n", "")
    return Piece(TEXT, ESCAPED_IN_QUOTES.sub(r"\1", text), quoted=True)


def _unescaped(text: str) -> str:
    known = {"n": "\n", "t": "\t"}

    def one(found: re.Match[str]) -> str:
        digits = found[1][1:]
        return chr(int(digits, 16)) if digits else known.get(found[1], found[1])

    return re.sub(r"\\(x[0-9a-fA-F]{1,2}|.)", one, text)


def _text(node: tree_sitter.Node | None) -> str:
    return (node.text or b"").decode(errors="replace") if node else ""


def _line(node: tree_sitter.Node) -> int:
    return int(node.start_point[0]) + 1
