"""The API over connections that stay open, one for each thread: what is measured is the platform, not the handshake."""

import http.client
import json
import secrets
import threading
import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

from infra.ops.output import Failed

TIMEOUT_S = 35
PAUSE_S = 0.3
_BUSY = frozenset({429, 500, 502, 503, 504})


class Wire:
    """Calls with an API key. What is refused for a moment, or not answered, is sent again for `patience_s`."""

    def __init__(self, url: str, key: str, patience_s: float) -> None:
        self._url, self._patience_s = urlsplit(url.rstrip("/")), patience_s
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        self._own, self._lock = threading.local(), threading.Lock()
        self.again = 0

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """One request until it succeeds, with one effect; the answer's JSON.

        Raises:
            Failed: it was refused, or nobody answered for too long.
        """
        return self.timed(method, path, body, {"Idempotency-Key": secrets.token_hex(16)} if method != "GET" else {})[0]

    def timed(self, method: str, path: str, body: Any, headers: Mapping[str, str] = MappingProxyType({})) -> tuple[Any, float]:
        """The same of what is harmless to repeat, and how many seconds the answer took that was one."""
        content = None if body is None else json.dumps(body).encode()
        deadline = time.monotonic() + self._patience_s
        while True:
            began = time.monotonic()
            status, answer = self._once(method, path, content, headers)
            ended = time.monotonic()
            if 200 <= status < 300:
                return json.loads(answer or b"null"), ended - began
            busy = status in _BUSY or not status or b"idempotency_in_progress" in answer
            if not busy or ended >= deadline:
                raise Failed(f"{method} {path}: {status or 'no answer'} {answer[:500].decode(errors='replace')}")
            with self._lock:
                self.again += 1
            time.sleep(PAUSE_S)

    def _once(self, method: str, path: str, content: bytes | None, headers: Mapping[str, str]) -> tuple[int, bytes]:
        """Status and body; status 0 where there was no answer."""
        try:
            connection = self._connection()
            connection.request(method, f"{self._url.path}{path}", body=content, headers={**self._headers, **headers})
            answer = connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException) as error:
            self._own.connection = None
            return 0, str(error).encode()

    def _connection(self) -> http.client.HTTPConnection:
        known: http.client.HTTPConnection | None = getattr(self._own, "connection", None)
        if known is None:
            kind = http.client.HTTPSConnection if self._url.scheme == "https" else http.client.HTTPConnection
            self._own.connection = known = kind(self._url.netloc, timeout=TIMEOUT_S)
        return known
