"""Find secrets in the git history that was handed in.

A replay has values of its own, so nobody knows there what was secret when a commit was made. What can be told is what
shows by its form: access tokens, logins of docker's configuration, and passwords that are written out behind
`docker login -p`.
"""

from pathlib import Path

from checker.secrets import gitobjects, literals
from checker.shell.handed import LOGIN_OPTIONS, Handed, handed

MOST_TOLD = 3


def told(repository: Path) -> tuple[str, ...]:
    """Return what was found in the repository with that `.git` folder, as sentences; each place once."""
    found = []
    for each in gitobjects.objects(repository):
        text = each.data.decode("utf-8", "replace")
        if "\0" not in text and (what := _secret(text)):
            found.append(f"{each.name[:1].upper()}{each.name[1:]} holds {what}.")
    return tuple(list(dict.fromkeys(found))[:MOST_TOLD])


def _secret(text: str) -> str:
    if literals.TOKEN.search(text):
        return "an access token"
    for line in text.splitlines():
        if '"auth' in line and "auth" in (what := literals.written(line)):
            return what
        if "login" in line and any(_written(each) for each in handed(line)):
            return "the password of a login"
    return "a login of docker's configuration" if '"auths"' in text and literals.logins(text) else ""


def _written(each: Handed) -> bool:
    return each.option in LOGIN_OPTIONS and len(each.literal) >= 8 and "$" not in each.literal
