"""OpenMeter's own client against our handlers, over HTTP, one request at a time."""

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import urlsplit

import pytest
from corehttp.exceptions import HttpResponseError
from openmeter import Client
from openmeter.models import Event, Meter, MeterCreate

from tests.support.api import PROBLEM, through_gateway


class Door(BaseHTTPRequestHandler):
    """API Gateway in front of the handlers."""

    def answer(self) -> None:
        """Any method."""
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): text for name, text in self.headers.items()}
        result = through_gateway(self.command, parts.path, parts.query, headers, body)
        data = base64.b64decode(result["body"]) if result["isBase64Encoded"] else result["body"].encode()
        self.send_response(result["statusCode"])
        for name, text in result["headers"].items():
            self.send_header(name, text)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PUT = do_DELETE = answer  # noqa: N815

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


@contextmanager
def door() -> Iterator[str]:
    """The API on a port: its base URL."""
    server = HTTPServer(("127.0.0.1", 0), Door)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def client(url: str, key: str) -> Iterator[Client]:
    """The client as its users make it; but it does not try again, so that what it hears is what was said first."""
    with Client(endpoint=f"{url}/openmeter", token=key, retry_total=0) as made:
        yield made


MADE: dict[str, Any] = {
    "slug": "tokens_total", "aggregation": "SUM", "event_type": "prompt", "value_property": "$.tokens",
    "group_by": {"model": "$.model", "type": "$.type"},
}  # fmt: skip


def create(om: Client, **fields: Any) -> Meter:
    """A new meter; one that adds up tokens, but for these fields."""
    return om.meters.create(MeterCreate(**{**MADE, **fields}))


def send(om: Client, id_: str, data: Any, time: datetime, subject: str = "acme") -> None:
    """Ingest an event."""
    om.events.ingest_event(
        Event(id=id_, source="app", specversion="1.0", type="prompt", subject=subject, time=time, data=data)
    )  # fmt: skip


@contextmanager
def refused(status: int) -> Iterator[dict[str, Any]]:
    """A call that is refused with a status, and as a problem: afterwards it is there."""
    problem: dict[str, Any] = {}
    with pytest.raises(HttpResponseError) as raised:
        yield problem
    answer: Any = raised.value.response
    told = json.loads(answer.text())
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, PROBLEM), told
    assert (told["status"], told["type"], bool(told["title"]), bool(told["detail"])) == (status, "about:blank", True, True)
    assert told["instance"] == f"urn:request:{answer.headers['X-Request-Id']}"
    problem.update(told)
