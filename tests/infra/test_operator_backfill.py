"""`oppulence sync backfill`, against the API over HTTP."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from typer.testing import CliRunner

from infra.ops.main import app
from tests.support.api import Api
from tests.support.world import World
from tests.sync.backfilling import Backfilling
from tests.sync.conftest import backfilling, connection_id

__all__ = ["backfilling", "connection_id"]


@pytest.fixture
def platform(api: Api) -> Iterator[str]:
    """The API on a port, one request at a time."""

    class Door(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            caller = api.with_headers(Authorization=self.headers["Authorization"])
            answer = caller.send(self.command, parts.path, body, dict(parse_qsl(parts.query)))
            data = json.dumps(answer.body).encode()
            self.send_response(answer.status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    server = HTTPServer(("127.0.0.1", 0), Door)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def run(world: World, platform: str) -> Any:
    """Run a command; its exit code and output."""

    def command(*arguments: str) -> tuple[int, str]:
        given = ["--api-url", platform, "--api-key", world.api_key(["admin:*"], world.workspace_id)]
        done = CliRunner().invoke(app, ["sync", "backfill", *arguments, *given])
        return done.exit_code, "\n".join(line for line in done.output.splitlines() if not line.startswith('{"level"'))

    return command


def test_a_backfill_is_started_shown_and_stopped(backfilling: Backfilling, run: Any) -> None:
    backfilling.fake.client().v1.customers.create({})
    code, text = run("start", "customer", "tax_id", "--since", "2020-01-01", "--json")
    made = json.loads(text)
    assert code == 0 and made["connection_id"] == backfilling.connection_id
    assert made["created"] == {"gte": "2020-01-01T00:00:00Z", "gt": None, "lte": None, "lt": None}
    backfilling.run(made["id"])
    code, text = run("status", made["id"], "--follow")
    assert code == 0 and "completed" in text and "customer  finished  1" in text
    assert made["id"] in run("status")[1]
    assert run("cancel", made["id"])[0] == 1, "it is over"
    other = json.loads(run("start", "--connection", backfilling.connection_id, "--json")[1])
    assert "cancelled" in run("cancel", other["id"])[1]


def test_progress_is_followed_to_the_end(backfilling: Backfilling, run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    backfill_id = backfilling.ask("product")

    def work(_: float) -> None:
        backfilling.run(backfill_id)

    monkeypatch.setattr("infra.ops.sync.time.sleep", work)
    code, text = run("status", backfill_id, "--follow")
    assert code == 0 and "completed: 1 of 1 types, 0 rows" in text


def test_what_is_wrong_is_said(backfilling: Backfilling, run: Any) -> None:
    code, text = run("start", "invoices")
    assert code == 1 and "unknown_object_type" in text and "invoices" in text
    assert run("start", "--since", "yesterday")[0] == 1
    backfilling.api.as_key().delete(f"/v1/connections/{backfilling.connection_id}")
    assert "--connection" in run("start")[1]
