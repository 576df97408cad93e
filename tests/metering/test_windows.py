"""Windows tile their period whatever clocks do."""

from datetime import timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oppulence.metering.errors import InvalidPeriod, TooManyWindows, UnknownTimeZone
from oppulence.metering.windows import EARLIEST, MAX_WINDOWS, Window, WindowSize, whole, windows, zone
from tests.metering.rules import at

ZONES = [
    "UTC", "Europe/Berlin", "America/New_York", "America/Sao_Paulo", "America/St_Johns", "America/Havana", "Asia/Kathmandu",
    "Australia/Lord_Howe", "Pacific/Apia", "Pacific/Chatham", "Africa/Monrovia", "Asia/Gaza", "Antarctica/Troll",
]  # fmt: skip
SOME = {
    WindowSize.MINUTE: timedelta(minutes=1), WindowSize.HOUR: timedelta(hours=1), WindowSize.DAY: timedelta(days=1),
    WindowSize.WEEK: timedelta(weeks=1), WindowSize.MONTH: timedelta(days=30),
}  # fmt: skip
HOUR, DAY, WEEK, MONTH = WindowSize.HOUR, WindowSize.DAY, WindowSize.WEEK, WindowSize.MONTH


def lengths(since: str, until: str, size: WindowSize, tz: str = "UTC") -> list[float]:
    """Hours of each window."""
    return [(one.end - one.start) / timedelta(hours=1) for one in windows(whole(at(since), at(until)), size, zone(tz))]


def local(since: str, until: str, size: WindowSize, tz: str) -> list[str]:
    """Where windows begin by the zone's clocks."""
    found = windows(whole(at(since), at(until)), size, zone(tz))
    return [one.start.astimezone(ZoneInfo(tz)).isoformat(timespec="minutes") for one in found]


def test_an_hour_that_happens_twice_is_two_windows() -> None:
    assert local("2026-10-24T23:00", "2026-10-25T03:00", HOUR, "Europe/Berlin") == [
        "2026-10-25T01:00+02:00", "2026-10-25T02:00+02:00", "2026-10-25T02:00+01:00", "2026-10-25T03:00+01:00",
    ]  # fmt: skip
    assert local("2026-03-29T00:00", "2026-03-29T03:00", HOUR, "Europe/Berlin")[:2] == [
        "2026-03-29T01:00+01:00",
        "2026-03-29T03:00+02:00",
    ]
    assert len(lengths("2026-10-25T00:30", "2026-10-25T01:30", WindowSize.MINUTE, "Europe/Berlin")) == 60


def test_a_change_of_half_an_hour_ends_a_window() -> None:
    assert local("2026-04-04T13:00", "2026-04-04T16:00", HOUR, "Australia/Lord_Howe") == [
        "2026-04-05T00:00+11:00", "2026-04-05T01:00+11:00", "2026-04-05T01:30+10:30", "2026-04-05T02:00+10:30",
    ]  # fmt: skip
    assert lengths("2026-04-04T14:00", "2026-04-04T15:30", HOUR, "Australia/Lord_Howe") == [1, 0.5]


def test_days_have_the_hours_that_clocks_give_them() -> None:
    assert lengths("2026-03-27T23:00", "2026-03-30T22:00", DAY, "Europe/Berlin") == [24, 23, 24]
    assert lengths("2026-10-23T22:00", "2026-10-26T23:00", DAY, "Europe/Berlin") == [24, 25, 24]
    assert lengths("2018-11-03T03:00", "2018-11-06T02:00", DAY, "America/Sao_Paulo") == [24, 23, 24]  # no midnight on the 4th
    assert lengths("2011-12-29T10:00", "2012-01-01T10:00", DAY, "Pacific/Apia") == [24, 24, 24]  # no 30 December
    assert local("2011-12-29T10:00", "2012-01-01T10:00", DAY, "Pacific/Apia")[1][:10] == "2011-12-31"
    assert lengths("2010-11-06T02:30", "2010-11-08T03:30", DAY, "America/St_Johns") == [24, 25]  # midnight twice on the 7th


def test_leap_days_weeks_and_years_end_where_they_end() -> None:
    days = [28 * 24, 31 * 24]
    assert lengths("2026-02-01T00:00", "2026-04-01T00:00", MONTH) == days
    assert lengths("2028-02-01T00:00", "2028-04-01T00:00", MONTH) == [29 * 24, 31 * 24]
    assert len(lengths("2028-02-28T00:00", "2028-03-02T00:00", DAY)) == 3
    assert local("2026-12-30T12:00", "2027-01-12T00:00", WEEK, "UTC") == [
        "2026-12-30T12:00+00:00", "2027-01-04T00:00+00:00", "2027-01-11T00:00+00:00",
    ]  # fmt: skip
    assert local("2026-12-31T22:59:59", "2026-12-31T23:00:01", MONTH, "Europe/Berlin") == [
        "2026-12-31T23:59+01:00", "2027-01-01T00:00+01:00",
    ]  # fmt: skip


@given(
    st.sampled_from(ZONES), st.sampled_from(list(WindowSize)),
    st.integers(0, 120 * 365 * 86_400), st.integers(1, 40), st.integers(0, 86_399),
)  # fmt: skip
@settings(deadline=None, max_examples=150)
def test_windows_tile_the_period_in_every_zone(tz: str, size: WindowSize, since: int, some: int, seconds: int) -> None:
    start = EARLIEST + timedelta(seconds=since)
    period = whole(start, start + SOME[size] * some + timedelta(seconds=seconds))
    found = windows(period, size, zone(tz))
    assert (found[0].start, found[-1].end) == period
    assert all(before.end == after.start for before, after in pairwise(found)) and all(one.start < one.end for one in found)
    for one in found[1:]:
        begins, ends = (moment.astimezone(ZoneInfo(tz)) for moment in (one.start, one.end - timedelta(seconds=1)))
        if size in (WindowSize.MINUTE, HOUR):
            assert begins.utcoffset() == ends.utcoffset() and begins.hour == ends.hour
            assert size is HOUR or begins.minute == ends.minute
        elif size is MONTH:
            assert begins.day == 1 and begins.month == ends.month
        elif size is WEEK:
            assert begins.weekday() == 0 and one.end - one.start <= timedelta(days=8)
        else:
            assert one.end - one.start <= timedelta(hours=25)
        assert one.start.microsecond == 0


@pytest.mark.parametrize(
    ("since", "until", "param"),
    [
        ("2026-01-01T00:00", "2026-01-01T00:00", "to"),
        ("2026-01-02T00:00", "2026-01-01T00:00", "to"),
        ("2026-01-01T00:00:00.5", "2026-01-02T00:00", "from"),
        ("2026-01-01T00:00", "2026-01-02T00:00:00.000001", "to"),
        ("0001-01-01T00:00", "2026-01-02T00:00", "from"),
        ("2026-01-01T00:00", "9999-12-31T23:59", "to"),
    ],
)
def test_a_period_that_cannot_be_asked_for_is_refused(since: str, until: str, param: str) -> None:
    with pytest.raises(InvalidPeriod) as refused:
        whole(at(since), at(until))
    assert refused.value.param == param


def test_millions_of_windows_are_refused_with_the_remedy_and_never_made() -> None:
    period = whole(at("1970-01-02T00:00"), at("2200-01-01T00:00"))
    for size in (WindowSize.MINUTE, HOUR):
        with pytest.raises(TooManyWindows, match="larger windows"):
            windows(period, size, zone("Europe/Berlin"))
    assert len(windows(period, DAY, zone("UTC"))) < MAX_WINDOWS


def test_the_bound_can_be_lower() -> None:
    day = Window(at("2026-01-01T00:00"), at("2026-01-02T00:00"))
    assert len(windows(day, HOUR, zone("UTC"), most=24)) == 24
    with pytest.raises(TooManyWindows):
        windows(day, HOUR, zone("UTC"), most=23)


@pytest.mark.parametrize("name", ["", "Mars/Olympus", "../etc/passwd", "/etc/localtime", "UTC\0", "x" * 5_000, "Europe"])
def test_an_unknown_zone_is_refused(name: str) -> None:
    with pytest.raises(UnknownTimeZone):
        zone(name)
