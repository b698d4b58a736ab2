"""Evidence that a learner's answers broke the engine or a service they are judged by.

A replay that cannot be judged costs the learner nothing, so breaking the engine would pay. It is held against the
answers only with evidence that they did it. Whatever is merely slow, or answers nobody, is the machine's.
"""

import time

import msgspec

from checker.base.deadline import Deadline
from checker.base.errors import EngineFault, ServiceFault
from checker.base.results import Finding
from checker.engine.connection import Engine, engine_calls
from checker.judge.answers import HERE, Executor
from checker.stack import stack as stacks
from checker.stack import starting
from checker.stack.container import ServiceEnded, ServiceSilent, wait_ready
from checker.stack.kind import kind
from checker.stack.running import Running
from checker.stack.stack import Stack

HANGS_AFTER = 10.0
"""Seconds of silence after which a service that runs is started again."""
ENDS_WITHIN = 5.0
"""Seconds that an engine which answers nobody may take until it is gone."""
POLL = 0.05


def broken(engine: Engine, stack: Stack, executor: Executor) -> str:
    """Return what answers ended, filled or removed so that nothing can be judged; empty if there is no evidence.

    Raises EngineFault when the engine does not answer, for a reason that cannot be seen.
    """
    if executor is HERE:
        return ""
    engine.client.api.close()  # open connections: an answer may have written into the engine's ends of them
    if why := executor.broken():
        return why
    try:
        return _removed(engine, stack)
    except EngineFault:
        return _ending(executor) or _removed(engine, stack)


def revive(engine: Engine, stack: Stack, executor: Executor) -> tuple[list[str], str]:
    """Start the services again that answers stopped or left hanging. Return their names, and why one stays away.

    Raises ServiceFault, EngineFault when that is nobody's doing.
    """
    found = stacks.find(engine, stack.owner)
    stopped = [service.name for service in found.services.values() if not service.up] if found else []
    try:
        if found and stopped:
            starting.revive(engine, found)
        for service in stack.services.values() if executor is not HERE else ():
            if service.ports and not _answers(engine, service):
                stopped.append(service.name)
                if why := _restart(engine, service):
                    return stopped, why
    except ServiceEnded as error:
        if executor is HERE:
            raise
        return stopped, f"A service of the lab was stopped and does not start any more. {error.message}"
    except ServiceFault:
        if not (held := executor.held()):
            raise
        return stopped, f"A service of the lab does not answer any more. {held}"
    except EngineFault:
        if not (why := _ending(executor)):
            raise
        return stopped, why
    return stopped, ""


def _answers(engine: Engine, service: Running) -> bool:
    kept = kind(service.kind)
    soon = msgspec.structs.replace(kept, ready=msgspec.structs.replace(kept.ready, within=HANGS_AFTER))
    try:
        wait_ready(engine, service.container, service.ports, soon)
    except ServiceSilent:
        return False
    return True


def _restart(engine: Engine, service: Running) -> str:
    """Start a running service again, with what it stored. Return why the engine cannot, empty if it can.

    Raises ServiceFault, and MachineTooSlow if the engine may not have had the time for it.
    """
    import docker.errors

    began = Deadline(HANGS_AFTER)
    try:
        with engine_calls():
            engine.client.api.restart(service.container, timeout=1)
    except docker.errors.APIError as error:
        began.require_now(f"the service {service.name} could not be started again", least=0.0)
        return f"The engine has no hold of the service {service.name} any more: {error.explanation or error}."
    wait_ready(engine, service.container, service.ports, kind(service.kind))
    return ""


def _ending(executor: Executor) -> str:
    """Return what is broken of an engine that may be ending just now; empty if nothing is to be seen in time."""
    deadline = Deadline(ENDS_WITHIN)
    while not deadline.over():
        try:
            return executor.broken()
        except EngineFault:
            time.sleep(POLL)
    return ""


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
