"""The HTTP API as a caller sees it, through the real handlers and API Gateway's event."""

import base64
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlencode

from tests.support.entries import routes

if TYPE_CHECKING:
    from tests.support.world import World


@dataclass(frozen=True)
class ApiError:
    """The error part of an answer."""

    type: str
    code: str
    message: str
    param: str | None = None


@dataclass(frozen=True)
class Answer:
    """An answer; `body` is parsed when it is JSON, otherwise bytes."""

    status: int
    headers: dict[str, str]
    body: Any

    @property
    def error(self) -> ApiError:
        """The error body, held to its published form."""
        error = self.body["error"]
        assert error["doc_url"].endswith(error["code"]) and error["request_id"], error
        return ApiError(error["type"], error["code"], error["message"], error.get("param"))


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
        for pattern, declared, handler in routes():
            match = pattern.match(path)
            if match and declared.method == method:
                event = self._event(method, path, body, query or {}, {k: unquote(v) for k, v in match.groupdict().items()})
                return _answer(handler(event, None))
        raise LookupError(f"no route {method} {path}")

    def _event(self, method: str, path: str, body: bytes, query: dict[str, Any], parameters: dict[str, str]) -> dict[str, Any]:
        headers = {"content-type": "application/json", **{k.lower(): v for k, v in (self.headers or {}).items()}}
        return {
            "version": "2.0", "routeKey": "", "rawPath": path, "rawQueryString": urlencode(query, doseq=True), "headers": headers,
            "requestContext": {"http": {"method": method, "path": path, "sourceIp": "203.0.113.7", "userAgent": "tests"}},
            "pathParameters": parameters,
            "body": base64.b64encode(body).decode() if body else None, "isBase64Encoded": bool(body),
        }  # fmt: skip


def _json(body: Any) -> bytes:
    return b"" if body is None else json.dumps(body).encode()


def _answer(result: dict[str, Any]) -> Answer:
    raw = base64.b64decode(result["body"]) if result["isBase64Encoded"] else result["body"].encode()
    is_json = result["headers"].get("Content-Type", "").startswith("application/json")
    return Answer(result["statusCode"], result["headers"], json.loads(raw) if is_json and raw else raw)
