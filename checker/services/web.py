"""Calls that a service answers: declared once, for the dispatcher and for the OpenAPI description alike.

A Route names everything that can come back. What a handler is given has been checked against the declared
types; what it cannot do it says by raising Problem.
"""

import sys
import traceback
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import msgspec
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.routing import Route as Path

LARGEST = 4 * 1024 * 1024
"""Bytes of a request's body that are read."""


class Error(msgspec.Struct, omit_defaults=True):
    """What a call answers that did not do what was asked, in Docker Hub's form."""

    message: str
    detail: str = ""
    errinfo: dict[str, str] = {}


class Problem(Exception):
    """Ends a call with a status of 4xx and an Error, or with a body of the call's own form."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        errinfo: Mapping[str, str] | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.body = Error(message, message, dict(errinfo or {})) if body is None else body
        self.headers = dict(headers or {})


@dataclass(frozen=True)
class Call:
    """One call. path: the parameters in the path; query, body: of the types the route declares."""

    request: Request
    path: Mapping[str, str]
    query: Any
    body: Any

    @property
    def authorization(self) -> str:
        """The Authorization header, "" without one."""
        return self.request.headers.get("authorization", "")

    @property
    def address(self) -> str:
        """Where the call comes from: the peer of the connection, whatever headers say."""
        return self.request.client.host if self.request.client else ""


@dataclass(frozen=True)
class Answer:
    """What a call answers. body: anything msgspec writes as JSON; None for no body."""

    body: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


Handler = Callable[[Call], Awaitable[Answer]]


@dataclass(frozen=True)
class Route:
    """One call that exists.

    answers: every status with the type of its body (None: no body); 400, 413 and 415 of what is sent are
    added. query, body, form: msgspec types of the parameters and of a body in JSON or as a form.
    security: "" (nobody is asked), session, session-or-nobody, basic, basic-or-nobody, operator.
    """

    method: str
    path: str
    handler: Handler
    summary: str
    answers: Mapping[int, Any]
    query: type[msgspec.Struct] | None = None
    body: Any = None
    form: type[msgspec.Struct] | None = None
    security: str = ""
    error: Any = Error

    @property
    def all_answers(self) -> dict[int, Any]:
        """What can come back, refusals that the dispatcher itself makes included."""
        every = dict(self.answers)
        if self.query or self.body or self.form:
            every.setdefault(400, self.error)
        if self.body or self.form:
            every.setdefault(413, self.error)
            every.setdefault(415, self.error)
        return every


def application(routes: Iterable[Route], more: Iterable[BaseRoute] = ()) -> Starlette:
    """Make the ASGI application for these calls. A slash at the end of a path is the same call."""
    by_path: dict[str, dict[str, Route]] = {}
    for route in routes:
        by_path.setdefault(route.path.rstrip("/"), {})[route.method] = route
    paths: list[BaseRoute] = []
    for path, methods in by_path.items():
        endpoint = _Methods(methods)
        paths += [Path(path, endpoint), Path(f"{path}/", endpoint)]
    app = Starlette(routes=[*paths, *more], exception_handlers={404: _not_found})
    app.router.redirect_slashes = False
    return app


async def _not_found(_request: Request, _error: Exception) -> Response:
    return _written(404, Error("There is no such call.", "There is no such call."))


class _Methods:
    """The calls of one path, as an ASGI application."""

    def __init__(self, methods: Mapping[str, Route]) -> None:
        self._methods = methods

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        request = Request(scope, receive)
        try:
            response = await self._answer(request)
        except ClientDisconnect:
            return
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        route = self._methods.get(request.method)
        if route is None:
            text = f"This address does not know the method {request.method}."
            allowed = ", ".join(sorted(self._methods))
            return _written(405, Error(text, text), {"Allow": allowed})
        try:
            answer = await route.handler(await _call(route, request))
        except Problem as problem:
            body = None if request.method == "HEAD" else problem.body
            return _written(problem.status, body, problem.headers)
        except ClientDisconnect:
            raise
        except Exception:
            print(f"{route.method} {route.path} went wrong:", file=sys.stderr)
            traceback.print_exc()
            text = "The service made a mistake; its log says which."
            return _written(500, Error(text, text))
        return _written(answer.status, answer.body, answer.headers)


def _written(status: int, body: Any, headers: Mapping[str, str] | None = None) -> Response:
    if body is None:
        return Response(status_code=status, headers=dict(headers or {}))
    return Response(msgspec.json.encode(body), status, dict(headers or {}), "application/json")


async def _call(route: Route, request: Request) -> Call:
    query = _query(route, request) if route.query else None
    body = None
    if route.body is not None or route.form is not None:
        content = await _content(route, request)
        body = _form(route, request, content) if route.form else _json(route, request, content)
    return Call(request, request.path_params, query, body)


def _refuse(route: Route, status: int, text: str, part: str = "") -> Problem:
    errinfo = {part: text} if part else {}
    return Problem(status, text, errinfo=errinfo, body=None if route.error is Error else route.error(text))


async def _content(route: Route, request: Request) -> bytes:
    content = bytearray()
    async for part in request.stream():
        content += part
        if len(content) > LARGEST:
            raise _refuse(route, 413, f"The body is longer than {LARGEST} bytes.")
    return bytes(content)


def _json(route: Route, request: Request, content: bytes) -> Any:
    media_type = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if not (media_type.endswith(("/json", "+json")) or media_type == ""):
        raise _refuse(
            route,
            415,
            f"The body is announced as {media_type}; send JSON, with the header Content-Type:"
            f" application/json.",
        )
    try:
        return msgspec.json.decode(content, type=route.body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _refuse(route, 400, f"The body is wrong: {error}", "body") from None


def _form(route: Route, request: Request, content: bytes) -> Any:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/x-www-form-urlencoded":
        raise _refuse(route, 415, "Send a form: Content-Type application/x-www-form-urlencoded.")
    try:
        values = parse_qs(content.decode(), keep_blank_values=True, max_num_fields=100)
    except ValueError as error:
        raise _refuse(route, 400, f"The form is wrong: {error}", "body") from None
    return _from_texts(route, route.form, values, "body")


def _query(route: Route, request: Request) -> Any:
    given = request.query_params
    return _from_texts(route, route.query, {name: given.getlist(name) for name in given}, "query")


def _from_texts(route: Route, shape: Any, values: Mapping[str, list[str]], part: str) -> Any:
    lists = {
        each.encode_name
        for each in msgspec.structs.fields(shape)
        if getattr(each.type, "__origin__", each.type) is list
    }
    flat = {name: found if name in lists else found[-1] for name, found in values.items()}
    try:
        return msgspec.convert(flat, shape, strict=False)
    except msgspec.ValidationError as error:
        raise _refuse(route, 400, f"The parameters are wrong: {error}", part) from None
