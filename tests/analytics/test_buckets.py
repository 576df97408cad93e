"""Periods follow the clocks of a zone, without gaps, also when these change."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oppulence.analytics.buckets import MAX_BUCKETS, Granularity, buckets, zone
from oppulence.kernel.errors import ValidationError

BERLIN = ZoneInfo("Europe/Berlin")
HOUR = timedelta(hours=1)


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def lengths(since: str, until: str, granularity: Granularity, tz: ZoneInfo) -> list[timedelta]:
    found = buckets(instant(since), instant(until), granularity, tz)
    return [found.end_of(index) - start for index, start in enumerate(found.starts)]


def test_days_are_as_long_as_the_clocks_make_them() -> None:
    spring = lengths("2026-03-28T00:00:00+01:00", "2026-03-31T00:00:00+02:00", Granularity.DAY, BERLIN)
    autumn = lengths("2026-10-24T00:00:00+02:00", "2026-10-27T00:00:00+01:00", Granularity.DAY, BERLIN)
    assert spring == [24 * HOUR, 23 * HOUR, 24 * HOUR] and autumn == [24 * HOUR, 25 * HOUR, 24 * HOUR]


def test_the_hour_that_comes_twice_is_two_hours() -> None:
    assert lengths("2026-10-25T00:00:00Z", "2026-10-25T03:00:00Z", Granularity.HOUR, BERLIN) == [HOUR] * 3


def test_weeks_begin_on_monday_and_months_on_the_first() -> None:
    weeks = buckets(instant("2026-01-01T12:00:00Z"), instant("2026-01-20T00:00:00Z"), Granularity.WEEK, ZoneInfo("UTC"))
    assert [at.day for at in weeks.starts] == [1, 5, 12, 19] and weeks.end_of(3) == instant("2026-01-20T00:00:00Z")
    months = buckets(instant("2026-01-31T23:30:00Z"), instant("2026-03-15T00:00:00Z"), Granularity.MONTH, BERLIN)
    assert [at.isoformat() for at in months.starts] == ["2026-01-31T23:30:00+00:00", "2026-02-28T23:00:00+00:00"]


def test_a_day_whose_midnight_does_not_exist_begins_at_one() -> None:
    found = buckets(
        instant("2018-11-03T03:00:00Z"), instant("2018-11-06T02:00:00Z"), Granularity.DAY, ZoneInfo("America/Sao_Paulo")
    )
    assert [at.hour for at in found.starts] == [3, 3, 2]


@given(
    st.integers(31 * 365, 120 * 365).map(lambda days: datetime.fromtimestamp(days * 86_399, UTC)), st.integers(1, 60 * 24 * 20),
    st.sampled_from(Granularity), st.sampled_from(sorted(available_timezones())),
)  # fmt: skip
def test_every_instant_is_in_one_period(since: datetime, minutes: int, granularity: Granularity, name: str) -> None:
    found = buckets(since, since + timedelta(minutes=minutes), granularity, ZoneInfo(name))
    assert list(found.starts) == sorted(set(found.starts)) and found.starts[0] == since.replace(microsecond=0)
    assert found.until > found.starts[-1]
    ends = [found.end_of(index) for index in range(len(found.starts))]
    assert ends == [*found.starts[1:], found.until] and found.seconds == [int(at.timestamp()) for at in found.starts]


@pytest.mark.parametrize(
    ("since", "until", "granularity"),
    [
        ("2026-01-02T00:00:00Z", "2026-01-01T00:00:00Z", Granularity.DAY),
        ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z", Granularity.DAY),
        ("1900-01-01T00:00:00Z", "2026-01-01T00:00:00Z", Granularity.MONTH),
        ("2026-01-01T00:00:00Z", "9999-12-31T00:00:00Z", Granularity.MONTH),
        ("2020-01-01T00:00:00Z", "2026-01-01T00:00:00Z", Granularity.DAY),
    ],
)
def test_a_range_that_cannot_be_used(since: str, until: str, granularity: Granularity) -> None:
    with pytest.raises(ValidationError):
        buckets(instant(since), instant(until), granularity, BERLIN)


def test_there_are_as_many_periods_as_promised() -> None:
    found = buckets(
        instant("2026-01-01T00:00:00Z"), instant("2026-01-01T00:00:00Z") + MAX_BUCKETS * HOUR, Granularity.HOUR, BERLIN
    )
    assert len(found.starts) == MAX_BUCKETS


@pytest.mark.parametrize("name", ["", "Mars/Olympus", "../etc/passwd", "/etc/localtime", "Europe", "\x00", "a" * 64])
def test_a_zone_that_is_none(name: str) -> None:
    with pytest.raises(ValidationError):
        zone(name)
