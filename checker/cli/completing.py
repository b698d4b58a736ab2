"""Completion of commands, labs and steps for bash, zsh and fish, by click's own protocol."""

import os
from collections.abc import Callable
from pathlib import Path

import click
from click.shell_completion import CompletionItem, get_completion_class

from checker.base.cache import home
from checker.base.errors import EnvironmentFault, ExitCode, LabError
from checker.base.model import Alternative, Mistake

PROGRAM = "lab"
VARIABLE = "_LAB_COMPLETE"


def labs(begun: str) -> list[CompletionItem]:
    """Return the labs whose number or topic begins so; none where they cannot be read."""
    from checker.lab.catalog import Catalog

    try:
        found = Catalog().labs()
    except LabError:
        return []
    return [
        CompletionItem(name, help=lab.title)
        for lab in found
        for name in ((lab.number,) if lab.number.startswith(begun) else (lab.topic, lab.name))
        if name.startswith(begun)
    ]


def steps(lab: str | None, begun: str) -> list[CompletionItem]:
    """Return the steps of a lab that begin so: of the one named, else of the one that is meant here."""
    from checker.lab.catalog import Catalog
    from checker.practice.whereabouts import addressed

    try:
        catalog = Catalog()
        named, _ = addressed((lab,) if lab else (), None, catalog)
        found = catalog.lab(named).steps
    except LabError:
        return []
    return [CompletionItem(step.name, help=step.title) for step in found if step.name.startswith(begun)]


def mistakes(lab: str | None, step: str | None, begun: str) -> list[CompletionItem]:
    """Return the mistakes and alternatives of a step that begin so; none where they cannot be read."""
    from checker.lab.catalog import Catalog, find_step

    try:
        catalog = Catalog()
        named = catalog.lab(lab or "")
        wanted = find_step(named, step or "").name
        found: list[Mistake | Alternative] = [*catalog.mistakes(named), *catalog.alternatives(named)]
    except LabError:
        return []
    return [
        CompletionItem(entry.name, help=entry.why)
        for entry in found
        if entry.step == wanted and entry.name.startswith(begun)
    ]


def provide(kind: str, cli: click.Command, tell: Callable[[str], None], *, install: bool) -> int:
    """Print the completion script of a shell, or write it to where that shell looks, and say where.

    Raises EnvironmentFault if it cannot be written.
    """
    made = get_completion_class(kind)
    assert made is not None  # click knows all three
    script = made(cli, {}, PROGRAM, VARIABLE).source()
    if not install:
        tell(script)
        return ExitCode.PASSED
    path = place(kind)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(script + "\n", encoding="utf-8")
    except OSError as error:
        raise EnvironmentFault(
            f"{path} cannot be written: {error.strerror}.",
            f"Print the script instead, and put it where your shell reads it: `lab completion {kind}`.",
        ) from error
    tell(f"Written to {path}. It works in new shells where `{PROGRAM}` is on the PATH.")
    if kind == "bash":
        tell("It needs the package bash-completion, which most systems have.")
    if kind == "zsh":
        tell(f"Once, put this into ~/.zshrc: fpath=({path.parent} $fpath); autoload -U compinit && compinit")
    return ExitCode.PASSED


def place(kind: str) -> Path:
    """Return where a shell looks for completions of the user's own."""
    data = Path(os.environ.get("XDG_DATA_HOME") or home() / ".local/share")
    config = Path(os.environ.get("XDG_CONFIG_HOME") or home() / ".config")
    return {
        "bash": data / "bash-completion/completions" / PROGRAM,
        "zsh": data / "zsh/site-functions" / f"_{PROGRAM}",
        "fish": config / "fish/completions" / f"{PROGRAM}.fish",
    }[kind]
