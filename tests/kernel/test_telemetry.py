"""Logs without secrets and personal data, metrics without workspaces, and one trace from a request to what it causes."""

import io
import json
import logging
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from oppulence.kernel import telemetry
from oppulence.kernel.capabilities import Postgres
from oppulence.kernel.consume import consumer
from oppulence.kernel.http import Model, route
from oppulence.kernel.telemetry import REDACTED, redact
from oppulence.kernel.uow import UnitOfWork
from tests.kernel.support import CONTEXT, Happened, call, key_of
from tests.support.entries import queue_batch
from tests.support.world import World

USES = (Postgres(CONTEXT),)
TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE}-b7ad6b7169203331-01"


class Answered(Model):
    ok: bool = True


@route("POST", "/v1/test/traced/{thing_id}", scope="sync:read", uses=USES)
def traced(uow: UnitOfWork, thing_id: str) -> Answered:
    uow.emit(Happened(thing_id=thing_id))
    telemetry.log("inside", api_key="op_live_" + "a" * 32, note="mail ada@example.com")
    if thing_id == "bad":
        raise ValueError("whsec_abcdefgh12345678 of ada@example.com")
    return Answered()


class Present(io.StringIO):
    """Whatever standard output is at the moment of writing."""

    def write(self, text: str) -> int:
        return sys.stdout.write(text)


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Iterator[Any]:
    """Reads what was written to standard output since the last look, as JSON lines."""
    handler = telemetry.logger().registered_handler
    assert isinstance(handler, logging.StreamHandler)
    level, stream = telemetry.logger().log_level, handler.stream
    handler.stream = Present()
    telemetry.logger().setLevel("INFO")
    yield lambda: [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    handler.stream = stream
    telemetry.logger().setLevel(level)


HIDDEN = [
    "api_key", "apiKey", "password", "Authorization", "webhook_secrets", "id_token", "Cookie", "signature", "credentials",
    "email", "customer_email", "name", "phone", "billing_address", "ip", "source_ip",
]  # fmt: skip
REDACTIONS: list[tuple[Any, Any]] = [
    *(({name: "Ada"}, {name: REDACTED}) for name in HIDDEN),
    *((one, one) for one in ({"api_key_id": "key_1"}, {"hostname": "x", "event_name": "y"}, {"secret": None}, 5, None, True)),
    ({"deep": [{"secret": 1}]}, {"deep": [{"secret": REDACTED}]}),
    (("a@b.co",), [REDACTED]),
    ("for ada@example.com, soon", f"for {REDACTED}, soon"),
    ("op_live_" + "a" * 32, f"op_live_{REDACTED}"),
    ("sk_test_abcdef123", f"sk_test_{REDACTED}"),
    ("whsec_abcdef12", f"whsec_{REDACTED}"),
    ("Bearer abc.def-ghi", f"Bearer {REDACTED}"),
]


@pytest.mark.parametrize(("value", "expected"), REDACTIONS, ids=lambda value: str(value)[:40])
def test_redaction_by_name_and_by_shape(value: Any, expected: Any) -> None:
    assert redact(value) == expected


def test_objects_are_looked_into_before_they_are_written(lines: Any) -> None:
    class Person(Model):
        email: str
        ref: str

    telemetry.logger().warning(
        "seen", extra={"person": Person(email="ada@example.com", ref="r1"), "raw": b"\xff\xfe", "odd": "\ud800"}
    )
    (line,) = lines()
    assert line["person"] == {"email": REDACTED, "ref": "r1"}
    assert line["odd"] and line["raw"]


def test_every_line_of_a_request_says_request_workspace_and_trace(world: World, lines: Any) -> None:
    call(traced, key_of(world), parameters={"thing_id": "1"}, headers={"traceparent": PARENT, "x-request-id": "mine"})
    logged = {line["message"]: line for line in lines() if "message" in line}
    assert {"inside", "request"} <= logged.keys()
    for line in logged.values():
        assert (line["request_id"], line["workspace_id"], line["trace_id"]) == ("mine", world.workspace_id, TRACE)
        assert line["span_id"] != PARENT.split("-")[2]
    assert logged["inside"]["api_key"] == REDACTED and logged["inside"]["note"] == f"mail {REDACTED}"
    assert (logged["request"]["path"], logged["request"]["status"]) == ("/v1/test/traced/{thing_id}", "200")


def test_a_failed_request_is_logged_under_its_id_without_what_it_held(world: World, lines: Any) -> None:
    answer = call(traced, key_of(world), parameters={"thing_id": "bad"})
    text = json.dumps(logged := lines())
    (failed,) = [line for line in logged if line.get("message") == "request_failed"]
    assert failed["request_id"] == answer.headers["X-Request-Id"]
    assert "ValueError" in failed["exception"]
    assert "ada@example.com" not in text and "abcdefgh12345678" not in text


def test_request_metrics_have_the_published_names_and_no_workspace(world: World, lines: Any) -> None:
    call(traced, key_of(world), parameters={"thing_id": "1"})
    (line,) = [one for one in lines() if "_aws" in one]
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == "Oppulence"
    assert {metric["Name"] for metric in directive["Metrics"]} == {"http_requests_total", "http_request_duration_seconds"}
    assert all(set(names) <= {"method", "path", "status", "surface", "status_class"} for names in directive["Dimensions"])
    assert line["path"] == "/v1/test/traced/{thing_id}" and line["http_requests_total"] == 1


def test_other_metrics_carry_only_the_dimensions_they_name(lines: Any) -> None:
    telemetry.metric("dead_letters_total", 1, "Count", consumer="x")
    (line,) = lines()
    assert {name for names in line["_aws"]["CloudWatchMetrics"][0]["Dimensions"] for name in names} <= {"consumer", "service"}


@pytest.mark.parametrize(
    "given",
    [
        None,
        "",
        "x",
        PARENT + "\n",
        PARENT.upper(),
        PARENT[:-1],
        f"00-{'0' * 32}-b7ad6b7169203331-01",
        f"00-{TRACE}-{'0' * 16}-01",
    ],
)
def test_a_trace_context_that_is_none_starts_a_new_trace(given: str | None) -> None:
    with telemetry.span("work", given) as running:
        assert running.parent_id is None and running.trace_id != TRACE
        assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-01", running.traceparent)
    assert telemetry.traceparent() is None


def test_one_trace_runs_from_the_request_over_the_bus_into_the_consumer(world: World) -> None:
    inside: list[str | None] = []

    @consumer(Happened, uses=USES)
    def handler(uow: UnitOfWork, event: Happened) -> None:
        inside.append(telemetry.traceparent())

    call(traced, key_of(world), parameters={"thing_id": "1"}, headers={"traceparent": PARENT})
    (event,) = world.envelopes()
    assert event.traceparent is not None and event.traceparent.split("-")[1] == TRACE
    handler(queue_batch(event), None)
    assert inside[0] is not None and inside[0].split("-")[1] == TRACE
    assert len({PARENT.split("-")[2], event.traceparent.split("-")[2], inside[0].split("-")[2]}) == 3


class Collector(HTTPServer):
    """Takes spans, or hangs up in the middle of its answer."""

    def __init__(self, *, rude: bool = False) -> None:
        self.taken: list[tuple[str, dict[str, Any]]] = []
        self.rude = rude
        super().__init__(("127.0.0.1", 0), _Taker)


class _Taker(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.server.rude:
            self.connection.close()
            return
        self.server.taken.append((self.path, json.loads(body)))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Nothing to say."""


@pytest.fixture(params=[False])
def collector(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    server = Collector(rude=request.param)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{server.server_port}/")
    yield server
    server.shutdown()
    server.server_close()


def spans(collector: Collector) -> list[dict[str, Any]]:
    assert {path for path, _ in collector.taken} <= {"/v1/traces"}
    return [body["resourceSpans"][0]["scopeSpans"][0]["spans"][0] for _, body in collector.taken]


def test_spans_reach_the_collector(world: World, collector: Collector) -> None:
    call(traced, key_of(world), parameters={"thing_id": "1"}, headers={"traceparent": PARENT})
    (span,) = spans(collector)
    assert (span["traceId"], span["parentSpanId"]) == (TRACE, PARENT.split("-")[2])
    assert span["name"] == "POST /v1/test/traced/{thing_id}"
    assert int(span["endTimeUnixNano"]) >= int(span["startTimeUnixNano"])
    assert "status" not in span


def test_a_request_that_fails_is_a_failed_span(world: World, collector: Collector) -> None:
    assert call(traced, key_of(world), parameters={"thing_id": "bad"}).status == 500
    (span,) = spans(collector)
    assert span["status"] == {"code": 2, "message": "ValueError"}


@pytest.mark.parametrize("collector", [True], indirect=True)
def test_a_collector_that_hangs_up_costs_a_line_and_not_the_request(world: World, collector: Collector) -> None:
    assert call(traced, key_of(world), parameters={"thing_id": "1"}).status == 200


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "nonsense", "http://"])
def test_a_collector_that_is_away_costs_a_line_and_not_the_request(
    world: World, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
    assert call(traced, key_of(world), parameters={"thing_id": "1"}).status == 200


def test_without_an_endpoint_nothing_of_it_is_loaded() -> None:
    code = (
        "import sys\nfrom oppulence.kernel import telemetry\nwith telemetry.span('x', None): pass\n"
        "print([name for name in ('oppulence.kernel.otlp', 'urllib.request', 'opentelemetry') if name in sys.modules])"
    )
    environment = {**os.environ, "PYTHONPATH": "layers/domain"}
    environment.pop("OTEL_EXPORTER_OTLP_ENDPOINT", None)
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True, timeout=99)
    assert result.stdout.strip() == "[]"
