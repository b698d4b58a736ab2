"""A file of roles in a workspace, and whether the server that should go by it does."""

import stat
from hashlib import sha256
from typing import NoReturn

from access import missed
from checker.base.errors import ServiceFault
from checker.check import fail
from checker.inspect.engineview import EngineView
from checker.lab.workspace import Workspace
from checker.stack.kinds.roles import RefusedRoles, RolesView

LIMIT = 256 * 1024
"""Bytes that are read; the server takes a quarter of that."""


def in_force(server: RolesView, engine: EngineView, workspace: Workspace, path: str) -> bytes:
    """Return the content of the file at `path` in the workspace, once the server goes by it.

    Fails for a file that is missing, refused, or not the one the server sees, and for a server that was
    stopped. Raises ServiceFault for one that is ill.
    """
    content = given(workspace, path)
    try:
        rules = server.rules()
    except ServiceFault:
        missed(server, engine)
        raise
    if rules.refused and rules.refused.line:
        refused(rules.refused, content, path)
    # Also where what is in force has this very content from before: it is not what the server sees now.
    if rules.refused or rules.in_force is None or rules.in_force.sha256 != sha256(content).hexdigest():
        folder = path.rpartition("/")[0]
        other = rules.refused.message if rules.refused else "It goes by a file with other content"
        fail(
            "roles-file-not-seen",
            expected=f"The server goes by {path} as it is in the workspace.",
            observed=f"{other.rstrip('.')}. It sees the folder {folder}/ that was there when it started, and "
            "plain files in it.",
            action="Keep the folder and write the file into it; a link to somewhere else leads nowhere for "
            "the server. If the folder was replaced, `lab stop` and `lab start` show it the new one.",
        )
    return content


def given(workspace: Workspace, path: str) -> bytes:
    """Return the bytes of the file, at most `LIMIT`. Fails if it is no plain file inside the workspace."""
    place = workspace.path / path
    try:
        inside = place.resolve(strict=True).is_relative_to(workspace.path.resolve())
        if inside and stat.S_ISREG(place.stat().st_mode):
            with place.open("rb") as file:
                return file.read(LIMIT)
        seen = "What is there is no plain file." if inside else "It leads out of the workspace."
    except (FileNotFoundError, NotADirectoryError):
        seen = "There is no such file."
    except (OSError, RuntimeError) as error:  # RuntimeError: a link that leads to itself
        seen = f"It cannot be read: {getattr(error, 'strerror', None) or error}."
    return fail(
        "roles-file-missing",
        expected=f"The file {path} in the workspace says who may do what.",
        observed=seen,
        action="Write it there with a here-document in your answer.",
    )


def refused(found: RefusedRoles, content: bytes, path: str) -> NoReturn:
    """Fail, and say where the file goes wrong."""
    lines = content.decode("utf-8-sig", "replace").split("\n")
    line = lines[found.line - 1].strip() if found.line <= len(lines) else ""
    fail(
        "roles-file-refused",
        expected=f"The server can read {path}. In line {found.line}, column {found.column} it expected "
        f"{found.expected}.",
        observed=f"It saw {found.seen} there and refused the whole file; the one before stays in force. "
        f"The line says: {line[:160] or 'nothing'}",
        action="Mend that place. Names of roles are bare words, repositories stand in double quotes, actions "
        "and rights are bare words, and every block ends with a closing brace.",
    )
