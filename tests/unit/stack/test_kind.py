"""Kinds of services: those that come with the checker, and those that a lab brings."""

from pathlib import Path

import pytest

from checker.base.errors import BrokenLab
from checker.engine.connection import Engine
from checker.stack.kind import Kind, kind
from checker.stack.running import MAIN, Running
from checker.stack.views import view

LAMP = """
from checker.stack.kind import Kind
from checker.stack.running import MAIN


def seen(engine, service, key):
    return f"a lamp at {service.address}"


KIND = Kind(image="busybox", ports={MAIN: 80}, view=seen)
"""
NOBODY = Engine("unix:///nowhere", None)  # type: ignore[arg-type]  # nothing is asked


def running(kind: str) -> Running:
    return Running("lamp", kind, "abc", {MAIN: 12345}, up=True)


@pytest.mark.parametrize("name", ["cache", "edge", "events", "hub", "private-registry", "registry", "roles"])
def test_the_checkers_kinds_are_found_by_name(name: str) -> None:
    assert isinstance(kind(name), Kind)


def test_a_labs_own_kind_is_one_file_that_says_how_it_starts_and_what_checks_see(tmp_path: Path) -> None:
    file = tmp_path / "lamp.py"
    file.write_text(LAMP)

    assert kind(str(file)).image == "busybox"
    assert view(NOBODY, running(str(file)), "") == "a lamp at 127.0.0.1:12345"


def test_a_kind_that_shows_nothing_is_seen_as_its_address(tmp_path: Path) -> None:
    file = tmp_path / "lamp.py"
    file.write_text(LAMP.replace(", view=seen", ""))

    assert view(NOBODY, running(str(file)), "") == running(str(file))


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("lantern", "No stack module provides a service of kind 'lantern'"),
        ("broken.py", r"broken\.py cannot be read: ZeroDivisionError"),
        ("empty.py", r"No stack module provides a service of kind '.*empty\.py'"),
        ("word.py", r"word\.py' describes no kind of service"),
    ],
)
def test_what_is_no_kind_is_the_labs_fault(tmp_path: Path, name: str, told: str) -> None:
    (tmp_path / "broken.py").write_text("1 / 0")
    (tmp_path / "empty.py").write_text("")
    (tmp_path / "word.py").write_text("KIND = 'lamp'")

    with pytest.raises(BrokenLab, match=told):
        kind(str(tmp_path / name) if name.endswith(".py") else name)
