"""The form of what goes in and out: names in camel case, no field for what there is not, numbers with all their digits."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from oppulence.kernel.errors import AppError
from oppulence.kernel.response import Response
from oppulence.metering.windows import EARLIEST, LATEST

_NAMES = {"time_zone": "windowTimeZone", "effective_from": "eventFrom", "subjects": "subject", "customers": "filterCustomerId"}
"""What is called otherwise there; all else is ours in camel case."""


class Form(BaseModel):
    """Base of what is taken. What nobody knows is passed over, as their server does: older definitions have fields more."""

    model_config = ConfigDict(alias_generator=to_camel, extra="ignore", frozen=True)


@contextmanager
def in_their_words(**names: str) -> Iterator[None]:
    """Errors name a parameter and paths of meters as the caller knows them; `names` are those that this question has."""
    try:
        yield
    except AppError as error:
        message = error.message.replace("PATCH /v1/meters", "PUT /v1/meters")
        error.message = message.replace(" /v1/meters", " /openmeter/api/v1/meters")
        if error.param is not None:
            name, dot, rest = error.param.partition(".")
            error.param = f"{names.get(name) or _NAMES.get(name) or to_camel(name)}{dot}{rest}"
        raise


def second(at: datetime) -> datetime:
    """The second of an instant, or the nearest one at which something can count."""
    return min(max(at.replace(microsecond=0), EARLIEST), LATEST)


def instant(at: datetime) -> str:
    """An instant in UTC."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def merged(fields: Mapping[str, Any], written: Mapping[str, str]) -> str:
    """A JSON object of fields, those that are None left out, and of some that are JSON text already."""
    parts = [f"{json.dumps(name)}:{json.dumps(value)}" for name, value in fields.items() if value is not None]
    return "{" + ",".join([*parts, *(f"{json.dumps(name)}:{text}" for name, text in written.items())]) + "}"


def listed(parts: Sequence[str]) -> str:
    """A JSON list of JSON texts."""
    return f"[{','.join(parts)}]"


def answer(text: str, status: int = 200) -> Response:
    """JSON text as an answer."""
    return Response(status, text.encode())
