"""The load tool against the whole path: real routes, the real store, batches landed and settled while it sends."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from infra.ops.load.run import Run, Wanted
from infra.ops.load.traffic import Shares
from infra.ops.load.wire import Wire
from oppulence.kernel import olap
from oppulence.metering import landing
from tests.metering import usage
from tests.support.api import Api
from tests.support.world import World


@pytest.fixture
def url(api: Api, store: World) -> Iterator[str]:
    """The API on a port, one request at a time. What is sent lands at once, every fifth request settles."""
    lock, posts = threading.Lock(), [0]

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            asked = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            caller = api.with_headers(Authorization=self.headers["Authorization"])
            with lock:
                answer = caller.send(self.command, asked.path, body, parse_qs(asked.query))
                if asked.path == "/v1/events" and self.command == "POST":
                    landing.land(usage.queued())
                    posts[0] += 1
                if self.command == "GET" or posts[0] % 5 == 0:
                    usage.settle(store)
            content = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
            self.send_response(answer.status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_DELETE = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_nothing_differs(url: str, store: World) -> None:
    key = store.api_key(["meters:read", "meters:write", "usage:read", "usage:write"], store.workspace_id)
    run = Run(Wire(url, key, 10), "fine", Wanted(150, 2, Shares(0.2, 0.2)), lambda _: None)
    found = run.execute()
    assert found.differences == [] and found.sent > 300 > found.events and found.checked > 300
    assert (
        run.traffic.repeated > run.traffic.changed > 0 and run.traffic.late > 0 and len(found.answers_s) == 30 and found.visible_s
    )
    active = "SELECT count(*) FROM metering.meters WHERE archived_at IS NULL AND workspace_id = %s"
    assert store.admin.execute(active, (store.workspace_id,)).fetchone() == (0,), "a run leaves no active meter"


def test_what_differs_is_told(url: str, store: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """One event is lost from the store after it was settled, and one is there that was never sent."""
    key = store.api_key(["admin:*"], store.workspace_id)
    run = Run(Wire(url, key, 10), "harmed", Wanted(50, 2, Shares(0, 0)), lambda _: None)
    compare = run._compare

    def harmed() -> None:
        (meter,) = store.admin.execute("SELECT id FROM metering.meters WHERE slug = 'load_harmed_sum'").fetchone() or ("",)
        where = f"workspace_id = {{ws:String}} AND meter = '{meter}' AND id = 'harmed-7'"
        olap.command(f"ALTER TABLE usage_values DELETE WHERE {where}", {"ws": store.workspace_id})
        compare()

    monkeypatch.setattr(run, "_compare", harmed)
    found = run.execute()
    assert [(one.meter, one.subject[:7]) for one in found.differences] == [("sum", "harmed-")]
    assert found.differences[0].expected != found.differences[0].found
