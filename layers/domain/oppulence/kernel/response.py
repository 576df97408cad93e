"""Answers: what a route returns, and how it looks to API Gateway."""

import base64
import json
from dataclasses import dataclass, field
from typing import Any

import psycopg
from pydantic import BaseModel

from oppulence.kernel import db, telemetry
from oppulence.kernel.errors import AppError, InternalError, Unavailable, ValidationError
from oppulence.kernel.request import secret_fields

_PLAIN_BYTES = 1_000_000
"""A function answers at most 6 MB, encoding included. Large answers go out in base64, which adds a third whatever they hold;
as text inside the gateway's JSON their quotes and backslashes could double them."""

_BUSY = (
    psycopg.errors.QueryCanceled, psycopg.errors.LockNotAvailable, psycopg.errors.SerializationFailure,
    psycopg.errors.DeadlockDetected,
)  # fmt: skip
_UNSTORABLE = (psycopg.errors.CharacterNotInRepertoire, psycopg.errors.UntranslatableCharacter, UnicodeEncodeError)


@dataclass(frozen=True)
class Response:
    """An answer. `kept` is what an idempotent replay gets, where that differs: the answer without its secrets."""

    status: int
    body: bytes = b""
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    kept: bytes | None = None


def of_model(model: BaseModel, status: int) -> Response:
    """A model as JSON."""
    secrets = secret_fields(type(model))
    kept = model.model_copy(update=dict.fromkeys(secrets)).model_dump_json(warnings=False).encode() if secrets else None
    return Response(status, model.model_dump_json().encode(), kept=kept)


def of_error(error: Exception, request_id: str) -> Response:
    """The public form of any error. What is not the caller's business goes to the log, under the request's id."""
    known = error if isinstance(error, AppError) else _from_database(error)
    if known.status >= 500:
        telemetry.logger().error("request_failed", exc_info=error, extra={"request_id": request_id, "code": known.code})
    headers = dict(known.headers)
    if "retry_after" in known.details:
        headers["Retry-After"] = str(known.details["retry_after"])
    return Response(known.status, json.dumps(known.body(request_id), default=str).encode(), headers=headers)


def to_gateway(response: Response, headers: dict[str, str]) -> dict[str, Any]:
    """Payload format 2.0. Anything but JSON and text of moderate size goes out in base64."""
    headers = {**headers, **response.headers}
    if response.status != 204:
        headers["Content-Type"] = response.content_type
    plain = response.content_type.startswith(("application/json", "text/")) and len(response.body) <= _PLAIN_BYTES
    return {
        "statusCode": response.status, "headers": headers, "isBase64Encoded": not plain,
        "body": response.body.decode() if plain else base64.b64encode(response.body).decode(),
    }  # fmt: skip


def _from_database(error: Exception) -> AppError:
    """What a database error that nobody expected says to the caller."""
    if db.is_down(error) or isinstance(error, _BUSY):
        return Unavailable("The database is busy or not reachable. Try again in a few seconds.", retry_after=2)
    if isinstance(error, psycopg.errors.NumericValueOutOfRange):
        return ValidationError("A number is too large to be stored.")
    if isinstance(error, _UNSTORABLE) or (isinstance(error, psycopg.DataError) and error.sqlstate is None):
        return ValidationError("A text holds a character that cannot be stored, such as U+0000.")
    return InternalError("An internal error occurred. Please try again.")
