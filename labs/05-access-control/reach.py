"""Repositories that a file of roles can reach: one for each of its patterns, so that the table's last row is tried too.

A pattern for a repository that the task does not name is noticed only by trying a name that it matches.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from checker.services.rbac import Role
from rolematrix import Row, rows

WORD = "q7x"
"""What stands for a star: no word of any run."""
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
NAME = re.compile(rf"{_PART}(?:/{_PART})*")
"""A repository's name (Distribution specification, "Pulling manifests")."""
MOST, LONGEST = 12, 255
"""Names that are tried, and characters of one (Distribution's limit)."""


def examples(shown: Iterable[Any]) -> list[str]:
    """Return a name that each pattern of the roles matches, in their order; at most `MOST`, each once.

    shown: the roles as the server shows them at /rbac.
    """
    roles = [msgspec.convert(role, Role) for role in shown]
    patterns = [pattern for role in roles for rule in role.rules for pattern in rule.repositories]
    names = [pattern.replace("**", WORD).replace("*", WORD) for pattern in patterns]
    return list(dict.fromkeys(name for name in names if len(name) <= LONGEST and NAME.fullmatch(name)))[:MOST]


def beyond(
    names: Iterable[str], team: str, app: str, other_apps: Mapping[str, str], four: tuple[str, ...]
) -> list[tuple[str, list[Row]]]:
    """Return what the task's table says of each name, with the code of the finding if a role reaches too far.

    app: the repository with a row of its own. other_apps: role -> what it may do in any other app. four: the roles.
    """
    found: list[tuple[str, list[Row]]] = []
    below_admin = tuple(role for role in four if role != "admin")
    for name in names:
        first, _, rest = name.partition("/")
        if name == app:
            continue
        if first != team or not rest:
            found.append(("elsewhere-reached", rows(four, name, {})))
        elif rest.startswith("archive/"):
            found.append(("archive-reached", rows(("developer", "cicd"), name, {})))
        elif "/" in rest:
            # `team/**` reaches what lies deeper as well: of the four only the administrator may have that.
            found.append(("elsewhere-reached", rows(below_admin, name, {})))
        else:
            found.append(("other-app-reached", rows(four, name, other_apps)))
    return found
