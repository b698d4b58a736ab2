"""The OpenAPI description of a service, made from the same declarations that the calls are dispatched by."""

import re
from functools import cache
from http import HTTPStatus
from typing import Any

import msgspec

from checker.services.web import Answer, Call, Route

_SECURITY: dict[str, list[dict[str, list[str]]]] = {
    "session": [{"session": []}],
    "session-or-nobody": [{"session": []}, {}],
    "basic": [{"basic": []}],
    "basic-or-nobody": [{"basic": []}, {}],
    "operator": [{"operator": []}],
}


def described(title: str, routes: list[Route]) -> Route:
    """Return the call /openapi.json, which describes these routes (but not itself)."""

    @cache
    def once() -> dict[str, Any]:
        return document(title, routes)

    async def get(_call: Call) -> Answer:
        return Answer(once())

    return Route("GET", "/openapi.json", get, "This description", {200: dict[str, Any]})


def document(title: str, routes: list[Route]) -> dict[str, Any]:
    """Return the description (OpenAPI 3.1)."""
    used: list[Any] = []
    for route in routes:
        used += [answer for answer in route.all_answers.values() if answer is not None]
        used += [shape for shape in (route.body, route.form, route.query) if shape is not None]
    unique = list({repr(shape): shape for shape in used}.values())
    schemas, components = msgspec.json.schema_components(unique, ref_template="#/components/schemas/{name}")
    by_shape = {repr(shape): schema for shape, schema in zip(unique, schemas, strict=True)}
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        path = re.sub(r"\{(\w+):\w+\}", r"{\1}", route.path)
        paths.setdefault(path, {})[route.method.lower()] = _operation(route, by_shape, components)
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": "1"},
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "session": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
                "basic": {"type": "http", "scheme": "basic"},
                "operator": {"type": "http", "scheme": "bearer"},
            },
        },
    }


def _operation(route: Route, by_shape: dict[str, Any], components: dict[str, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "summary": route.summary,
        "operationId": re.sub(r"\W+", "_", f"{route.method.lower()}{route.path}").strip("_"),
        "security": _SECURITY.get(route.security, []),
        "responses": {
            str(status): _response(status, by_shape[repr(shape)] if shape is not None else None, route.method)
            for status, shape in sorted(route.all_answers.items())
        },
    }
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for name in re.findall(r"\{(\w+)(?::\w+)?\}", route.path)
    ]
    if route.query:
        schema = components[route.query.__name__]
        required = schema.get("required", [])
        parameters += [
            {"name": name, "in": "query", "required": name in required, "schema": each}
            for name, each in schema["properties"].items()
        ]
    if parameters:
        operation["parameters"] = parameters
    if route.body is not None or route.form is not None:
        kind = "application/json" if route.form is None else "application/x-www-form-urlencoded"
        shape = route.body if route.form is None else route.form
        operation["requestBody"] = {
            "required": True,
            "content": {kind: {"schema": by_shape[repr(shape)]}},
        }
    return operation


def _response(status: int, schema: Any, method: str) -> dict[str, Any]:
    response: dict[str, Any] = {"description": HTTPStatus(status).phrase}
    if schema is not None and method != "HEAD":
        response["content"] = {"application/json": {"schema": schema}}
    return response
