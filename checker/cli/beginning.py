"""`lab init`: a folder to work in, for somebody who only installed the package."""

import os
from pathlib import Path

from checker.base.errors import EnvironmentFault, ExitCode, UsageError
from checker.base.say import Say
from checker.lab.catalog import Catalog
from checker.lab.workspace import PRIVATE, Workspace, create

HOLDS = "workspace"
ABOUT = "README.md"
IGNORED = f"# What the lab keeps for itself: logins, earlier answers.\n{PRIVATE}/\n"
TEXT = """\
# My answers to the registry labs

Your answers lie in `workspace/`, one folder per lab. Stand in this folder and type:

    lab list               # what there is to learn
    lab notebook {first}        # the notebook, in JupyterLab
    lab start {first}           # or in the terminal: start the lab's services
    lab show {first}            # read what it is about
    lab run {first} STEP        # run your answer to a step and see whether it is right
    lab submit {first}          # make the archive to hand in
    lab stop --all         # leave no trace

`lab doctor` says what your machine lacks.
"""


def init(folder: Path, wanted: tuple[str, ...], say: Say, tell: Say) -> int:
    """Lay out a folder with the workspaces of labs, all if none is named; what is there stays.

    Raises UsageError, EnvironmentFault.
    """
    from checker.notebook.copies import provide

    catalog = Catalog()
    labs = [catalog.lab(name) for name in wanted] or catalog.labs()
    if not labs:
        raise UsageError(f"There are no labs in {catalog.root}.", "Point REGISTRY_LAB_ROOT at a checkout.")
    root = Path(os.path.realpath(folder))
    if root.is_dir() and any(root.iterdir()) and not (root / HOLDS).is_dir():
        raise UsageError(
            f"{folder} has something else in it already.", "Name a new folder, or one that `lab init` made."
        )
    made = 0
    try:
        root.mkdir(parents=True, exist_ok=True)
        for name, text in ((ABOUT, TEXT.format(first=labs[0].number)), (".gitignore", IGNORED)):
            if not (root / name).exists():
                (root / name).write_text(text, encoding="utf-8")
                made += 1
    except OSError as error:
        raise EnvironmentFault(f"Cannot make {folder}: {error.strerror}.", "Name another folder.") from error
    for lab in labs:
        made += len(create(lab, Workspace(root / HOLDS / lab.name)))
        if lab.notebook.is_file():
            provide(lab, root / HOLDS, say)
    tell(f"Laid out {made} files for {', '.join(lab.name for lab in labs)} in {folder}.")
    if os.environ.get("REGISTRY_LAB_WORKSPACE"):
        tell("Commands will not use them as long as REGISTRY_LAB_WORKSPACE names another folder: unset it.")
    tell(f"Next: `cd {folder}`, then `lab notebook {labs[0].number}` or `lab start {labs[0].number}`.")
    return ExitCode.PASSED
