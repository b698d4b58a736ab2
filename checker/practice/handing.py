"""`lab submit`: the archive that an instructor asked for, and what is in it."""

import getpass
import os
import re
from pathlib import Path

from checker.base.errors import ExitCode, LabError, UsageError
from checker.base.model import Lab
from checker.base.plain import plain_line
from checker.base.say import Say
from checker.lab.catalog import Catalog
from checker.lab.values import secret_names
from checker.lab.workspace import PRIVATE, Workspace, locate
from checker.practice import handin
from checker.practice.session import Session

SHOWN = 40
"""Lines of one list; a workspace has fewer unless something went wrong."""
FROM_ENVIRONMENT = ("DOCKERHUB_TOKEN", "DOCKERHUB_PASSWORD")


def submit(
    lab: str | None, workspace: Path | None, to: Path | None, history: bool, say: Say, tell: Say
) -> int:
    """Pack a workspace. tell: prints a line of the result. Raises UsageError, EnvironmentFault."""
    found, place = _chosen(lab, workspace)
    if not place.path.is_dir():
        raise UsageError(
            f"There is no workspace {place.path} to hand in.",
            f"Stand where you ran `lab start {found.number}`, or name the folder with -w.",
        )
    target = to or usual_target(found, place)
    if not target.parent.is_dir():
        raise UsageError(f"There is no folder {target.parent} to write {target.name} to.")
    content = handin.gather(found, place, _secrets(found, place, say), history=history)
    inside = target.resolve()
    items = tuple(item for item in content.items if (place.path / item.name).resolve() != inside)
    answers = [step for step in found.steps if step.answer_path in {item.name for item in items}]
    if not answers:
        raise UsageError(
            f"{place.path} holds no answer to any step of {found.name}.",
            "Name the workspace with -w, or write an answer first.",
        )
    content = handin.Content(items, content.left_out)
    handin.pack(found, content, target)
    sizes = [f"{plain_line(item.name)} ({_size(item)})" for item in content.items]
    _list(tell, f"{target} has {len(sizes)} files in it:", sizes)
    reasons = [f"{plain_line(name)}: it {why}" for name, why in content.left_out]
    _list(tell, "Left out:", reasons)
    lacking = [step.name for step in found.steps if step not in answers]
    if lacking:
        tell(f"There is no answer for: {', '.join(lacking)}.")
    tell(f"Next: hand in {target}. `lab grade {target}` grades it the way your instructor does.")
    return ExitCode.PASSED


def _chosen(wanted: str | None, named: Path | None) -> tuple[Lab, Workspace]:
    """Return the lab, and its workspace: the one we stand in, else the only one there is."""
    catalog = Catalog()
    if wanted is not None:
        lab = catalog.lab(wanted)
        return lab, locate(lab, named)
    if named is not None:
        name = named.resolve().name
        if name not in catalog.names():
            raise UsageError(
                f"{named} is not called like a lab.", "Say which lab it is of: `lab submit 01 -w …`."
            )
        lab = catalog.lab(name)
        return lab, locate(lab, named)
    places = [(lab, locate(lab)) for lab in catalog.labs()]
    there = [(lab, place) for lab, place in places if (place.path / PRIVATE).is_dir()]
    here = Path.cwd()
    inside = [(lab, place) for lab, place in there if here.is_relative_to(place.path)]
    if len(inside or there) == 1:
        return (inside or there)[0]
    names = ", ".join(lab.name for lab, _ in there)
    raise UsageError(
        f"Which lab do you want to hand in? There are workspaces of: {names}."
        if there
        else "There is no workspace here to hand in.",
        "Name the lab, like `lab submit 01`.",
    )


def usual_target(lab: Lab, place: Workspace) -> Path:
    """Return where the archive goes: here, but not into the workspace itself."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # nobody has a name in a container
        user = place.path.parent.name
    name = re.sub(r"[^\w.-]+", "-", user).strip("-.") or "workspace"
    here = Path.cwd()
    folder = place.path.parent if here.is_relative_to(place.path) else here
    return Path(os.path.relpath(folder / f"{lab.name}-{name}.zip"))


def _secrets(lab: Lab, place: Workspace, say: Say) -> dict[str, str]:
    """Return the secret values of the practice, and those of the learner's own environment."""
    own = {name: os.environ[name] for name in FROM_ENVIRONMENT if os.environ.get(name)}
    names = secret_names(lab)
    if not names:
        return own
    try:
        stack = Session(lab, place).stack(required=False)
    except LabError as error:
        say(f"{error.message} So secret values of your practice are not looked for in the files.")
        return own
    if stack is None:
        say("The lab is not started, so there are no secret values to look for in the files.")
        return own
    return own | {name: value for name, value in stack.values.items() if name in names}


def _list(tell: Say, head: str, lines: list[str]) -> None:
    if not lines:
        return
    tell(head)
    for line in lines[:SHOWN]:
        tell(f"  {line}")
    if len(lines) > SHOWN:
        tell(f"  and {len(lines) - SHOWN} more")


def _size(item: handin.HandInFile) -> str:
    if item.link:
        return f"link to {plain_line(item.link)}"
    return f"{len(item.data)} bytes" + (", executable" if item.executable else "")
