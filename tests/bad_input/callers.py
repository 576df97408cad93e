"""Who sends bad input, and what every answer to it must be."""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from oppulence.kernel.declarations import Route
from oppulence.kernel.ids import random_text
from tests.support.api import Answer, Api
from tests.support.entries import routes

ROUTES = [declared for _, declared, _ in routes()]
GUARDED = [declared for declared in ROUTES if declared.access != "public"]
WITH_BODY = [declared for declared in ROUTES if declared.body is not None]
WITH_QUERY = [declared for declared in ROUTES if declared.query is not None]
WITH_PARAMETER = [declared for declared in ROUTES if declared.path_parameters]
FEW = 4

Value = TypeVar("Value")


@dataclass(frozen=True)
class Callers:
    """A key of the workspace, and a person who owns it."""

    key: Api
    person: Api

    def of(self, declared: Route) -> Api:
        """Whoever this route serves; with a fresh Idempotency-Key where it wants one."""
        caller = self.person if declared.access == "user" else self.key
        return caller.with_headers(Idempotency_Key=random_text(20)) if declared.idempotent else caller


def name_of(declared: Route) -> str:
    """A route's name in reports."""
    return f"{declared.method} {declared.path}"


def share(values: Sequence[Value], declared: Route) -> list[Value]:
    """A route's few of what is refused before the route is asked: each has some, and each value goes to many routes."""
    first = ROUTES.index(declared) * FEW
    return [values[place % len(values)] for place in range(first, first + min(FEW, len(values)))]


def plain_path(declared: Route, value: str = "nothing_0000000000000000000a") -> str:
    """The route's path with something in place of each parameter."""
    return declared.path.format_map(dict.fromkeys(declared.path_parameters, value))


def invoke(caller: Api, declared: Route, parameters: dict[str, str], query: str = "", body: bytes = b"") -> Answer:
    """Call a route by its event, where parameters and query string are what no client library would send."""
    handler = next(handler for _, found, handler in routes() if found is declared)
    headers = {"content-type": "application/json", **{name.lower(): value for name, value in (caller.headers or {}).items()}}
    result = handler(
        {
            "rawPath": declared.path.format_map(parameters), "rawQueryString": query, "headers": headers,
            "requestContext": {"http": {"method": declared.method, "path": declared.path, "sourceIp": "203.0.113.7"}},
            "pathParameters": parameters, "body": body.decode(), "isBase64Encoded": False,
        },
        None,
    )  # fmt: skip
    text = base64.b64decode(result["body"]) if result["isBase64Encoded"] else result["body"]
    return Answer(result["statusCode"], result["headers"], json.loads(text) if text else b"")


def assert_refused(answer: Answer, *statuses: int, param: str | None = None) -> None:
    """An error in the published form, of one of these statuses, which names the parameter."""
    assert answer.status in statuses, (answer.status, answer.body)
    error = answer.error
    assert error.message and error.code and "Value error" not in error.message
    assert error.type == {401: "authentication_error", 403: "authorization_error", 404: "not_found_error"}.get(
        answer.status, "conflict_error" if answer.status == 409 else "validation_error"
    )
    if param is not None:
        assert error.param is not None and error.param.partition(".")[0] == param, (error.param, param, error.message)
    assert answer.headers["X-Request-Id"] == error.request_id
