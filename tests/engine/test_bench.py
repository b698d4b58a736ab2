"""A measurement that was killed is not in the way of the next one."""

import os
import signal
import subprocess
import sys

import pytest

from checker.engine.connection import Engine
from checker.stack.cleanup import sweep
from tests.helpers import until

pytestmark = pytest.mark.engine

START = """
import time
from checker.stack import removing, starting
from tests.bench import services
engine = services.begin()
stack = starting.start(engine, services.lab_of((services.REGISTRY,)), services.OWNER, throwaway=True)
print(stack.services["registry"].container, flush=True)
{then}
"""


def test_what_a_killed_one_left_is_removed_by_the_next(engine: Engine, counts: None) -> None:
    env = {**os.environ, **engine.environment()}
    first = subprocess.Popen(
        [sys.executable, "-c", START.format(then="time.sleep(600)")],
        env=env,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert first.stdout
    left = first.stdout.readline().strip()
    first.send_signal(signal.SIGKILL)
    first.wait()

    second = subprocess.run(
        [sys.executable, "-c", START.format(then="removing.remove(engine, stack.owner)")],
        env=env,
        capture_output=True,
        text=True,
        check=True,
    )

    assert left
    assert second.stdout.strip() != left
    until(lambda: left not in {entry["Id"] for entry in containers(engine)}, "the first one to be removed")
    sweep(engine)


def containers(engine: Engine) -> list[dict[str, str]]:
    found: list[dict[str, str]] = engine.client.api.containers(all=True)
    return found
