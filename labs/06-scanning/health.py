"""Whether a health check tells the truth: well while the server answers, and not well while there is none.

Both are tried in containers of the check's own, by what the engine does at every interval: it runs the command
in the container, as the image's user (Docker Engine API, HealthConfig).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from checker.base.deadline import soon
from checker.base.errors import ServiceFault
from checker.check import fail
from checker.engine.images import tag_of
from checker.inspect.engineview import LocalImage
from checker.inspect.probe import ANSWERS_WITHIN, APP_PORT, Probe
from checker.inspect.throwaway import IDLER, CommandRun, Inside, Throwaway

WITHIN = 30.0
"""Seconds for one run of the check: as many as the engine gives it where nothing else is said."""
GONE_WITHIN = 10.0
"""The same where no server runs: what takes longer is not well either."""
TRIES = 3
IDLE = "busybox"
"""The base image whose program keeps a container without a server running."""


def command_of(config: Mapping[str, Any]) -> list[str]:
    """Return the command that the engine runs as a health check; empty if there is none."""
    kind, *words = (config.get("Healthcheck") or {}).get("Test") or ["NONE"]
    if kind == "CMD-SHELL" and words:
        return [*(config.get("Shell") or ["/bin/sh", "-c"]), *words]
    return words if kind == "CMD" else []


def require_health(throwaway: Throwaway, probe: Probe, image: LocalImage, name: str) -> None:
    """That an image has a health check, and that this says what is so."""
    command = command_of(image.config)
    if not command:
        fail(
            "health-check-missing",
            expected=f"The engine can ask {name} whether it is well.",
            observed="It has no health check: HEALTHCHECK NONE switches off the one there might be.",
            action="Give HEALTHCHECK CMD a command that fails if the server does not answer.",
        )
    shown = f"`{shortened(' '.join(command), 120)}`"
    with throwaway.container(image.id, port=APP_PORT) as alive:
        await_answer(alive, probe, name)
        ran = well(alive, command)
    if ran.exit_code != 0:
        ended = "did not end in time" if ran.exit_code is None else f"ended with {ran.exit_code}"
        said = f" and said: {shortened(ran.said)}" if ran.said else ""
        fail(
            "health-check-never-well",
            expected=f"In a container of {name} whose server answers, the health check ends with 0.",
            observed=f"{shown} {ended}{said.rstrip('.')}.",
            action="The engine runs it inside the container, as the image's user. So its program has to be in "
            "the image (this one has python3, and no curl), and it has to ask the port that the server is on.",
        )
    with throwaway.container(image.id, idle=tag_of(IDLE)) as without_server:
        require_not_root(without_server, name)
        if without_server.run(command, GONE_WITHIN).exit_code == 0:
            fail(
                "health-check-always-well",
                expected=f"In a container of {name} in which no server runs, the health check ends with "
                "something else than 0.",
                observed=f"{shown} ended with 0 there, so the engine would call it well for ever.",
                action="Let the command ask the server, and let nothing behind it replace its exit code.",
            )


def require_not_root(inside: Inside, name: str) -> None:
    """That what runs in the container has another user than root, whatever that is called."""
    ran = inside.run([IDLER, "id", "-u"], WITHIN)
    if ran.exit_code == 0 and ran.said == "0":
        fail(
            "runs-as-root",
            expected=f"{name} runs as somebody who is not root.",
            observed="Its user has the number 0, which is root's whatever the name is.",
            action="The base image has a user nobody: put USER nobody behind all that needs root.",
        )


def await_answer(inside: Inside, probe: Probe, name: str) -> None:
    """Wait until the server answers. Raises ServiceFault: that it does was seen before."""
    if not soon(lambda: probe.port(inside.port) is not None, ANSWERS_WITHIN):
        raise ServiceFault(f"{name} answered once, and then not within {ANSWERS_WITHIN:.0f} s.")


def well(inside: Inside, command: Sequence[str]) -> CommandRun:
    """Return what the check says, the best of a few times: one that fails now and then is no lie."""
    for _ in range(TRIES):
        ran = inside.run(command, WITHIN)
        if ran.exit_code in (0, None, 126, 127):
            break
    return ran


def shortened(text: str, most: int = 200) -> str:
    """Return a text on one line, with its middle left out if it is long."""
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[: most - 60]} … {line[-55:]}"
