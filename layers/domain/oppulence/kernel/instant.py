"""Instants as callers write them."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field

_WRITTEN = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ]")


def _written(value: Any) -> Any:  # noqa: ANN401
    """Digits alone would be seconds since 1970, of which nobody thinks who writes 20260601."""
    if isinstance(value, datetime) or isinstance(value, str) and _WRITTEN.match(value):
        return value
    raise ValueError("write an instant as in RFC 3339, such as 2026-06-01T00:00:00Z")


def _in_utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("in UTC it lies before the year 1 or after the year 9999") from error


Instant = Annotated[AwareDatetime, Field(strict=False), BeforeValidator(_written), AfterValidator(_in_utc)]
"""An instant that a caller names, with its zone; in UTC from then on."""
