"""A webhook endpoint: keeps what it gets, and answers as it is told."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

import stripe


class Receiver:
    """Listens on a free port of the loopback interface. `answers` are the statuses of the next requests; then 200."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.headers: list[str] = []
        self.answers: list[int] = []
        kept = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = kept.answers.pop(0) if kept.answers else 200
                kept.bodies.append(body)
                kept.headers.append(self.headers["Stripe-Signature"])
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(body) for body in self.bodies]

    @property
    def types(self) -> list[str]:
        return [event["type"] for event in self.events]

    def verify(self, secret: str) -> None:
        """Raises:
        SignatureVerificationError: something that came was not signed with this secret, now.
        """
        for body, header in zip(self.bodies, self.headers, strict=True):
            stripe.WebhookSignature.verify_header(body.decode(), header, secret, tolerance=300)
