"""`python -m tests.bench`: how long things take, as ratios to baselines measured in the same run.

Each row times the thing and its baseline in turn (A B A B ...), so that a machine that slows down slows both,
and prints the medians and the ratio of the medians. Nothing here fails because of a time.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

from checker.base.model import Lab
from checker.base.ports import HOST, free_port
from checker.base.results import Outcome
from checker.engine import images
from checker.engine.connection import Engine
from checker.judge import answers, overlays, replay
from checker.lab import workspace
from checker.lab.catalog import Catalog
from checker.lab.workspace import Workspace
from checker.stack import container, removing, starting
from checker.stack.cleanup import remove_run
from tests.bench import classes, pipelines, scanning, services, watching

LAB = "01"
BIN = Path(sys.executable).parent


class Row(msgspec.Struct, frozen=True):
    """One comparison; times in seconds, medians. target: the ratio to reach."""

    what: str
    against: str
    seconds: float
    baseline: float
    target: float
    spread: str

    @property
    def ratio(self) -> float:
        return self.seconds / self.baseline


def in_turn(
    what: str,
    against: str,
    target: float,
    thing: Callable[[], float],
    baseline: Callable[[], float],
    runs: int,
) -> Row:
    """Time both in turn after one uncounted round; each callable returns its own seconds."""
    thing(), baseline()
    pairs = [(thing(), baseline()) for _ in range(runs)]
    mine, theirs = ([pair[side] for pair in pairs] for side in (0, 1))
    spread = f"{min(mine):.3f}-{max(mine):.3f} / {min(theirs):.3f}-{max(theirs):.3f}"
    return Row(what, against, statistics.median(mine), statistics.median(theirs), target, spread)


def process(*command: str, env: dict[str, str] | None = None) -> Callable[[], float]:
    """A whole process, from start to end; it has to succeed."""

    def run() -> float:
        began = time.perf_counter()
        subprocess.run(command, env=env, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return time.perf_counter() - began

    return run


def stack_ready(engine: Engine, lab: Lab) -> Callable[[], float]:
    """Our stack of the lab, from the call until all services answer."""

    def run() -> float:
        began = time.perf_counter()
        stack = starting.start(engine, lab, services.OWNER, throwaway=True)
        took = time.perf_counter() - began
        removing.remove(engine, stack.owner)
        return took

    return run


def bare_registry(engine: Engine) -> Callable[[], float]:
    """`docker run` of the same image, polled every 5 ms until /v2/ answers."""

    def run() -> float:
        port = free_port()
        command = [
            "docker",
            "run",
            "--detach",
            services.mark(),
            "--publish",
            f"{HOST}:{port}:5000",
            images.tag_of("registry"),
        ]
        began = time.perf_counter()
        done = subprocess.run(
            command, env=dict(os.environ, **engine.environment()), capture_output=True, check=True
        )
        while not container.answers(port, "/v2/"):
            time.sleep(0.005)
        took = time.perf_counter() - began
        engine.client.api.remove_container(done.stdout.decode().strip(), force=True, v=True)
        return took

    return run


def whole_replay(engine: Engine, lab: Lab) -> Callable[[], float]:
    """Grading the solution: fresh stack, all answers, all checks, everything removed again."""

    def run() -> float:
        began = time.perf_counter()
        fill = overlays.laid_out(lab)
        report = replay.replay(engine, lab, fill, "bench", replay.Silent())
        took = time.perf_counter() - began
        assert report.outcome is Outcome.PASS, report
        return took

    return run


def bare_answers(engine: Engine, lab: Lab) -> Callable[[], float]:
    """The same scripts run by bash, in a workspace and against a registry that are there already."""

    def run() -> float:
        with tempfile.TemporaryDirectory(prefix="registry-lab-bench-") as folder:
            place = Workspace(Path(folder).resolve() / lab.name)
            overlays.laid_out(lab)(place.path)
            stack = starting.start(engine, lab, services.OWNER, throwaway=True)
            try:
                workspace.create(lab, place)
                workspace.write_given_files(lab, place, stack.values)
                workspace.start_history(place, stack.owner)
                env = answers.environment(engine, place, stack.values)
                began = time.perf_counter()
                for step in lab.steps:
                    command = ["bash", str(place.answer(step))]
                    subprocess.run(command, cwd=place.path, env=env, check=True, capture_output=True)
                return time.perf_counter() - began
            finally:
                remove_run(engine, stack)

    return run


def measure(runs: int) -> list[Row]:
    engine = services.begin()
    lab = Catalog().lab(LAB)
    images.ensure(engine, sorted({"registry", "services", "nginx", *lab.images}), print)
    bare, ours = process(sys.executable, "-c", "pass"), process(str(BIN / "lab"), "--help")
    rows = [
        in_turn("lab --help", "python -c pass", 12, ours, bare, runs),
        in_turn(
            "stack ready", "docker run + poll", 1.5, stack_ready(engine, lab), bare_registry(engine), runs
        ),
        in_turn(
            "replay", "the answers in bash", 1.5, whole_replay(engine, lab), bare_answers(engine, lab), runs
        ),
    ]
    for what, group in services.GROUPS.items():
        mine, theirs = services.ours(engine, group), services.bare(engine, group)
        rows.append(in_turn(what, "bare containers in turn", 1.5, mine, theirs, runs))
    with pipelines.publishing(engine) as (workflow, commands):
        rows.append(in_turn("workflow run", "commands in bash + act's start", 2, workflow, commands, runs))
    with scanning.judged(engine) as (check, scan):
        rows.append(in_turn("scan check", "Trivy alone", 1.3, check, scan, runs))
    with watching.pushed() as practice:
        verdict, hand = practice.verdict, practice.by_hand
        rows.append(in_turn("push to verdict, watched", "the check by hand", 2, verdict, hand, runs))
    with tempfile.TemporaryDirectory(prefix="registry-lab-bench-") as folder:
        env = dict(os.environ, REGISTRY_LAB_WORKSPACE=folder)
        subprocess.run([BIN / "lab", "start", LAB], env=env, check=True)
        place = workspace.Workspace(Path(folder).resolve() / lab.name)
        author_files = lab.folder / "solution"
        subprocess.run(["cp", "-r", f"{author_files}/.", str(place.path)], check=True)
        try:
            subprocess.run([BIN / "lab", "run", LAB, "--all"], env=env, check=True, capture_output=True)
            ours = process(str(BIN / "lab"), "check", LAB, env=env)
            bare = process(sys.executable, "-c", "import pytest, docker")
            rows.append(in_turn("lab check", "import pytest, docker", 2.5, ours, bare, runs))
        finally:
            subprocess.run([BIN / "lab", "stop", LAB], env=env, check=True)
    return rows


def measure_classes(runs: int) -> list[Row]:
    """Many submissions. The long ones are timed once: what they do two hundred times needs no median."""
    engine = services.begin()
    lab, rows = Catalog().lab(LAB), []
    images.ensure(engine, sorted({"registry", *lab.images}), print)
    with classes.of_lab(engine, lab) as graded:
        one, bash = graded.timed(1), bare_answers(engine, lab)
        rows.append(in_turn("one of lab 01, in a room", "the answers in bash", 2, one, bash, runs))
        two_jobs, one_job = graded.timed(10, "--jobs", "2"), graded.timed(10)
        rows.append(in_turn("ten of lab 01, --jobs 2", "--jobs 1", 1 / 1.7, two_jobs, one_job, min(runs, 2)))
    with classes.of_tiny_lab(engine) as graded, classes.other_graders(10) as others:
        for name, theirs in others.items():
            ten = graded.timed(10)
            rows.append(
                in_turn("ten of a small lab, --jobs 1", f"ten by {name}", 1, ten, theirs, min(runs, 3))
            )
        seconds, peak = {}, {}
        for count in (20, 200):
            seconds[count] = graded.seconds(count, "--jobs", "4")
            peak[count] = graded.peak
        rows.append(Row("200 of a small lab, --jobs 4", "20", seconds[200], seconds[20], 10.5, "one run"))
        rows.append(Row("200 of a small lab: MB at most", "20", peak[200], peak[20], 1.2, "one run"))
    return rows


def show(rows: list[Row]) -> None:
    table = Table(
        "what", "seconds", "against", "seconds", "ratio", "to reach", "spread", title="medians, in turn"
    )
    for row in rows:
        numbers = f"{row.ratio:.2f}x", f"{row.target:g}x"
        table.add_row(
            row.what, f"{row.seconds:.3f}", row.against, f"{row.baseline:.3f}", *numbers, row.spread
        )
    Console(width=130).print(table)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=7, help="counted runs of each (default 7)")
    parser.add_argument(
        "--classes", action="store_true", help="measure the grading of many instead; takes long"
    )
    given = parser.parse_args()
    show(measure_classes(given.runs) if given.classes else measure(given.runs))
