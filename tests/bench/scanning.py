"""A scan that is judged, against Trivy scanning the same image by itself."""

import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from checker import answers, author, needs, tools, verify, workspace
from checker.catalog import Catalog
from checker.cleanup import remove_run
from checker.engine import Engine
from checker.model import Outcome
from checker.scanning import trivy
from checker.stack import stack as stacks
from checker.workspace import Workspace
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
        author.laid_out(lab.folder / "starter", lab.folder / "solution")(place.path)
        stack = stacks.start(engine, lab, OWNER, throwaway=True, place=place.path)
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
