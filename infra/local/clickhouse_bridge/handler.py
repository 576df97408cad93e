"""The HTTP interface of ClickHouse, as far as its drivers use it: one query per request, answered by the engine here.

Not there: response compression (it never leaves the machine), native framing of bodies, external data, and users, which
the engine lacks: one name and password open everything.
"""

import base64
import hmac
import json
import logging
import secrets
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from infra.local.clickhouse_bridge import statements
from infra.local.clickhouse_bridge.bodies import Body, form_fields
from infra.local.clickhouse_bridge.engine import ENGINE_ERRORS, Context, Engine
from infra.local.clickhouse_bridge.errors import Failure, failure, from_engine

log = logging.getLogger("clickhouse")

MAX_STATEMENT = 64 << 20  # bytes of a statement that is parsed whole; rows after INSERT ... FORMAT have no limit
MIN_HEAD, MAX_INSERT_HEAD = 1 << 12, 1 << 20
MAX_RUNNING, MAX_WAIT_S = 32, 30
MAX_LOGGED = 500  # characters of an error
IDLE_S = 600  # longer than a client keeps an idle connection, so that none meets a closed one

# Parameters of the interface, and settings that only concern the transport of a real server.
INTERFACE = {
    *("query", "database", "default_format", "user", "password", "quota_key", "query_id", "role", "stacktrace"),
    *("session_id", "session_timeout", "session_check", "wait_end_of_query", "buffer_size", "client_protocol_version"),
    *(
        "enable_http_compression",
        "http_zlib_compression_level",
        "send_progress_in_http_headers",
        "add_http_cors_header",
    ),
    *("http_headers_progress_interval_ms", "cancel_http_readonly_queries_on_client_close", "compress", "decompress"),
}


DEFAULT_FORMAT = "TabSeparated"


@dataclass(frozen=True)
class Account:
    name: str
    password: str


@dataclass
class Request:
    """A parsed request: the statement's text (for an INSERT, as much as came with it), the rest, and how to run it."""

    text: bytes
    body: Body
    fields: dict[str, str]
    context: Context
    default_format: str

    @property
    def params(self) -> dict[str, str]:
        return {name.removeprefix("param_"): text for name, text in self.fields.items() if name.startswith("param_")}


@dataclass(frozen=True)
class Reply:
    body: bytes
    headers: dict[str, str]


class Handler(BaseHTTPRequestHandler):
    """Serves one client connection; `engine` and `account` are set by the server's main module."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = IDLE_S
    engine: Engine
    account: Account
    running = threading.BoundedSemaphore(MAX_RUNNING)

    def do_GET(self) -> None:
        """Answer one query, or a health check. Reads only, as on a server."""
        self.do_POST()

    def do_POST(self) -> None:
        """Answer one query and log it in one line."""
        started, self.word, self.rows, self.streaming = time.monotonic(), "", 0, False
        self.query_id = str(uuid.uuid4())
        body, error = Body(self.rfile, self.headers), ""
        try:
            reply = self._route(body)
            if reply:
                self._send(200, reply, body)
        except (Failure, ValueError) as caught:
            known = caught if isinstance(caught, Failure) else failure(36, "BAD_ARGUMENTS", str(caught))
            error = f" {known.text(self.engine.version).strip()[:MAX_LOGGED]}"
            self._fail(known, body)
        except (OSError, EOFError) as caught:
            error, self.close_connection = f" lost: {caught}", True
        if self.word or error:
            elapsed_ms = (time.monotonic() - started) * 1000
            log.info("%s %s %.1f ms %d rows%s", self.query_id, self.word or self.command, elapsed_ms, self.rows, error)

    def _route(self, body: Body) -> Reply | None:
        """Run what was asked; None when the answer was streamed already."""
        address = urlsplit(self.path)
        fields = dict(parse_qsl(address.query, keep_blank_values=True))
        if address.path == "/ping" or (self.command == "GET" and "query" not in fields):
            return Reply(b"Ok.\n", {})
        self._authenticate(fields)
        request = self._parse(fields, body)
        self.word = statements.first_word(request.text)
        insert = self._insert(request) if self.word == "INSERT" else None
        with slot(self.running), self.engine.connection(request.context, self.word) as connection:
            if insert:
                return self._run_insert(connection, request, insert)
            return self._run_query(connection, request)

    def _authenticate(self, fields: dict[str, str]) -> None:
        header = self.headers.get("Authorization", "")
        name, key = self.headers.get("X-ClickHouse-User", ""), self.headers.get("X-ClickHouse-Key", "")
        if header.startswith("Basic "):
            name, _, key = base64.b64decode(header.removeprefix("Basic ")).decode().partition(":")
        name, key = name or fields.get("user", "default"), key or fields.get("password", "")
        same = hmac.compare_digest(name.encode(), self.account.name.encode())
        if not (hmac.compare_digest(key.encode(), self.account.password.encode()) and same):
            reason = "Authentication failed: password is incorrect, or there is no user with such name"
            raise failure(516, "AUTHENTICATION_FAILED", f"{name}: {reason}")

    def _parse(self, fields: dict[str, str], body: Body) -> Request:
        content_type = self.headers.get("Content-Type", "")
        if content_type.startswith("multipart/form-data"):
            fields |= form_fields(body.read_all(MAX_STATEMENT), content_type)
        if {fields.get("compress"), fields.get("decompress")} & {"1", "true"}:
            raise failure(48, "NOT_IMPLEMENTED", "Native compression of bodies is not supported; use Content-Encoding")
        self.query_id = fields.get("query_id") or self.query_id
        text = f"{fields['query']}\n".encode() if fields.get("query") else body.at_least(MIN_HEAD)
        if statements.first_word(text) != "INSERT":
            text = (text + body.read_all(MAX_STATEMENT)).strip()
        if not text:
            raise failure(62, "SYNTAX_ERROR", "Syntax error: empty query")
        context = Context(
            database=fields.get("database") or self.headers.get("X-ClickHouse-Database"),
            settings={k: v for k, v in fields.items() if k not in INTERFACE and not k.startswith("param_")},
            session_id=fields.get("session_id"),
            session_timeout_s=float(fields.get("session_timeout") or 60),
            session_must_exist=fields.get("session_check") == "1",
        )
        default = fields.get("default_format") or self.headers.get("X-ClickHouse-Format") or DEFAULT_FORMAT
        return Request(text, body, fields, context, default)

    def _insert(self, request: Request) -> statements.Insert | None:
        """Read on until the rows begin; an INSERT without FORMAT is read whole."""
        complete = False
        while True:
            try:
                insert = statements.insert_with_data(request.text, complete)
            except statements.Incomplete:
                if len(request.text) > MAX_INSERT_HEAD:
                    raise failure(62, "SYNTAX_ERROR", f"No rows in the first {MAX_INSERT_HEAD} bytes") from None
                piece = next(iter(request.body), b"")
                request.text += piece
                complete = not piece
                continue
            if insert is None:
                request.text += request.body.read_all(MAX_STATEMENT)
            return insert

    def _run_insert(self, connection: Any, request: Request, insert: statements.Insert) -> Reply:
        """Feed the rows to the engine as they arrive; nothing is acknowledged before they are on disk."""
        try:
            with connection.send_insert(insert.statement, insert.format) as rows:
                rows.append(request.text[insert.data_at :])
                for piece in request.body:
                    rows.append(piece)
                done = rows.finish()
        except ENGINE_ERRORS as error:
            raise from_engine(error) from error
        self.rows = done.rows_written
        return Reply(b"", summary(written_rows=done.rows_written, written_bytes=done.bytes_written))

    def _run_query(self, connection: Any, request: Request) -> Reply | None:
        text = request.text.decode()
        plan = connection._conn.classify_query(text)
        reads = plan["query_class"].name in {"READ_ONLY", "CONTROL", "UNKNOWN"}
        if plan["statement_count"] > 1:
            raise failure(62, "SYNTAX_ERROR", "Syntax error (Multi-statements are not allowed)")
        if self.command == "GET" and not reads:
            raise failure(164, "READONLY", "Cannot execute query in readonly mode, which method GET implies")
        output = statements.output_format(request.text) or request.default_format
        waits = request.fields.get("wait_end_of_query") in {"1", "true"} or self.request_version == "HTTP/1.0"
        try:
            if self.word in statements.READS and reads and not waits and output.upper() in statements.STREAMABLE:
                self._stream(connection.send_query(text, request.default_format, request.params), output)
                return None
            result = connection.query(text, request.default_format, request.params)
        except ENGINE_ERRORS as error:
            raise from_engine(error) from error
        self.rows = result.rows_read()
        counts = summary(
            read_rows=result.storage_rows_read(),
            read_bytes=result.storage_bytes_read(),
            written_rows=result.rows_written(),
            written_bytes=result.bytes_written(),
            result_rows=result.rows_read(),
            elapsed_ns=int(result.elapsed() * 1e9),
        )
        return Reply(result.bytes(), counts | {"X-ClickHouse-Format": output})

    def _stream(self, stream: Any, output: str) -> None:
        """Send a result block by block. The first comes before the headers, so most errors still get their status;
        a later one ends the body between two tags that the headers announce, and no last chunk follows."""
        tag = "".join(secrets.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(16))
        try:
            block = stream.fetch()
            self.streaming = True
            self._head(200, {"X-ClickHouse-Format": output, "X-ClickHouse-Exception-Tag": tag})
            while block is not None:
                self.rows += block.rows_read()
                self._chunk(block.bytes())
                block = stream.fetch()
            self.wfile.write(b"0\r\n\r\n")
        except ENGINE_ERRORS as error:
            if self.streaming:
                message = from_engine(error).text(self.engine.version).encode()
                self._chunk(
                    b"__exception__\r\n%s\r\n%s%d %s\r\n__exception__\r\n" % (tag.encode(), message, len(message), tag.encode())
                )
            raise
        finally:
            stream.cancel()

    def _chunk(self, data: bytes) -> None:
        if data:
            self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))

    def _fail(self, error: Failure, body: Body) -> None:
        if self.streaming:  # the headers are gone
            self.close_connection = True
            return
        headers = {"X-ClickHouse-Exception-Code": str(error.code)}
        self._send(error.status, Reply(error.text(self.engine.version).encode(), headers), body)

    def _send(self, status: int, reply: Reply, body: Body) -> None:
        self.close_connection |= not body.drain()
        self._head(status, reply.headers | {"Content-Length": str(len(reply.body))})
        self.wfile.write(reply.body)

    def _head(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        common = {
            "Content-Type": "application/octet-stream",
            "X-ClickHouse-Query-Id": self.query_id,
            "X-ClickHouse-Server-Display-Name": "local",
            "X-ClickHouse-Timezone": self.engine.timezone,
            "Connection": "close" if self.close_connection else "keep-alive",
        }
        if "Content-Length" not in headers:
            common["Transfer-Encoding"] = "chunked"
        for name, text in (common | headers).items():
            self.send_header(name, text)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Requests are logged above; what is left are malformed ones."""
        if not format.startswith('"%s"'):
            log.warning(format, *args)


def summary(**counts: int) -> dict[str, str]:
    return {"X-ClickHouse-Summary": json.dumps({name: str(count) for name, count in counts.items()})}


@contextmanager
def slot(running: threading.BoundedSemaphore) -> Iterator[None]:
    """Wait for one of the places to run a query."""
    if not running.acquire(timeout=MAX_WAIT_S):
        raise failure(202, "TOO_MANY_SIMULTANEOUS_QUERIES", f"Too many simultaneous queries. Maximum: {MAX_RUNNING}")
    try:
        yield
    finally:
        running.release()
