"""A scan that is judged, against Trivy scanning the same image by itself."""

import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from checker.base.results import Outcome
from checker.engine.connection import Engine
from checker.judge import answers, overlays, verify
from checker.lab import workspace
from checker.lab.catalog import Catalog
from checker.lab.workspace import Workspace
from checker.programs import tools
from checker.scanning import trivy
from checker.stack import needs, starting
from checker.stack.cleanup import remove_run
from tests.bench.services import OWNER

LAB, STEP = "06", "sarif"

Timed = Callable[[], float]


@contextmanager
def judged(engine: Engine) -> Iterator[tuple[Timed, Timed]]:
    """The check of a step with a report, as in a practice, and one scan of its image. Both have no cache of layers."""
    lab = Catalog().lab(LAB)
    needs.provide(engine, [lab], print)
    with tempfile.TemporaryDirectory(prefix="registry-lab-bench-") as folder:
        place = Workspace(Path(folder).resolve() / lab.name)
        overlays.laid_out(lab)(place.path)
        stack = starting.start(engine, lab, OWNER, throwaway=True, place=place.path)
        try:
            workspace.create(lab, place)
            workspace.write_given_files(lab, place, stack.values)
            env = answers.environment(engine, place, stack.values, lab.tools)
            for name in ("look", STEP):
                subprocess.run(
                    ["bash", str(place.path / "steps" / f"{name}.sh")],
                    cwd=place.path,
                    env=env,
                    check=True,
                    capture_output=True,
                )
            image = f"{stack.values['APP']}:{stack.values['VERSION']}"

            def check() -> float:
                began = time.perf_counter()
                with ExitStack() as closing:
                    report = verify.check(engine, lab, stack, place, steps=frozenset({STEP}), closing=closing)
                took = time.perf_counter() - began
                assert report.outcome is Outcome.PASS, report
                return took

            def scan() -> float:
                cache = Path(folder) / "cache"
                shutil.rmtree(cache, ignore_errors=True)
                settings = {**env, **trivy.environment(cache)}
                command = [str(tools.program("trivy")), "image", "--quiet", "--format", "json", image]
                began = time.perf_counter()
                subprocess.run(command, cwd=folder, env=settings, check=True, capture_output=True)
                return time.perf_counter() - began

            yield check, scan
        finally:
            remove_run(engine, stack)
