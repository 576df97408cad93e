"""An HTTP API event (payload 2.0) as a request, and the caller's words as typed values or clear errors."""

import base64
import binascii
import re
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import parse_qsl

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from oppulence.kernel import errors
from oppulence.kernel.ids import new_id

_REQUEST_ID = re.compile(r"[A-Za-z0-9_\-]{1,64}")
_ENUM = re.compile(r"<[\w.]+: ('[^']*')>")
_QUALITY = re.compile(r"\s*q\s*=\s*([01](?:\.[0-9]{0,3})?)\s*")
_PARAM_MAX = 100


class Model(BaseModel):
    """Base of request and response models: unknown fields are refused, nothing is coerced."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


@dataclass(frozen=True, slots=True)
class Secret:
    """Marks a field of an answer that is shown once: it is never stored, and a replay has null in its place."""


@dataclass(frozen=True)
class Request:
    """What came in. Header names are lower case; `body` is the exact bytes."""

    method: str
    path: str
    query_string: str
    headers: dict[str, str]
    body: bytes
    path_parameters: dict[str, str]
    source_ip: str
    id: str = field(default_factory=lambda: new_id("req"))

    def header(self, name: str) -> str | None:
        """A header's value by its lower-case name."""
        return self.headers.get(name)


def parse(event: dict[str, Any]) -> Request:
    """Read an API Gateway event. A caller's own X-Request-Id is kept when it is short and plain.

    A body whose base64 is broken, which the gateway never makes, is taken as its text: no JSON and no signature then fits it.
    """
    http = event["requestContext"]["http"]
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    own_id = headers.get("x-request-id", "")
    return Request(
        method=http["method"], path=event["rawPath"], query_string=event.get("rawQueryString") or "", headers=headers,
        body=_body(event), path_parameters=_texts(event), source_ip=http.get("sourceIp", ""),
        id=own_id if _REQUEST_ID.fullmatch(own_id) else new_id("req"),
    )  # fmt: skip


def prefers(accept: str | None, media_type: str, other: str) -> bool:
    """Whether a caller's Accept header puts a media type above another: by quality, then by how closely it is named.

    Source: RFC 9110, 12.5.1.
    """
    return _rank(accept, media_type) > _rank(accept, other)


def body_of(request: Request, model: type[BaseModel], max_bytes: int) -> BaseModel:
    """The body as the route's model.

    Raises:
        UnsupportedMediaType, PayloadTooLarge, InvalidBody, ValidationError
    """
    check_size(request, max_bytes)
    media_type = (request.header("content-type") or "").partition(";")[0].strip().lower()
    if media_type != "application/json" and not media_type.endswith("+json"):
        raise errors.UnsupportedMediaType("Send the body as JSON with `Content-Type: application/json`.", param="Content-Type")
    try:
        return model.model_validate_json(request.body)
    except ValidationError as error:
        raise _explained(error.errors(include_url=False, include_input=False)[0], "body") from error


def check_size(request: Request, max_bytes: int) -> None:
    """Refuse a body over the route's limit.

    Raises:
        PayloadTooLarge: it is.
    """
    if len(request.body) > max_bytes:
        raise errors.PayloadTooLarge(f"The body has {len(request.body)} bytes; this route takes {max_bytes}.", param="body")


def query_of(request: Request, model: type[BaseModel]) -> BaseModel:
    """The query string as the route's model. A name given twice is a list only where the model says so.

    Raises:
        ValidationError: a value cannot be used; `param` names it.
    """
    values: dict[str, Any] = {}
    try:
        pairs = parse_qsl(request.query_string, keep_blank_values=True, max_num_fields=100, errors="strict")
    except (ValueError, UnicodeDecodeError) as error:
        raise errors.ValidationError("The query string cannot be read as UTF-8 pairs of at most 100 fields.") from error
    for name, value in pairs:
        values[name] = value if name not in values else [*_as_list(values[name]), value]
    try:
        return model.model_validate(values, strict=False)
    except ValidationError as error:
        raise _explained(error.errors(include_url=False, include_input=False)[0], "query") from error


@cache
def secret_fields(model: type[BaseModel]) -> frozenset[str]:
    """Names of a model's fields that are marked Secret."""
    return frozenset(name for name, info in model.model_fields.items() if any(isinstance(mark, Secret) for mark in info.metadata))


def _rank(accept: str | None, media_type: str) -> tuple[float, int]:
    """(quality, closeness) by the range that names the type most closely; (0, 0) if none does or it is refused."""
    ranges = ("*/*", media_type.partition("/")[0] + "/*", media_type)
    closeness, quality = 0, 0.0
    for part in (accept or "").lower().split(","):
        name, *parameters = part.split(";")
        if name.strip() in ranges[closeness:]:
            closeness = ranges.index(name.strip())
            quality = next((float(found[1]) for one in parameters if (found := _QUALITY.fullmatch(one))), 1.0)
    return (quality, closeness) if quality else (0.0, 0)


def _texts(event: dict[str, Any]) -> dict[str, str]:
    """Parameters of the path, of which an HTTP API has decoded all but the sign that escapes others."""
    return {name: text.replace("%25", "%") for name, text in (event.get("pathParameters") or {}).items()}


def _body(event: dict[str, Any]) -> bytes:
    text = event.get("body") or ""
    if not event.get("isBase64Encoded"):
        return text.encode("utf-8", "surrogatepass")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return text.encode("utf-8", "surrogatepass")


def _as_list(value: Any) -> list[Any]:  # noqa: ANN401
    return value if isinstance(value, list) else [value]


def _explained(error: ErrorDetails, where: str) -> errors.ValidationError:
    """One error, in the caller's terms: which field, what is wrong, what it takes."""
    if error["type"] == "json_invalid":
        return errors.InvalidBody(f"The body is not valid JSON: {error['ctx']['error']}.")
    param = ".".join(str(part) for part in error["loc"])[:_PARAM_MAX] or where
    if error["type"] == "extra_forbidden":
        return errors.ValidationError(f"Unknown field '{param}'. Remove it or check its spelling.", param=param)
    if error["type"] == "missing":
        return errors.ValidationError(f"'{param}' is required.", param=param)
    own = error["type"] == "value_error"  # pydantic puts a prefix before what we say
    why = str(error["ctx"]["error"]) if own else _ENUM.sub(r"\1", error["msg"])
    return errors.ValidationError(f"Invalid value for '{param}': {why}.", param=param)
