"""One session of pytest with a lab's checks, undisturbed by what the user has set up."""

import importlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from checker.base.errors import BrokenLab
from checker.base.model import Lab
from checker.lab.catalog import CHECKS, FIXTURES

if TYPE_CHECKING:
    import pytest


_UNUSED = (
    "cacheprovider",
    "terminal",
    "faulthandler",
    "pastebin",
    "junitxml",
    "doctest",
    "stepwise",
    "debugging",
    "unraisableexception",  # collects garbage five times at the end of every session: of a whole class, in a worker
    "threadexception",
)


def run(lab: Lab, plugin: object) -> None:
    import pytest

    checks = lab.folder / CHECKS
    if not checks.is_file():
        raise BrokenLab(f"{checks} is missing.", "This is for the lab's author to mend.")
    arguments = [str(checks), "-c", os.devnull, f"--rootdir={checks.parent}", "--noconftest", "--capture=sys"]
    arguments += ["--import-mode=importlib", "-W", "ignore"]
    for name in _UNUSED:
        arguments += ["-p", f"no:{name}"]
    with _undisturbed(checks):
        ended = pytest.main(arguments, plugins=[plugin, _Fixtures(lab)])
    if ended in (pytest.ExitCode.USAGE_ERROR, pytest.ExitCode.INTERNAL_ERROR):
        raise BrokenLab(
            f"pytest could not run {checks} (exit code {ended}).", "This is a defect: please report it."
        )


class _Fixtures:
    """Registers modules of fixtures under names of our own: pytest has a plugin `fixtures` itself."""

    def __init__(self, lab: Lab) -> None:
        """Raises BrokenLab."""
        self._modules = {name: _fixtures(lab, name) for name in lab.fixtures}
        if (lab.folder / FIXTURES).is_file():
            self._modules[FIXTURES] = _fixtures(lab, Path(FIXTURES).stem)

    def pytest_configure(self, config: "pytest.Config") -> None:
        for name, module in self._modules.items():
            config.pluginmanager.register(module, f"registry-lab {name}")


def _fixtures(lab: Lab, name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except Exception as error:
        raise BrokenLab(
            f"The fixtures {name} of lab {lab.name} cannot be read: {type(error).__name__}: {error}",
            "This is for the lab's author to mend.",
        ) from error


def _lies_in(module: object, folder: str) -> bool:
    return str(getattr(module, "__file__", None) or "").startswith(folder + os.sep)


@contextmanager
def _undisturbed(checks: Path) -> Iterator[None]:
    """Keep pytest's own environment variables out, and another lab's checks from being taken for these."""
    folder = str(checks.parent)
    saved = {name: value for name, value in os.environ.items() if name.startswith(("PYTEST_", "PY_COLORS"))}
    for name in saved:
        del os.environ[name]
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    # Every lab's checks are imported under this one name, and pytest takes what has it already.
    names = (checks.stem, Path(FIXTURES).stem)
    known = {name: module for name in names if (module := sys.modules.pop(name, None)) is not None}
    sys.path.insert(0, folder)  # checks may stand in several modules, beside each other
    try:
        yield
    finally:
        sys.path.remove(folder)
        for name in [name for name, module in sys.modules.items() if _lies_in(module, folder)]:
            del sys.modules[name]
        sys.modules.update(known)
        for name in [name for name in os.environ if name.startswith("PYTEST_")]:
            del os.environ[name]
        os.environ.update(saved)
