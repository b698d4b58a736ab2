"""The learner's own copy of a lab's notebook. It is made once and never written again."""

import hashlib
import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from checker.base.errors import BrokenLab, EnvironmentFault
from checker.base.model import Lab

KEY = "registry_lab"
"""Where our facts stand in a notebook's metadata; Jupyter keeps what it doesn't know."""


def provide(lab: Lab, root: Path, say: Callable[[str], None]) -> Path:
    """Copy the lab's notebook into `root` unless there is one already; returns the copy's path.

    Says so when the shipped notebook has changed since the copy was made. Raises BrokenLab when the
    lab has no readable notebook and EnvironmentFault when the copy cannot be written.
    """
    shipped, fingerprint = _shipped(lab)
    copy = root / lab.notebook.name
    if copy.exists():
        made_from = _made_from(copy)
        if made_from and made_from != fingerprint:
            say(
                f"The notebook of lab {lab.number} has changed since your copy was made. Yours is kept as it "
                f"is; to get the new one, rename {copy} and open the notebook again. Your answers stay."
            )
        return copy
    shipped["metadata"][KEY] = {"lab": lab.name, "shipped": fingerprint}
    text = json.dumps(shipped, ensure_ascii=False, indent=1) + "\n"
    try:
        root.mkdir(parents=True, exist_ok=True)
        with copy.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:  # another command was faster
        return copy
    except OSError as error:
        with suppress(OSError):
            copy.unlink()  # half a notebook would be kept for ever
        raise EnvironmentFault(
            f"The notebook cannot be copied to {copy}: {error.strerror}.", "Make room there and try again."
        ) from error
    say(f"Your copy of the notebook is {copy}.")
    return copy


def _shipped(lab: Lab) -> tuple[dict[str, dict[str, object]], str]:
    try:
        data = lab.notebook.read_bytes()
        notebook = json.loads(data)
        notebook["metadata"].update({})
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BrokenLab(
            f"Lab {lab.name} has no readable notebook at {lab.notebook} ({error}).",
            "Get the lab's files again.",
        ) from error
    return notebook, hashlib.sha256(data).hexdigest()


def _made_from(copy: Path) -> str:
    """Return the fingerprint a copy carries; empty where it has none or can't be read."""
    try:
        return str(json.loads(copy.read_bytes())["metadata"][KEY]["shipped"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""
