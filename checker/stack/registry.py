"""CNCF Distribution, plain: no accounts, deletion on, every push and deletion announced.

Notifications go to port 8999 of the registry's own network namespace. Nobody listens there until
`checker.stack.listener` joins that namespace; until then Distribution keeps and repeats them. Where a
lab has a collector of events, they go there as well.
"""

import msgspec

from checker.stack import MAIN, Kind, Plan, Ready, Run

EVENTS_PORT = 8999


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """events: the service that collects this registry's notifications. network: whether other containers
    of the run reach it by its name. internal: it is only on a network without a way out, for an edge.
    advisories: it holds the lab's advisory database, as the repository and tag that scanners ask for."""

    events: str = ""
    advisories: bool = False
    network: bool = False
    internal: bool = False


def endpoint(name: str, url: str) -> str:
    """A notification endpoint as Distribution's configuration has it, in YAML's flow style."""
    return f"{{name: {name}, url: '{url}', timeout: 1s, threshold: 3, backoff: 500ms}}"


def _plan(_name: str, options: Options, _run: Run) -> Plan:
    endpoints = [endpoint("lab", f"http://127.0.0.1:{EVENTS_PORT}/cgi-bin/events")]
    if options.events:
        endpoints.append(endpoint("events", f"http://{options.events}:8000/notifications"))
    environment = {
        "REGISTRY_STORAGE_DELETE_ENABLED": "true",
        "REGISTRY_HTTP_SECRET": "one-registry-needs-no-shared-secret",
        "REGISTRY_LOG_LEVEL": "warn",
        "OTEL_TRACES_EXPORTER": "none",
        # Distribution reads the value of a whole section as YAML.
        "REGISTRY_NOTIFICATIONS": f"endpoints: [{', '.join(endpoints)}]",
    }
    files: dict[str, bytes] = {}
    if options.advisories:
        from checker.scanning import artifact

        files = artifact.stored()
    if options.internal:
        return Plan(environment=environment, files=files, inside=True, published=False)
    return Plan(environment=environment, files=files, network=options.network or bool(options.events))


KIND = Kind(image="registry", ports={MAIN: 5000}, ready=Ready(path="/v2/"), options=Options, plan=_plan)
