"""POST /v1/events with 500 events through its handler, against `json.loads` and model validation of the same body.

The projection says what it assumes: one vCPU is as fast as a core here, a function of 1,769 MB has one, and AWS's own services
answer in so many milliseconds.
"""

import contextlib
import json
import os
import time
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, Field, TypeAdapter

from infra.prices import PRICES
from oppulence.kernel import queues
from oppulence.kernel.declarations import declaration_of
from tests.bench import instant
from tests.bench.figures import interleaved, milliseconds, quietest, report
from tests.bench.place import world
from tests.support.entries import entry
from tests.support.world import World

PATH, QUEUE = "/v1/events", "metering/on_usage_accepted"
EVENTS = 500
REPETITIONS, ROUNDS = 600, 40
AT_MOST = 3.0
SUSTAINED_S = 5.0
WAITS_S = 0.020
"""On SQS and twice on DynamoDB, each of which says of itself that it answers in under ten; PostgreSQL is asked twice a minute."""
FULL_VCPU_MB = 1_769
LAMBDAS = 1_000
CHUNK_BYTES = 64_000

_Text = Annotated[str, Field(min_length=1, max_length=255)]


class _Event(BaseModel):
    """What a model of a CloudEvent is, as one writes it."""

    specversion: Literal["1.0"]
    id: _Text
    source: _Text
    type: _Text
    subject: _Text
    time: AwareDatetime
    data: dict[str, Any]


def run() -> None:
    """The ratio; then as much as one process does in five seconds, and what a thousand would."""
    with world() as made, open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):  # noqa: PTH123
        os.environ[queues.variable(QUEUE)] = "https://sqs.us-east-1.amazonaws.com/123456789012/usage"
        instant.answer_at_once("sqs", "s3")
        body = _body()
        route, model = partial(_send, _request(made, body)), TypeAdapter(list[_Event])
        bare = partial(lambda: model.validate_python(json.loads(body)))
        times = interleaved(REPETITIONS, route, bare)
        ours, theirs = map(milliseconds, quietest(times, ROUNDS))
        report(
            "usage_ingest",
            {
                "events": EVENTS, "body_bytes": len(body), "p50_ms": ours, "with": "AWS over a transport that answers at once",
                "against": "json.loads and pydantic's validation of the same body", "against_ms": theirs,
                "repetitions": f"the quietest of {ROUNDS} rounds of {REPETITIONS // ROUNDS}",
                "ratio_of_all_rounds": round(milliseconds(times[0]) / milliseconds(times[1]), 2),
            },
            ratio=ours / theirs, at_most=AT_MOST,
        )  # fmt: skip
        report("usage_ingest", _sustained(route, len(body)))


def _sustained(route: partial[None], body_bytes: int) -> dict[str, object]:
    requests, started, cpu = 0, time.perf_counter(), time.process_time()
    while (spent := time.perf_counter() - started) < SUSTAINED_S:
        route()
        requests += 1
    cpu_s = (time.process_time() - cpu) / requests
    memory_mb = declaration_of(entry("metering.http.send_events")).memory_mb
    duration_s = cpu_s * max(1.0, FULL_VCPU_MB / memory_mb) + WAITS_S
    return {
        "events_per_s_and_process": round(requests * EVENTS / spent), "cpu_ms_a_request": round(cpu_s * 1000, 2),
        "projected_events_per_s": {"lambdas": LAMBDAS, "events_per_s": round(LAMBDAS * EVENTS / duration_s)},
        "assumed": {"ms_of_waiting_a_request": WAITS_S * 1000, "memory_mb": memory_mb, "mb_of_a_vcpu": FULL_VCPU_MB},
        "usd_per_million_events": _cost(duration_s, memory_mb, body_bytes),
    }  # fmt: skip


def _cost(duration_s: float, memory_mb: int, body_bytes: int) -> dict[str, float]:
    """List prices, from CloudFront to the queue, its reading and deleting included; what lands and settles is not in it."""
    requests = 1_000_000 / EVENTS
    units = {
        "cloudfront_request": requests, "waf_request": requests, "http_api_request": requests, "lambda_request": requests,
        "lambda_gb_s": requests * duration_s * memory_mb / 1_024, "dynamodb_write": 3 * requests,
        "sqs_request": requests * (-(-body_bytes // CHUNK_BYTES) * 2 + 0.1), "log_gb": requests * 1.5e-6,
    }  # fmt: skip
    costs = {name: round(PRICES[name].usd * much, 5) for name, much in units.items()}
    return {"all": round(sum(costs.values()), 4), **costs}


def _body() -> bytes:
    began = datetime.now(UTC)
    return json.dumps([
        {
            "specversion": "1.0", "id": f"0f8fad5b-d9cb-469f-a165-70867728{number:04}", "source": "api-gateway",
            "type": "llm.request", "subject": f"customer-{number % 50}",
            "time": (began - timedelta(seconds=number)).isoformat(),
            "data": {"tokens": number * 1.25, "model": "large", "region": "eu-west-1", "path": "/v1/chat", "duration_ms": number},
        }
        for number in range(EVENTS)
    ]).encode()  # fmt: skip


def _request(made: World, body: bytes) -> dict[str, Any]:
    headers = {
        "authorization": f"Bearer {made.api_key(['usage:write'], made.workspace_id)}", "user-agent": "bench",
        "content-type": "application/cloudevents-batch+json", "content-length": str(len(body)), "host": "api.example.com",
    }  # fmt: skip
    http = {"method": "POST", "path": PATH, "protocol": "HTTP/1.1", "sourceIp": "203.0.113.7", "userAgent": "bench"}
    return {
        "version": "2.0", "routeKey": f"POST {PATH}", "rawPath": PATH, "rawQueryString": "", "headers": headers,
        "requestContext": {"http": http}, "body": body.decode(), "isBase64Encoded": False,
    }  # fmt: skip


def _send(request: dict[str, Any]) -> None:
    answer = entry("metering.http.send_events")(request, None)
    assert answer["statusCode"] == 202 and answer["body"].startswith(f'{{"accepted":{EVENTS},'), answer
