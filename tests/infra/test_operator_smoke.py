"""`oppulence smoke`, against the API over HTTP."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from typer.testing import CliRunner

from infra.ops import smoke
from infra.ops.main import app
from infra.ops.smoke import WEBHOOK_SECRET, WEBHOOK_URL, Door, Outcome
from tests.support.api import Api
from tests.support.world import World

SECRET = "whsec_" + "s" * 32


@pytest.fixture
def url(api: Api) -> Iterator[str]:
    """The API on a port, one request at a time."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            answer = api.with_headers(Stripe_Signature=self.headers.get("Stripe-Signature", "")).send(
                self.command, self.path, body
            )
            data = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
            self.send_response(answer.status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def door(api: Api, url: str) -> Door:
    made = api.as_key().post("/v1/connections", {"provider": "stripe", "webhook_secrets": [SECRET]})
    return Door(f"{url}/v1/webhooks/stripe/{made.body['id']}", SECRET)


def problems(outcomes: list[Outcome]) -> dict[str, str]:
    return {one.check: one.problem for one in outcomes if one.problem}


def test_a_platform_that_is_up_passes(url: str, door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(WEBHOOK_URL, door.url)
    monkeypatch.setenv(WEBHOOK_SECRET, door.secret)
    done = CliRunner().invoke(app, ["smoke", "--api-url", url, "--json"])
    found = json.loads(done.stdout[done.stdout.index("[\n") :])
    assert {one["check"]: one["problem"] for one in found if one["problem"]} == {}
    assert len(found) == 6 and done.exit_code == 0


def test_a_door_that_lets_anybody_in_is_noticed(url: str, door: Door) -> None:
    forged = Door(door.url, "forged")
    assert set(problems(list(smoke.checks(url, forged)))) == {"takes a signed webhook"}


def test_nobody_at_home_is_a_failure_of_every_check(world: World) -> None:
    done = CliRunner().invoke(app, ["smoke", "--api-url", "http://127.0.0.1:9"])
    assert done.exit_code == 1 and done.output.count("no answer") == 4


def test_a_watch_ends_when_its_time_is_over_and_all_is_well(url: str) -> None:
    assert problems(smoke.watch(url, None, 0, set)) == {}


def test_a_watch_ends_at_an_alarm_that_was_not_there_before(url: str) -> None:
    rung = iter([{"oppulence-old"}, {"oppulence-old", "oppulence-new"}])
    outcomes = smoke.watch(url, None, 60, lambda: next(rung), pause_s=0)
    assert problems(outcomes) == {"alarms": "went off: oppulence-new"}


def test_a_watch_forgives_one_failure_and_not_two_in_a_row() -> None:
    outcomes = smoke.watch("http://127.0.0.1:9", None, 60, set, pause_s=0)
    assert set(problems(outcomes)) == {"healthz", "readyz", "refuses without a key", "openapi"}
