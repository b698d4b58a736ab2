"""A slow machine, made of this one: a grader and its rooms held to a part of its speed, beside busy programs.

`python -m tests.slow` grades the solutions of all labs so, one after the other, and says what became of each step: it
has to be a pass, or an *error* that says that the machine was too slow, and never a *fail*. Needs root and an engine.

    python -m tests.slow 02 05 --share 0.2 --burn 0
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec

from checker.lab.catalog import Catalog
from checker.sandbox.room import limits

PERIOD = 100_000
"""Microseconds; the kernel's own."""
TENTH = 0.1
BURN = "while :; do :; done"


class Held(msgspec.Struct, frozen=True):
    """A control group that is held. enter: to be called in each process to be."""

    folder: Path
    enter: Callable[[], None]


def able() -> str:
    """Why no process can be held here; empty if it can."""
    try:
        with held(0.5) as group:
            subprocess.run(["true"], preexec_fn=group.enter, check=True)
    except (OSError, subprocess.SubprocessError, KeyError) as error:
        return f"control groups cannot be made ({error})"
    return ""


@contextmanager
def held(share: float) -> Iterator[Held]:
    """A control group whose processes get this share of all processors, with the rooms that a grader makes.

    With version 2 rooms are groups beside this one, and each is held as it comes.
    """
    parents = limits._parents()
    folder = parents["" if "" in parents else "cpu"] / f"slow-{os.getpid()}"
    folder.mkdir()
    stop = threading.Event()
    watching = threading.Thread(target=_hold_rooms, args=(folder.parent, share, stop))
    try:
        _hold(folder, share)
        if "" in parents:
            watching.start()
        yield Held(folder, lambda: (folder / "cgroup.procs").write_text("0") and None)
    finally:
        stop.set()
        if watching.is_alive():
            watching.join()
        _remove(folder)


def _hold(folder: Path, share: float) -> None:
    quota = int(share * (os.cpu_count() or 1) * PERIOD)
    if (folder / "cpu.cfs_quota_us").exists():
        (folder / "cpu.cfs_period_us").write_text(str(PERIOD))
        (folder / "cpu.cfs_quota_us").write_text(str(quota))
    else:
        (folder / "cpu.max").write_text(f"{quota} {PERIOD}")


def _hold_rooms(parent: Path, share: float, stop: threading.Event) -> None:
    known = set(parent.glob(f"{limits.PREFIX}*"))
    while not stop.wait(0.005):
        for folder in set(parent.glob(f"{limits.PREFIX}*")) - known:
            known.add(folder)
            with suppress(OSError):
                _hold(folder, share)


def _remove(folder: Path, within: float = 20.0) -> None:
    """Remove a group. What runs in it is ending."""
    deadline = time.monotonic() + within
    while folder.is_dir() and time.monotonic() < deadline:
        for path, _, _ in os.walk(folder, topdown=False):
            with suppress(OSError):
                Path(path).rmdir()
        time.sleep(0.02)


@contextmanager
def burning(count: int) -> Iterator[None]:
    """So many programs beside, each of which wants a whole processor."""
    busy = [subprocess.Popen(["bash", "-c", BURN]) for _ in range(count)]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


def grade(
    place: Path, held_to: Held | None, environment: Mapping[str, str] | None = None
) -> tuple[dict[str, Any], str]:
    """Grade one submission; its result and what the command said."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "report.json"
        done = subprocess.run(
            [sys.executable, "-m", "checker.cli", "grade", str(place), "--json", str(file)],
            preexec_fn=held_to.enter if held_to else None,
            env=None if environment is None else dict(environment),
            capture_output=True,
            text=True,
            check=False,
        )
        said = done.stdout + done.stderr
        result = json.loads(file.read_bytes())["results"][0] if file.exists() else {}
    return result, said


def unjust(result: Mapping[str, Any]) -> list[str]:
    """What a learner was blamed for who made no mistake, and errors that do not name the machine."""
    found = []
    for step in result.get("steps", ()):
        codes = [f"{finding['code']}: {finding['observed']}" for finding in step["findings"]]
        if step["outcome"] not in ("pass", "error"):
            found.append(f"{step['step']} is {step['outcome']}: {'; '.join(codes) or step['reason']}")
    return found


def _solution(lab: Any, place: Path) -> Path:
    for part in ("starter", "solution"):
        shutil.copytree(lab.folder / part, place, dirs_exist_ok=True, symlinks=True)
    return place


def main(arguments: Sequence[str] | None = None) -> int:
    """Grade solutions on a slow machine; 1 if one is blamed for it."""
    asked = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    asked.add_argument("labs", nargs="*", help="numbers of labs; all if none")
    asked.add_argument("--share", type=float, default=TENTH, help="of the machine; 1 for all of it")
    asked.add_argument("--burn", type=int, default=os.cpu_count() or 1, help="busy programs beside")
    given = asked.parse_args(arguments)
    catalog = Catalog(None)
    blamed = 0
    for lab in catalog.labs():
        if given.labs and lab.number not in given.labs:
            continue
        with ExitStack() as stack:
            place = _solution(
                lab, Path(stack.enter_context(tempfile.TemporaryDirectory())) / "somebody" / lab.name
            )
            group = stack.enter_context(held(given.share)) if given.share < 1 else None
            stack.enter_context(burning(given.burn))
            began = time.monotonic()
            result, said = grade(place, group)
        steps = " ".join(f"{step['step']}={step['outcome']}" for step in result.get("steps", ()))
        print(f"{lab.name}: {time.monotonic() - began:.0f} s: {steps or said.strip()[-600:]}", flush=True)
        for text in [result["error"]] if result.get("error") else []:
            print(f"  error: {text}", flush=True)
        for step in result.get("steps", ()):
            if step["outcome"] == "error":
                print(f"  {step['step']}: {step['reason']}", flush=True)
        for text in unjust(result):
            blamed += 1
            print(f"  BLAMED {text}", flush=True)
    return 1 if blamed else 0


if __name__ == "__main__":
    sys.exit(main())
