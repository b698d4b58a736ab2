"""A pull-through cache: CNCF Distribution as a proxy of another registry of the stack.

Distribution documentation, "Registry as a pull through cache". It asks its upstream for the place of
tokens when it starts, so the upstream has to answer first.
"""

import msgspec

from checker.stack import MAIN, Kind, Plan, Ready, Run
from checker.stack.registry import endpoint


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """of: the service whose images are kept. events: the service that collects notifications."""

    of: str
    events: str = ""


def _plan(_name: str, options: Options, run: Run) -> Plan:
    upstream = run.real.get(options.of)
    environment = {
        "REGISTRY_PROXY_REMOTEURL": upstream or f"http://{options.of}:5000",
        "REGISTRY_HTTP_SECRET": "one-registry-needs-no-shared-secret",
        "REGISTRY_LOG_LEVEL": "warn",
        "OTEL_TRACES_EXPORTER": "none",
    }
    if options.events:
        url = f"http://{options.events}:8000/notifications"
        environment["REGISTRY_NOTIFICATIONS"] = f"endpoints: [{endpoint('events', url)}]"
    after = [name for name in (options.of, options.events) if name and name not in run.real]
    return Plan(environment=environment, network=True, after=tuple(after))


KIND = Kind(image="registry", ports={MAIN: 5000}, ready=Ready(path="/v2/"), options=Options, plan=_plan)
