"""Whether answers broke what they are judged by: their engine, or a service of the lab.

A replay that cannot be judged costs the learner nothing, so breaking the engine would pay. It is held against the
answers only with evidence that they did it. Whatever is merely slow, or answers nobody, is the machine's.
"""

import msgspec

from checker.answers import HERE, Door
from checker.engine import Engine, engine_calls
from checker.errors import EngineFault, ServiceFault
from checker.model import Finding
from checker.stack import kind
from checker.stack import stack as stacks
from checker.stack.container import ServiceEnded, ServiceSilent, wait_ready
from checker.stack.stack import Running, Stack

HANGS_AFTER = 10.0
"""Seconds of silence after which a service that runs is started again."""


def broken(engine: Engine, stack: Stack, door: Door) -> str:
    """Return what answers ended, filled or removed so that nothing can be judged; empty if there is no evidence.

    Raises EngineFault when the engine does not answer, for a reason that cannot be seen.
    """
    if door is HERE:
        return ""
    engine.client.api.close()  # open connections: an answer may have written into the engine's ends of them
    if why := door.broken():
        return why
    try:
        return _removed(engine, stack)
    except EngineFault:
        return door.broken() or _removed(engine, stack)  # it may be ending just now


def revive(engine: Engine, stack: Stack, door: Door) -> tuple[list[str], str]:
    """Start the services again that answers stopped or left hanging. Return their names, and why one stays away.

    Raises ServiceFault, EngineFault when that is nobody's doing.
    """
    found = stacks.find(engine, stack.owner)
    stopped = [service.name for service in found.services.values() if not service.up] if found else []
    try:
        if found and stopped:
            stacks.revive(engine, found)
        for service in stack.services.values() if door is not HERE else ():
            if service.ports and not _answers(engine, service):
                stopped.append(service.name)
                _restart(engine, service)
    except ServiceEnded as error:
        if door is HERE:
            raise
        return stopped, f"A service of the lab was stopped and does not start any more. {error.message}"
    except ServiceFault:
        if not (held := door.held()):
            raise
        return stopped, f"A service of the lab does not answer any more. {held}"
    return stopped, ""


def _answers(engine: Engine, service: Running) -> bool:
    kept = kind(service.kind)
    soon = msgspec.structs.replace(kept, ready=msgspec.structs.replace(kept.ready, within=HANGS_AFTER))
    try:
        wait_ready(engine, service.container, service.ports, soon)
    except ServiceSilent:
        return False
    return True


def _restart(engine: Engine, service: Running) -> None:
    """Start a running service again, with what it stored. Raises ServiceFault."""
    with engine_calls():
        engine.client.api.restart(service.container, timeout=1)
    wait_ready(engine, service.container, service.ports, kind(service.kind))


def finding(step: str, observed: str) -> Finding:
    """Return why no step can be passed any more. step: the one whose answer had run when it was seen."""
    return Finding(
        code="room-broken",
        expected="After the answers the engine and the lab's services are there, so that steps can be judged.",
        observed=f"When the answer of step {step} had run: {observed}",
        action="Let answers leave the engine and the lab's services alone, and end what they start.",
    )


def _removed(engine: Engine, stack: Stack) -> str:
    found = stacks.find(engine, stack.owner)
    lost = [name for name in stack.services if found is None or name not in found.services]
    return f"The lab's service {', '.join(lost)} was removed." if lost else ""
