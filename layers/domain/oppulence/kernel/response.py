"""Answers: what a route returns, and how it looks to API Gateway."""

import base64
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from oppulence.kernel import telemetry
from oppulence.kernel.declarations import Route
from oppulence.kernel.errors import AppError
from oppulence.kernel.request import secret_fields

if TYPE_CHECKING:
    from oppulence.kernel.uow import UnitOfWork

_PLAIN_BYTES = 1_000_000
"""A function answers at most 6 MB, encoding included. Large answers go out in base64, which adds a third whatever they hold;
as text inside the gateway's JSON their quotes and backslashes could double them."""

_TEXT = ("application/json", "application/problem+json", "text/")


@dataclass(frozen=True)
class Response:
    """An answer. `kept` is what an idempotent replay gets, where that differs: the answer without its secrets."""

    status: int
    body: bytes = b""
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    kept: bytes | None = None


def answer(declared: Route, arguments: dict[str, Any], uow: "UnitOfWork | None" = None) -> Response:
    """Call the handler and give its result the form of an answer."""
    if uow is not None and declared.wants("uow"):
        if declared.personal and declared.access == "scope":
            uow.audit(
                "personal_data.read",
                declared.personal,
                str(arguments.get(declared.path_parameters[0])) if declared.path_parameters else "list",
            )
        arguments = {**arguments, "uow": uow}
    result = declared.work(**arguments)
    if isinstance(result, Response):
        return result
    return Response(204) if result is None else of_model(result, declared.status)


def of_model(model: BaseModel, status: int) -> Response:
    """A model as JSON."""
    secrets = secret_fields(type(model))
    kept = model.model_copy(update=dict.fromkeys(secrets)).model_dump_json(warnings=False).encode() if secrets else None
    return Response(status, model.model_dump_json().encode(), kept=kept)


def of_error(declared: Route, error: Exception, request_id: str) -> Response:
    """The public form of any error. What is not the caller's business goes to the log, under the request's id."""
    known = error if isinstance(error, AppError) else _unforeseen(error)
    if known.status >= 500:
        telemetry.logger().error("request_failed", exc_info=error, extra={"request_id": request_id, "code": known.code})
    headers = dict(known.headers)
    if "retry_after" in known.details:
        headers["Retry-After"] = str(known.details["retry_after"])
    body = declared.drop_in.error(known, request_id) if declared.drop_in else known.body(request_id)
    return Response(known.status, json.dumps(body, default=str).encode(), error_type(declared), headers)


def error_type(declared: Route) -> str:
    """The content type of a route's errors."""
    return declared.drop_in.error_type if declared.drop_in else "application/json"


def to_gateway(response: Response, headers: dict[str, str]) -> dict[str, Any]:
    """Payload format 2.0. Anything but JSON and text of moderate size goes out in base64."""
    headers = {**headers, **response.headers}
    if response.status != 204:
        headers["Content-Type"] = response.content_type
    plain = response.content_type.startswith(_TEXT) and len(response.body) <= _PLAIN_BYTES
    return {
        "statusCode": response.status, "headers": headers, "isBase64Encoded": not plain,
        "body": response.body.decode() if plain else base64.b64encode(response.body).decode(),
    }  # fmt: skip


def _unforeseen(error: Exception) -> AppError:
    """Routes without PostgreSQL never load its driver: it is looked at only when something went wrong."""
    from oppulence.kernel import database_errors

    return database_errors.told(error)
