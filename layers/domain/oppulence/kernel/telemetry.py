"""Structured logs with secrets and personal data taken out, metrics in embedded format, and W3C trace context.

Metrics carry no workspace: as a dimension it would cost a metric each. Logs carry it instead.
"""

import json
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from oppulence.kernel import environment

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger

NAMESPACE = "Oppulence"
REDACTED = "[redacted]"
_SECRET_NAMES = re.compile(r"secret|token|authorization|password|api_?key$|cookie|signature|credential", re.IGNORECASE)
_PERSONAL_NAMES = re.compile(r"^(e?mail|.*_email|phone|.*_phone|address|.*_address|name|customer_name|ip|.*_ip)$", re.IGNORECASE)
_SECRET_VALUES = re.compile(
    r"\b(op_(?:live|test|sandbox)_|sk_(?:live|test)_|rk_(?:live|test)_|whsec_|Bearer )[A-Za-z0-9_\-.+/=]{6,}"
    r"|[A-Za-z0-9_.+-]+@[A-Za-z0-9-]+\.[A-Za-z0-9.-]+"
)
_TRACEPARENT = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}")


@dataclass(frozen=True, slots=True)
class Span:
    """One piece of work of a trace."""

    trace_id: str
    span_id: str
    parent_id: str | None
    name: str
    started_ns: int = field(default_factory=time.time_ns)
    known: dict[str, str] = field(default_factory=dict)

    @property
    def traceparent(self) -> str:
        """W3C form, for what this work causes."""
        return f"00-{self.trace_id}-{self.span_id}-01"


_REQUEST_DIRECTIVE = {
    "Namespace": NAMESPACE,
    "Dimensions": [["method", "path", "status"], ["method", "path"], ["surface", "status_class"], ["surface"]],
    "Metrics": [
        {"Name": "http_requests_total", "Unit": "Count"},
        {"Name": "http_request_duration_seconds", "Unit": "Seconds"},
    ],
}

_span: ContextVar[Span | None] = ContextVar("span", default=None)


def traceparent() -> str | None:
    """The running span as a `traceparent` header, or None outside one."""
    span = _span.get()
    return span.traceparent if span else None


def annotate(**known: str | None) -> None:
    """Add what has become known of the running work, such as its workspace: every later log line of it says so."""
    running = _span.get()
    if running:
        running.known.update({name: text for name, text in known.items() if text})


@contextmanager
def span(name: str, parent: str | None) -> Iterator[Span]:
    """Continue the caller's trace, or start one; exported when an OTLP endpoint is set."""
    match = _TRACEPARENT.fullmatch(parent or "")
    trace_id, parent_id = (match[1], match[2]) if match else (secrets.token_hex(16), None)
    running = Span(trace_id, secrets.token_hex(8), parent_id, name)
    token = _span.set(running)
    error: BaseException | None = None
    try:
        yield running
    except BaseException as raised:
        error = raised
        raise
    finally:
        _span.reset(token)
        if environment.optional("OTEL_EXPORTER_OTLP_ENDPOINT"):
            from oppulence.kernel import otlp

            otlp.export(running, error)


@cache
def logger() -> "Logger":
    """The process's logger."""
    from aws_lambda_powertools import Logger

    return Logger(service=service(), json_serializer=_redacted_json, utc=True)


@cache
def service() -> str:
    """What logs and spans call this function's part of the platform."""
    return environment.optional("POWERTOOLS_SERVICE_NAME") or "oppulence"


def log(message: str, **fields: Any) -> None:  # noqa: ANN401
    """Write one line."""
    logger().info(message, extra=fields)


def metric(name: str, value: float, unit: str, **dimensions: str) -> None:
    """Emit one metric in embedded format, under the seeds' names (`http_requests_total`, ...)."""
    metrics({name: (value, unit)}, **dimensions)


def metrics(values: dict[str, tuple[float, str]], **dimensions: str) -> None:
    """Emit metrics with their units (`Count`, `Seconds`, `None`) in one line; each is of this service, unless one is named."""
    import sys

    from pydantic_core import to_json

    by = {"service": service(), **dimensions}
    directive = {
        "Namespace": NAMESPACE, "Dimensions": [list(by)],
        "Metrics": [{"Name": name, "Unit": unit} for name, (_, unit) in values.items()],
    }  # fmt: skip
    emf = {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [directive]}
    line = {"_aws": emf, **by, **{name: value for name, (value, _) in values.items()}}
    sys.stdout.write(to_json(line).decode() + "\n")


def request(method: str, path: str, status: int, seconds: float) -> None:
    """The one line that every request leaves: the log's fields, and in embedded format the two metrics of the seeds.

    Written without the logger: no text of the caller's is in it but ids, and those are redacted by their shape.
    """
    import sys

    from pydantic_core import to_json

    now = time.time()
    line: dict[str, Any] = {
        "level": "INFO", "message": "request", "timestamp": datetime.fromtimestamp(now, UTC), "service": service(),
        "method": method, "path": path, "status": str(status), "surface": surface(path), "status_class": f"{status // 100}xx",
        "http_requests_total": 1,
        "http_request_duration_seconds": round(seconds, 6),
        "_aws": {"Timestamp": int(now * 1000), "CloudWatchMetrics": [_REQUEST_DIRECTIVE]},
    }  # fmt: skip
    running = _span.get()
    if running:
        line |= {"trace_id": running.trace_id, "span_id": running.span_id} | redact(running.known)
    sys.stdout.write(to_json(line).decode() + "\n")


def surface(path: str) -> str:
    """Which objective a route is under: providers' webhooks have one of their own."""
    return "webhooks" if path.startswith("/v1/webhooks/") else "api"


def redact(value: Any, name: str = "") -> Any:  # noqa: ANN401
    """A copy of a log value without secrets and personal data: by the field's name, and by the shape of text."""
    if name and value is not None and _is_hidden(name):
        return REDACTED
    if isinstance(value, str):
        return _SECRET_VALUES.sub(lambda m: f"{m[1] or ''}{REDACTED}", value)
    if isinstance(value, dict):
        return {key: redact(item, str(key)) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [redact(item) for item in value]
    return value


@lru_cache(maxsize=1024)
def _is_hidden(name: str) -> bool:
    """Whether a field of this name holds a secret or personal data."""
    return bool(_SECRET_NAMES.search(name) or _PERSONAL_NAMES.match(name))


def _redacted_json(line: dict[str, Any]) -> str:
    """One line, with the running trace's ids and what is known of it. Objects become plain before names are looked at."""
    from pydantic_core import to_jsonable_python

    running = _span.get()
    if running:
        line = {**line, "trace_id": running.trace_id, "span_id": running.span_id, **running.known}
    plain = to_jsonable_python(line, fallback=str, bytes_mode="base64", inf_nan_mode="strings")
    return json.dumps(redact(plain), separators=(",", ":"))
