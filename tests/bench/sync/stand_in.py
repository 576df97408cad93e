"""In Stripe's place: a process that answers each object of the directory as it stands in the end, and nothing else."""

import multiprocessing
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from typing import Any
from urllib.parse import unquote, urlsplit

from pydantic_core import to_json

from tests.bench.sync.directory import Key

KEY = "sk_test_bench"
_MISSING = to_json({"error": {"type": "invalid_request_error", "code": "resource_missing", "message": "No such object"}})


@contextmanager
def running(final: Mapping[Key, dict[str, Any]]) -> Iterator[str]:
    """Its address, for as long as it runs."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(theirs, dict(final)), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{ours.recv()}"
    finally:
        process.terminate()
        process.join()


def _serve(pipe: Connection, final: Mapping[Key, dict[str, Any]]) -> None:
    bodies = {(account, id): to_json(shown) for (account, _, id), shown in final.items()}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            """An object is known by the last part of its path."""
            id = unquote(urlsplit(self.path).path.rpartition("/")[2])
            body = bodies.get((self.headers.get("Stripe-Account", ""), id))
            self.send_response(200 if body else 404)
            self.send_header("Content-Length", str(len(body or _MISSING)))
            self.end_headers()
            self.wfile.write(body or _MISSING)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing is said."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    pipe.send(server.server_port)
    server.serve_forever()
