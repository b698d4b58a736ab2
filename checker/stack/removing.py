"""Removing stacks: their containers and networks, known by labels."""

from checker.base.processes import gone
from checker.engine.connection import Engine, engine_calls
from checker.engine.labels import OWNER, PROCESS


def remove(engine: Engine, owner: str) -> int:
    """Remove everything labelled with the owner; returns how many containers that were."""
    count = _remove_containers(engine, f"{OWNER}={owner}")
    remove_networks(engine, f"{OWNER}={owner}")
    return count


def sweep(engine: Engine) -> int:
    """Remove what processes that are gone left behind; returns how many containers that were."""
    with engine_calls():
        containers = engine.client.api.containers(all=True, filters={"label": PROCESS})
        networks = engine.client.api.networks(filters={"label": PROCESS})
    marks = [(entry.get("Labels") or {}).get(PROCESS, "") for entry in (*containers, *networks)]
    dead = {identity for identity in marks if identity and gone(identity)}
    count = sum(_remove_containers(engine, f"{PROCESS}={identity}") for identity in dead)
    for identity in dead:
        remove_networks(engine, f"{PROCESS}={identity}")
    return count


def remove_networks(engine: Engine, label: str) -> int:
    """Remove the networks with a label, taking out of them whatever is still in; how many that were."""
    import docker.errors

    api = engine.client.api
    with engine_calls():
        networks = api.networks(filters={"label": label})
    for network in networks:
        try:
            with engine_calls():
                inside = api.inspect_network(network["Id"]).get("Containers") or {}
                for container in inside:
                    api.disconnect_container_from_network(container, network["Id"], force=True)
                api.remove_network(network["Id"])
        except docker.errors.NotFound:
            continue
    return len(networks)


def _remove_containers(engine: Engine, label: str) -> int:
    import docker.errors

    with engine_calls():
        entries = engine.client.api.containers(all=True, filters={"label": label})
    for entry in entries:
        try:
            with engine_calls():
                engine.client.api.remove_container(entry["Id"], force=True, v=True)
        except docker.errors.NotFound:
            continue
        except docker.errors.APIError as error:
            if "already in progress" not in str(error):
                raise
    return len(entries)
