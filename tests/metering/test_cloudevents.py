"""Reading events: whatever is sent, each one gets its own verdict, or the body is refused as a whole."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oppulence.kernel.errors import InvalidBody, UnsupportedMediaType
from oppulence.metering.cloudevents import MANY, ONE, PLAIN, Defaults, Refused, Sent, alone, read
from oppulence.metering.usage_event import UNREADABLE, parse

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
DEFAULTS = Defaults("seed", "source", NOW)

NAMES = st.sampled_from([
    "type", "id", "source", "subject", "customer", "time", "data", "data_base64", "datacontenttype", "specversion", "events", "x",
])  # fmt: skip
ODD = st.sampled_from([
    "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2026-11-21T12:00:00Z", "2026-11-21T11:59:60Z", "1.0", "e30=",
    "a`b", "$.x` - at `$.y", "application/json", "\ud800", "\x00", "text/plain",
])  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=300) | ODD,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES | st.text(max_size=8), inner, max_size=6),
    max_leaves=15,
)


def verdicts(body: bytes, kind: str = PLAIN, **headers: str) -> list[Sent | Refused] | None:
    """One for each event; None when the body was refused."""
    try:
        found = read(body, {"content-type": kind, **headers}, DEFAULTS)
    except (InvalidBody, UnsupportedMediaType):
        return None
    assert [one.index for one in found] == list(range(len(found)))
    for one in found:
        if isinstance(one, Refused):
            assert one.reason.endswith(".") and len(one.field) <= 64
        else:
            check(one)
    return found


def check(sent: Sent) -> None:
    """What is taken is what every store takes."""
    source, id_, type_, subject, time, data = sent.event
    assert all(1 <= len(text) <= 255 and text.encode() and "\x00" not in text for text in (source, id_, type_, subject))
    assert time.tzinfo is UTC and datetime(1970, 1, 2, tzinfo=UTC) <= time <= NOW + timedelta(minutes=5)
    assert data is None or (data.encode() and parse(data) is not UNREADABLE)


@settings(max_examples=400, deadline=None)
@given(JSON, st.sampled_from([PLAIN, ONE, MANY]))
def test_any_json_has_verdicts_or_is_refused(value: Any, kind: str) -> None:
    verdicts(json.dumps(value).encode(), kind)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.dictionaries(NAMES, JSON, max_size=8) | JSON, max_size=5), st.sampled_from([PLAIN, MANY]))
def test_any_list_has_a_verdict_for_each_part(values: list[Any], kind: str) -> None:
    found = verdicts(json.dumps(values).encode(), kind)
    assert found is not None and len(found) == len(values)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=60), st.sampled_from([PLAIN, ONE, MANY, "", "text/plain"]), st.booleans())
def test_any_bytes_are_survived(body: bytes, kind: str, binary: bool) -> None:
    verdicts(body, kind, **({"ce-specversion": "1.0", "ce-type": "t", "ce-subject": "s"} if binary else {}))


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(NAMES.map(lambda name: f"ce-{name}"), st.text(max_size=300) | ODD, max_size=8))
def test_any_headers_are_survived(headers: dict[str, str]) -> None:
    found = verdicts(b'{"v": 1.10}', **headers, **{"ce-specversion": "1.0"} if "ce-specversion" not in headers else {})
    assert found is not None and len(found) == 1


@pytest.mark.parametrize(("cut", "whole"), [("[", "]"), (" [\n", "\t] "), ('{"events": [', "]}"), (' {"events" :[ ', " ] } ")])
@settings(max_examples=60, deadline=None)
@given(values=st.lists(JSON, min_size=1, max_size=5))
def test_nan_among_them_costs_its_own_event_only(cut: str, whole: str, values: list[Any]) -> None:
    events = [{"type": "t", "subject": "s", "data": value} for value in values]
    parts = [json.dumps(event) for event in events]
    found = verdicts(f"{cut}{', '.join([*parts, json.dumps({'data': float('nan')})])}{whole}".encode())
    assert found is not None
    alone = [verdicts(f"[{part}]".encode()) for part in parts]
    assert [type(one) for one in found[:-1]] == [type(one[0]) for one in alone if one] and isinstance(found[-1], Refused)


@pytest.mark.parametrize("digits", [7, 9, 20])
def test_a_time_finer_than_a_microsecond_is_rounded(digits: int) -> None:
    (found,) = read(b'{"type": "t", "subject": "s", "time": "2026-11-21T00:00:00.1234564' + b"9" * (digits - 7) + b'Z"}',
                    {"content-type": PLAIN}, DEFAULTS)  # fmt: skip
    assert isinstance(found, Sent) and found.event.time.microsecond in (123456, 123457)


@pytest.mark.parametrize("digits", ["9999995", "9999999", "999999999", "9" * 20])
@pytest.mark.parametrize("zone", ["Z", "+02:00"])
def test_a_time_never_becomes_the_next_seconds(digits: str, zone: str) -> None:
    """Which may be the next month's, as of a sender who writes the end of a day with more digits than we keep."""
    time = f"2026-10-31T23:59:59.{digits}{zone}"
    event = {"type": "t", "subject": "s", "time": time, "specversion": "1.0", "id": "1", "source": "x"}
    body, before = json.dumps(event), json.dumps(event | {"id": "0", "time": None})
    headers = {f"ce-{name}": value for name, value in event.items()}
    found = [
        verdicts(body.encode()), verdicts(body.encode(), ONE), verdicts(f"[{body}]".encode(), MANY),
        verdicts(f"[{before}, {body}, NaN]".encode()), verdicts(b"", **headers), [alone(DEFAULTS)(7, body)],
    ]  # fmt: skip
    taken = [one.event.time for some in found for one in some or () if isinstance(one, Sent) and one.event.id == "1"]
    assert taken == [datetime.fromisoformat(f"2026-10-31T23:59:59.999999{zone}")] * len(found)


def test_what_only_looks_like_the_end_of_a_second_is_let_be() -> None:
    for time in ("2026-10-31T23:59:59Z", "2026-10-31T23:59:59.999999Z", None):
        event = {"type": "t", "subject": "s", "time": time, "data": {"v": 0.9999999}}
        (found,) = read(json.dumps(event).encode(), {"content-type": PLAIN}, DEFAULTS)
        assert isinstance(found, Sent) and found.event.time == (datetime.fromisoformat(time) if time else NOW)
