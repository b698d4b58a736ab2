"""Passwords where they must not be: in files that are handed in, and on command lines."""

import base64
import re
from collections.abc import Iterable

from checker.check import fail
from checker.workspace import PRIVATE, Workspace

Account = tuple[str, str]
"""Name and password."""

# `docker login` at the start of a command, with the password as an argument. Commands end at ; | & or a line.
_BEGIN = r"(?:^|[;&|({!`]|\b(?:then|do|else|if|while|until|sudo))[ \t]*"
_LOGIN = r"(?:docker|podman|skopeo|buildah|nerdctl)\b[^\n;|&]*?\blogin\b[^\n;|&]*?"
_ARGUMENT = re.compile(rf"{_BEGIN}({_LOGIN}[ \t](?:-p|--password(?!-stdin)))", re.MULTILINE)


def in_answer(path: str, workspace: Workspace, accounts: Iterable[Account]) -> None:
    """Fail if a script hands a password to a client's command line, or holds one of these accounts'."""
    text = workspace.read(path) or ""
    code = "\n".join(line.partition(" #")[0] for line in text.replace("\\\n", " ").splitlines())
    code = re.sub(r"^[ \t]*#.*", "", code, flags=re.MULTILINE)
    if found := _ARGUMENT.search(code):
        fail(
            "password-on-the-command-line",
            expected="The client gets passwords on its standard input.",
            observed=f"{path} has `{found[1]} ...`. While it runs, everybody on the machine can read its "
            "command line in the list of processes.",
            action='Use `printf %s "$PASSWORD" | docker login --username NAME --password-stdin`.',
        )
    _in_text(path, text, accounts)


def in_files(workspace: Workspace, accounts: Iterable[Account]) -> None:
    """Fail if any file that is handed in holds a password, plain or as docker's configuration writes it."""
    accounts = list(accounts)
    for path in sorted(workspace.path.rglob("*")):
        relative = path.relative_to(workspace.path)
        if relative.parts[0] not in (PRIVATE, ".git"):
            _in_text(str(relative), workspace.read(str(relative)) or "", accounts)


def _in_text(path: str, text: str, accounts: Iterable[Account]) -> None:
    for name, password in accounts:
        encoded = base64.b64encode(f"{name}:{password}".encode()).decode()
        if password in text or encoded in text:
            fail(
                "password-in-a-file",
                expected="No file that is handed in holds a password.",
                observed=f"{path} holds the one of {name}.",
                action="Use the variable where the password is needed, and leave docker's configuration "
                "where the lab put it. In real life that password is burnt now and must be replaced.",
            )
