"""Spans to an OpenTelemetry collector as OTLP over HTTP with JSON. Loaded only when an endpoint is set.

Source: OpenTelemetry protocol specification 1.x, "OTLP/HTTP", JSON encoding.
"""

import json
import time
import urllib.request
from http.client import HTTPException

from oppulence.kernel import environment, telemetry

_TIMEOUT_S = 1.0
_KIND_SERVER = 2
_STATUS_ERROR = 2


def export(span: telemetry.Span, error: BaseException | None) -> None:
    """Send one finished span. A collector that is away costs a log line, never the request."""
    body = {
        "resourceSpans": [
            {
                "resource": {"attributes": [_text("service.name", telemetry.service())]},
                "scopeSpans": [{"scope": {"name": "oppulence"}, "spans": [_span(span, error)]}],
            }
        ]
    }
    url = environment.required("OTEL_EXPORTER_OTLP_ENDPOINT").rstrip("/") + "/v1/traces"
    try:
        request = urllib.request.Request(url, data=json.dumps(body).encode(), headers={"Content-Type": "application/json"})
        urllib.request.urlopen(request, timeout=_TIMEOUT_S).close()
    except (OSError, HTTPException, ValueError) as failure:  # also one that hangs up in mid-answer, or an endpoint that is no URL
        telemetry.logger().warning("span_not_exported", extra={"reason": str(failure)})


def _span(span: telemetry.Span, error: BaseException | None) -> dict[str, object]:
    result: dict[str, object] = {
        "traceId": span.trace_id, "spanId": span.span_id, "name": span.name, "kind": _KIND_SERVER,
        "startTimeUnixNano": str(span.started_ns), "endTimeUnixNano": str(time.time_ns()),
    }  # fmt: skip
    if span.parent_id:
        result["parentSpanId"] = span.parent_id
    failed = type(error).__name__ if error is not None else span.known.get("error")
    if failed:
        result["status"] = {"code": _STATUS_ERROR, "message": failed}
    return result


def _text(key: str, value: str) -> dict[str, object]:
    return {"key": key, "value": {"stringValue": value}}
