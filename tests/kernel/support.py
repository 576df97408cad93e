"""Routes and consumers made on the spot, called as AWS calls them."""

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import ClientError, EndpointConnectionError

from oppulence.kernel import aws
from oppulence.kernel.declarations import Entry, Route, declaration_of
from oppulence.kernel.events import Event
from tests.support import cloud
from tests.support.api import Answer
from tests.support.world import World

CONTEXT = "sync"


class Happened(Event, type="sync.test.happened", version=1):
    """A fact of the tests."""

    thing_id: str
    text: str = ""


def call(handler: Entry, key: str | None = None, body: Any = None, **how: Any) -> Answer:
    """Call a route with a key; `how`: headers, query, parameters, raw (body bytes)."""
    declared = declaration_of(handler)
    assert isinstance(declared, Route)
    headers = {"content-type": "application/json", **how.get("headers", {})}
    if key:
        headers["authorization"] = f"Bearer {key}"
    raw = how.get("raw", b"" if body is None else json.dumps(body).encode())
    parameters = how.get("parameters", {})
    event = {
        "rawPath": declared.path.format_map(parameters), "rawQueryString": how.get("query", ""), "headers": headers,
        "requestContext": {"http": {"method": declared.method, "path": declared.path, "sourceIp": how.get("ip", "203.0.113.9")}},
        "pathParameters": parameters, "body": base64.b64encode(raw).decode(), "isBase64Encoded": True,
    }  # fmt: skip
    result = handler(event, None)
    text = base64.b64decode(result["body"]) if result["isBase64Encoded"] else result["body"].encode()
    return Answer(result["statusCode"], result["headers"], json.loads(text) if text else b"")


def key_of(world: World, *scopes: str, workspace_id: str | None = None) -> str:
    """A key of the world's workspace."""
    return world.api_key(list(scopes) or ["admin:*"], workspace_id or world.workspace_id)


@contextmanager
def away(service: str, operation: str) -> Iterator[list[str]]:
    """An AWS service that cannot be reached for one operation; the list grows by one for each call that was tried."""
    tried: list[str] = []

    def refuse(**_: Any) -> None:
        tried.append(operation)
        raise EndpointConnectionError(endpoint_url=f"https://{service}.test")

    name = f"before-call.{service}.{operation}"
    events = aws.client(service).meta.events
    events.register(name, refuse)
    try:
        yield tried
    finally:
        events.unregister(name, refuse)
        if service == "events":
            cloud.forget_events()  # the recorder saw them before they were refused


@contextmanager
def counted(service: str, *operations: str) -> Iterator[list[str]]:
    """Operations of a service as they are called."""
    seen: list[str] = []
    events = aws.client(service).meta.events

    def note(model: Any, **_: Any) -> None:
        seen.append(model.name)

    for operation in operations:
        events.register(f"before-call.{service}.{operation}", note)
    try:
        yield seen
    finally:
        for operation in operations:
            events.unregister(f"before-call.{service}.{operation}", note)


def client_error(code: str, status: int = 400) -> ClientError:
    """An error as AWS answers it."""
    return ClientError({"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": status}}, "Op")  # type: ignore[typeddict-item]
