"""Passwords where they must not be: in files that are handed in, and on command lines."""

import base64
import posixpath
from collections.abc import Iterable
from pathlib import PurePath

from checker.check import fail
from checker.lab.workspace import PRIVATE, Workspace
from checker.secrets import gitobjects
from checker.secrets.ran import Ran
from checker.shell import handed, shellvalues
from checker.shell.handed import Handed
from checker.shell.shellvalues import Level

Account = tuple[str, str]
"""Name and password."""


def in_answer(path: str, workspace: Workspace, accounts: Iterable[Account], ran: Ran | None = None) -> None:
    """Fail if a script hands a secret to a program as an argument, or holds one of these accounts'.

    ran: the lab's values, and what the answer really ran. Where that was seen it decides about secrets that are known;
    what was made out of one, as a token, only the script's text can tell. Settings of images and containers count
    nowhere here: those are looked at for themselves.
    """
    text = workspace.read(path) or ""
    step = PurePath(path).stem
    seen = ran.commands(step, text) if ran else None
    for given in seen or ():
        if not given.build:
            _refuse(f"While {path} ran, `{given.shown}` had {_what(given.what)} among its arguments.")
    for found in blamed(text, path, workspace, ran):
        if seen is None or found.level is not Level.SECRET:
            where = f"{path}, line {found.line}" + (f" (which calls {found.file})" if found.file else "")
            _refuse(
                f"{where}, has `{found.shown}`, which puts a secret among the arguments ({found.option})."
            )
    _in_text(path, text, accounts)


def blamed(text: str, path: str, workspace: Workspace, ran: Ran | None = None) -> list[Handed]:
    """Return the commands of a script that are given a secret as an argument, by the script's text."""
    known = shellvalues.known(ran.values, ran.secrets) if ran else handed.nothing_known

    def helper(name: str) -> str | None:
        """Return a script of the workspace, named from its top or from beside the answer."""
        inside = name.removeprefix(f"{workspace.path}/")
        for candidate in (inside, posixpath.join(posixpath.dirname(path), inside)):
            if (
                not candidate.startswith("/")
                and (found := workspace.read(posixpath.normpath(candidate))) is not None
            ):
                return found
        return None

    return [
        found
        for found in handed.handed(text, known, helper)
        if not found.build
        and (found.level > Level.PUBLIC or (found.literal and found.option in handed.LOGIN_OPTIONS))
    ]


def in_files(workspace: Workspace, accounts: Iterable[Account]) -> None:
    """Fail if any file that is handed in holds a password, plain or as docker's configuration writes it."""
    accounts = list(accounts)
    for path in sorted(workspace.path.rglob("*")):
        relative = path.relative_to(workspace.path)
        if relative.parts[0] not in (PRIVATE, ".git"):
            _in_text(str(relative), workspace.read(str(relative)) or "", accounts)
    for each in gitobjects.objects(workspace.path / ".git"):
        _in_text(each.name, each.data.decode("utf-8", "replace"), accounts)


def in_history(history: Iterable[str], code: str = "password-in-a-file") -> None:
    """Fail if the git history that was handed in showed a secret by its form. history: the fixture of that name."""
    for told in history:
        fail(
            code,
            expected="Nothing that is handed in holds a secret, the git history included.",
            observed=f"{told} Whoever gets the repository gets it, whatever later commits removed.",
            action="In real life that secret is burnt: revoke it. Then hand in the files alone, or a repository whose "
            "history begins anew.",
        )


def _what(what: str) -> str:
    return f"the value of {what}" if what.startswith("$") else what


def _refuse(observed: str) -> None:
    fail(
        "password-on-the-command-line",
        expected="Programs get passwords on their standard input, from a file or from the environment.",
        observed=f"{observed} While a program runs, everybody on the machine can read its arguments in the list of "
        "processes.",
        action='Use `printf %s "$PASSWORD" | docker login --username NAME --password-stdin`; curl reads `--config -`, '
        "skopeo and trivy use the login of `docker login` or variables of their own.",
    )


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
