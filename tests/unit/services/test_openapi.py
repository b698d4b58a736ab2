"""The OpenAPI descriptions are true: whatever is sent by them is answered by them, and never with a
failure.
"""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import load_all_checks
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from tests.unit.services.inside import OPERATOR, Lab, lab

load_all_checks()

# Names of things that are there, so that not every call ends with 404.
KNOWN = {
    "namespace": ["ann", "bob", "nobody"],
    "repository": ["app", "hidden", "none"],
    "service": ["registry.lab", "other"],
}
KNOWN_NUMBERS = {"wait": [0.0]}
OPERATIONS = settings(max_examples=3, deadline=None, suppress_health_check=list(HealthCheck), database=None)


FOLDERS = TemporaryDirectory()
"""Gone with this process: schemathesis wants descriptions when tests are collected, before there are fixtures."""


@cache
def running(mode: str) -> Lab:
    folder = Path(FOLDERS.name) / mode
    folder.mkdir()
    (folder / "registry-rbac.conf").write_text(
        'role auditor { registry audit repositories "*" actions pull }'
    )
    made = lab(mode, folder)
    if mode == "hub":
        for user in ("ann", "bob"):
            for name in ("app", "hidden"):
                body = {"name": name, "is_private": name == "hidden"}
                path = f"/v2/namespaces/{user}/repositories"
                made.api.post(path, json=body, headers=made.session(user))
    return made


def described(mode: str) -> Any:
    """Return the description that a service gives of itself, pointed at things it knows."""
    made = running(mode)
    document = made.api.get("/openapi.json").json()
    # In this process there is no Distribution behind the registry to be up.
    if mode != "events":
        del document["paths"]["/health"]
    for methods in document["paths"].values():
        for operation in methods.values():
            for parameter in operation.get("parameters", []):
                if parameter["name"] in KNOWN:
                    parameter["schema"] = {"type": "string", "enum": KNOWN[parameter["name"]]}
                elif parameter["name"] in KNOWN_NUMBERS:
                    parameter["schema"] = {"type": "number", "enum": KNOWN_NUMBERS[parameter["name"]]}
    schema = schemathesis.openapi.from_dict(document)
    schema.app = made.service.api
    return schema


def headers(mode: str, case: schemathesis.Case) -> dict[str, str]:
    """Return what opens a call, by what its description asks for."""
    asked = case.operation.definition.raw.get("security") or [{}]
    if "operator" in asked[0]:
        return OPERATOR
    if "session" in asked[0]:
        return session(mode)
    return {"Authorization": "Basic Ym9iOmJvYidzIHBhc3N3b3Jk"} if "basic" in asked[0] else {}


@cache
def session(mode: str) -> dict[str, str]:
    return running(mode).session("ann")


def send(mode: str, case: schemathesis.Case) -> None:
    # That a repository exists already, say, makes a proper call end with 400; that is what 400 is declared
    # for.
    excluded = [positive_data_acceptance]
    # A parameter that no call knows is no mistake: docker itself sends some.
    if "requestBody" not in case.operation.definition.raw:
        excluded.append(negative_data_rejection)
    case.call_and_validate(headers=headers(mode, case), excluded_checks=excluded)


HUB, ROLES, EVENTS = (described(mode) for mode in ("hub", "roles", "events"))


@HUB.parametrize()
@OPERATIONS
def test_the_hub_answers_as_it_says(case: schemathesis.Case) -> None:
    send("hub", case)


@ROLES.parametrize()
@OPERATIONS
def test_roles_answers_as_it_says(case: schemathesis.Case) -> None:
    send("roles", case)


@EVENTS.parametrize()
@OPERATIONS
def test_events_answers_as_it_says(case: schemathesis.Case) -> None:
    send("events", case)


@pytest.mark.parametrize("mode", ["hub", "roles", "events"])
def test_every_call_has_a_name_of_its_own_and_says_what_it_is_for(mode: str) -> None:
    document = running(mode).api.get("/openapi.json").json()
    operations = [operation for methods in document["paths"].values() for operation in methods.values()]
    names = [operation["operationId"] for operation in operations]
    assert len(set(names)) == len(names)
    assert all(operation["summary"] for operation in operations)
