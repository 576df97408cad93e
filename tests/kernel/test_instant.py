"""What is an instant, and what is none."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from oppulence.kernel.instant import Instant
from oppulence.kernel.request import Model

INSTANT = TypeAdapter[datetime](Instant)


class Body(Model):
    at: Instant


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-06-01T02:00:00+02:00", datetime(2026, 6, 1, tzinfo=UTC)),
        ("2026-06-01t00:00:00.5z", datetime(2026, 6, 1, microsecond=500_000, tzinfo=UTC)),
        ("2026-06-01 00:00:00Z", datetime(2026, 6, 1, tzinfo=UTC)),
        ("0001-01-01T14:00:00+14:00", datetime(1, 1, 1, tzinfo=UTC)),
        ("9999-12-31T11:59:59-12:00", datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
    ],
)
def test_an_instant_is_in_utc(text: str, at: datetime) -> None:
    for found in (INSTANT.validate_python(text), Body.model_validate_json(json.dumps({"at": text})).at):
        assert (found, found.tzinfo) == (at, UTC)


@given(st.datetimes(timezones=st.timezones(), min_value=datetime(2, 1, 1), max_value=datetime(9998, 1, 1)))  # noqa: DTZ001 - as hypothesis wants
def test_what_is_written_is_read(at: datetime) -> None:
    in_utc = at.astimezone(UTC)  # Python holds an hour that comes twice for unequal to itself in any other zone
    assert INSTANT.validate_python(at) == in_utc
    assert INSTANT.validate_python(in_utc.isoformat()) == in_utc


@pytest.mark.parametrize(
    "value",
    ["20260601", "1780272000", "-1", "", "now", "2026-06-01", "2026-06-01T00:00:00", "2026-06-01T00:00:00+25:00",
     "2026-13-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", 20260601, 1.5, True, None, [], {}],
)  # fmt: skip
def test_what_is_none_is_refused(value: Any) -> None:
    with pytest.raises(ValidationError):
        Body.model_validate_json(json.dumps({"at": value}))
    with pytest.raises(ValidationError):
        INSTANT.validate_python(value)


def test_documents_call_it_a_date_time() -> None:
    assert INSTANT.json_schema() == {"type": "string", "format": "date-time"}
