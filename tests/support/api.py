"""The HTTP API as a caller sees it, through the real handlers and API Gateway's event."""

import base64
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlencode

from pydantic import BaseModel

from tests.support.entries import routes

if TYPE_CHECKING:
    from tests.support.world import World

PROBLEM = "application/problem+json"


@dataclass(frozen=True)
class ApiError:
    """The error part of an answer."""

    type: str
    code: str
    message: str
    param: str | None = None
    request_id: str = ""


@dataclass(frozen=True)
class Answer:
    """An answer; `body` is parsed when it is JSON, otherwise bytes."""

    status: int
    headers: dict[str, str]
    body: Any

    @property
    def error(self) -> ApiError:
        """The error body, held to its published form: ours, or that of a drop-in surface."""
        error = _of_problem(self) if self.headers["Content-Type"] == PROBLEM else self.body["error"]
        assert error["doc_url"].endswith(error["code"]) and error["request_id"], error
        return ApiError(error["type"], error["code"], error["message"], error.get("param"), error["request_id"])


@dataclass(frozen=True)
class Api:
    """A caller. Without `as_key` or `as_user` it sends no credentials."""

    world: "World"
    headers: dict[str, str] | None = None

    def as_key(self, scopes: list[str] | None = None, workspace_id: str | None = None) -> "Api":
        """Call with a key of these scopes (all, if none are named) in a workspace (the first, if none is named)."""
        key = self.world.api_key(scopes or ["admin:*"], workspace_id or self.world.workspace_id)
        return self.with_headers(Authorization=f"Bearer {key}")

    def as_user(self, token: str, workspace_id: str | None = None) -> "Api":
        """Call with a person's token."""
        chosen = {"X-Workspace-Id": workspace_id} if workspace_id else {}
        return self.with_headers(Authorization=f"Bearer {token}", **chosen)

    def with_headers(self, **headers: str) -> "Api":
        """Send these headers too; underscores stand for hyphens."""
        return replace(
            self, headers={**(self.headers or {}), **{name.replace("_", "-"): value for name, value in headers.items()}}
        )

    def get(self, path: str, **query: Any) -> Answer:
        """GET, with query parameters; None leaves one out."""
        return self.send("GET", path, query={name: value for name, value in query.items() if value is not None})

    def post(self, path: str, body: Any = None, **headers: str) -> Answer:
        """POST a JSON body."""
        return self.with_headers(**headers).send("POST", path, _json(body))

    def put(self, path: str, body: Any = None, **headers: str) -> Answer:
        """PUT a JSON body."""
        return self.with_headers(**headers).send("PUT", path, _json(body))

    def patch(self, path: str, body: Any = None, **headers: str) -> Answer:
        """PATCH with a JSON body."""
        return self.with_headers(**headers).send("PATCH", path, _json(body))

    def delete(self, path: str, **headers: str) -> Answer:
        """DELETE."""
        return self.with_headers(**headers).send("DELETE", path)

    def send(self, method: str, path: str, body: bytes = b"", query: dict[str, Any] | None = None) -> Answer:
        """Send raw bytes, as API Gateway would hand them on."""
        headers = {"content-type": "application/json", **{k.lower(): v for k, v in (self.headers or {}).items()}}
        return _answer(through_gateway(method, path, urlencode(query or {}, doseq=True), headers, body))


def rows_of(answer: Answer) -> list[dict[str, Any]] | None:
    """The rows of a list: a page's, or, for rivals' clients, the list itself. None if it is none."""
    body = answer.body.get("data") if isinstance(answer.body, dict) else answer.body
    return body if isinstance(body, list) else None


def names_of(query: type[BaseModel]) -> list[str]:
    """What callers call the fields of a query."""
    return [one.alias or name for name, one in query.model_fields.items()]


def through_gateway(method: str, path: str, query: str, headers: dict[str, str], body: bytes) -> dict[str, Any]:
    """What the route's handler makes of a request, as API Gateway puts both; header names are lower case."""
    decoded = unquote(path.replace("%25", "%2525"))  # all escapes but this one, before it looks for the route
    for pattern, declared, handler in routes():
        match = pattern.match(decoded)
        if match and declared.method == method:
            event = _event(method, decoded, query, headers, body) | {"pathParameters": match.groupdict()}
            answered: dict[str, Any] = handler(event, None)
            return answered
    raise LookupError(f"no route {method} {path}")


def _event(method: str, path: str, query: str, headers: dict[str, str], body: bytes) -> dict[str, Any]:
    return {
        "version": "2.0", "routeKey": "", "rawPath": path, "rawQueryString": query, "headers": headers,
        "requestContext": {"http": {"method": method, "path": path, "sourceIp": "203.0.113.7", "userAgent": "tests"}},
        "body": base64.b64encode(body).decode() if body else None, "isBase64Encoded": bool(body),
    }  # fmt: skip


def _of_problem(answer: Answer) -> dict[str, Any]:
    """Our own form of an error out of problem details."""
    problem, own = answer.body, answer.body["extensions"]
    assert {*problem} == {"type", "title", "status", "detail", "instance", "extensions"}, problem
    assert problem["status"] == answer.status and problem["title"] and problem["instance"].endswith(own["request_id"])
    return {**own, "message": problem["detail"]}


def _json(body: Any) -> bytes:
    return b"" if body is None else json.dumps(body).encode()


def _answer(result: dict[str, Any]) -> Answer:
    raw = base64.b64decode(result["body"]) if result["isBase64Encoded"] else result["body"].encode()
    is_json = result["headers"].get("Content-Type", "").startswith(("application/json", PROBLEM))
    return Answer(result["statusCode"], result["headers"], json.loads(raw) if is_json and raw else raw)
