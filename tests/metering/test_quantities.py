"""What values come to: each aggregation by example, and the laws that hold for all."""

import random
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from math import ceil
from typing import Any, Literal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oppulence.metering.models import Measure, Rounding
from oppulence.metering.quantities import Row, nearest_rank, quantity, rounded, total
from oppulence.metering.windows import Window, WindowSize, windows
from tests.metering.rules import at, measure, row

JUNE = Window(at("2026-06-01"), at("2026-07-01"))
HALF = Fraction(1, 2)
Mode = Literal["round", "ceil", "floor"]


def seats(*steps: tuple[str, str, int]) -> list[Row]:
    """(time, id, 1 or -1)."""
    return [row(time, number, text) for time, text, number in steps]


def of(aggregation: str, rows: list[Row], window: Window = JUNE, tz: str = "UTC", **fields: Any) -> Fraction | None:
    return quantity(measure(aggregation, **fields), rows, window, ZoneInfo(tz))


VALUES = [row("2026-06-02", 10), row("2026-06-01", 1), row("2026-06-03", 5), row("2026-06-03", "-2.5", sequence=1)]


@pytest.mark.parametrize(
    ("aggregation", "found", "empty"),
    [
        ("SUM", Fraction(27, 2), 0),
        ("AVG", Fraction(27, 8), None),
        ("MIN", Fraction(-5, 2), None),
        ("MAX", 10, None),
        ("LATEST", Fraction(-5, 2), None),
    ],
)
def test_plain_aggregations(aggregation: str, found: Fraction, empty: int | None) -> None:
    assert of(aggregation, VALUES) == found
    assert of(aggregation, [row("2026-05-31T23:59:59.999999", 7), row("2026-07-01", 7)]) == empty


def test_count_is_a_sum_of_ones() -> None:
    assert of("COUNT", [row("2026-06-02")] * 18) == 18 and of("COUNT", []) == 0


def test_periods_are_half_open_to_the_microsecond() -> None:
    edge = [
        row("2026-05-31T23:59:59.999999", 1),
        row("2026-06-01", 2),
        row("2026-06-30T23:59:59.999999", 4),
        row("2026-07-01", 8),
    ]
    assert of("SUM", edge) == 6


def test_average_is_an_exact_fraction() -> None:
    found = of("AVG", [row("2026-06-02", 1), row("2026-06-02", 1), row("2026-06-02", 0)])
    assert found == Fraction(2, 3)
    assert rounded(found, None) == Decimal("0.66666666666666666667")
    assert rounded(found, Rounding(mode="floor", precision=2)) == Decimal("0.66")


def test_sums_do_not_lose_a_digit() -> None:
    big, small = Decimal("9" * 38), Decimal("0.00000000000000000001")
    assert total([big, small, big.copy_negate()]) == small
    assert of("SUM", [row("2026-06-02", one) for one in [big] * 1000 + [small]]) == 1000 * Fraction(big) + Fraction(small)


def test_percentiles_are_values_that_were_sent() -> None:
    values = [Decimal(one) for one in (15, 20, 35, 40, 50)]
    ranks = [nearest_rank(values, Decimal(p)) for p in ("0.0001", "5", "20", "30", "40", "50", "80", "80.0001", "100")]
    assert ranks == [15, 15, 15, 20, 20, 35, 40, 50, 50]
    rows = [row("2026-06-02", one) for one in values]
    assert of("PERCENTILE", rows, percentile=Decimal(50)) == 35 and of("PERCENTILE", [], percentile=Decimal(50)) is None


def test_the_latest_of_one_instant_is_the_last_accepted() -> None:
    assert (
        of("LATEST", [row("2026-06-03", 1, sequence=2), row("2026-06-03", 2, sequence=1), row("2026-06-02", 3, sequence=9)]) == 1
    )


def test_levels_carry_over() -> None:
    rows = [row("2026-04-10", 10), row("2026-05-10", -4), row("2026-06-16", 1)]
    assert [of("SUM", rows), of("SUM", rows, carry_over=True)] == [1, 7]
    before = rows[:2]
    assert of("LATEST", before) is None and of("LATEST", before, carry_over=True) == -4
    assert of("SUM", before, carry_over=True) == 6 and of("SUM", [], carry_over=True) == 0


def test_unique_ids_are_those_that_were_added_last() -> None:
    rows = seats(("2026-05-02", "old", 1), ("2026-05-03", "gone", 1), ("2026-05-04", "gone", -1), ("2026-06-02", "new", 1),
                 ("2026-06-03", "new", 1), ("2026-06-04", "back", 1), ("2026-06-05", "back", -1), ("2026-06-06", "back", 1),
                 ("2026-06-07", "never", -1), ("2026-06-08", "left", 1), ("2026-06-09", "left", -1))  # fmt: skip
    assert [of("UNIQUE_COUNT", rows), of("UNIQUE_COUNT", rows, carry_over=True)] == [2, 3]
    assert of("UNIQUE_COUNT", rows, Window(JUNE.end, at("2026-08-01")), carry_over=True) == 3


def test_ids_are_prorated_by_day_with_both_ends() -> None:
    def share(*steps: tuple[str, str, int]) -> Fraction | None:
        return of("UNIQUE_COUNT", seats(*steps), carry_over=True, prorated="day")

    assert share(("2026-05-10", "a", 1)) == 1
    assert share(("2026-06-01", "a", 1)) == 1
    assert share(("2026-06-16T23:00", "a", 1)) == HALF
    assert share(("2026-06-10T01:00", "a", 1), ("2026-06-10T02:00", "a", -1)) == Fraction(1, 30)
    assert share(("2026-06-10", "a", 1), ("2026-06-12", "a", -1)) == Fraction(3, 30)
    assert share(("2026-05-10", "a", 1), ("2026-06-03", "a", -1)) == Fraction(3, 30)
    assert share(("2026-05-10", "a", 1), ("2026-05-31T23:59", "a", -1)) == 0
    assert share(("2026-06-10T01:00", "a", 1), ("2026-06-10T02:00", "a", -1), ("2026-06-10T03:00", "a", 1)) == Fraction(21, 30)
    assert share(
        ("2026-06-10", "a", 1), ("2026-06-12", "a", -1), ("2026-06-12T05:00", "a", 1), ("2026-06-13", "a", -1)
    ) == Fraction(4, 30)
    assert share(("2026-06-29", "a", 1), ("2026-06-30", "b", 1), ("2026-07-01", "c", 1)) == Fraction(3, 30)


def test_ids_are_prorated_by_second() -> None:
    rows = seats(("2026-05-10", "old", 1), ("2026-06-01T00:00:10.9", "old", -1), ("2026-06-16", "new", 1))
    found = of("UNIQUE_COUNT", rows, carry_over=True, prorated="second")
    assert found == Fraction(10 + 15 * 86_400, 30 * 86_400)


def test_sums_are_prorated() -> None:
    rows = [row("2026-05-10", 4), row("2026-06-16T12:00", 10), row("2026-06-20T12:00", -10)]
    assert of("SUM", rows, carry_over=True, prorated="day") == 4 + Fraction(10 * 15 - 10 * 10, 30)
    assert of("SUM", rows, carry_over=True, prorated="second") == 4 + Fraction(10 * 4, 30)
    assert of("SUM", [row("2026-06-05T01:00", 3), row("2026-06-05T02:00", -3)], carry_over=True, prorated="day") == Fraction(
        3, 30
    )


def test_a_day_is_the_time_zones() -> None:
    march = Window(at("2026-03-01T00:00+01:00"), at("2026-04-01T00:00+02:00"))
    late = [row("2026-03-30T23:30:00+02:00", 31)]
    assert of("SUM", late, march, "Europe/Berlin", carry_over=True, prorated="day") == 2
    ids = seats(("2026-03-29T00:10:00+01:00", "a", 1), ("2026-03-29T23:50:00+02:00", "a", -1))
    assert of("UNIQUE_COUNT", ids, march, "Europe/Berlin", carry_over=True, prorated="day") == Fraction(1, 31)


def test_a_weighted_sum_is_the_average_level() -> None:
    day = Window(at("2026-06-01"), at("2026-06-02"))
    rows = [row("2026-05-01", 100), row("2026-06-01T06:00", 10), row("2026-06-01T18:00:00.999999", -10)]
    assert of("WEIGHTED_SUM", rows, day) == Fraction(10 * 12, 24)
    assert of("WEIGHTED_SUM", rows, day, carry_over=True) == 105
    assert of("WEIGHTED_SUM", [], day) == 0


MINUTES = st.integers(-30 * 1440, 40 * 1440)
ROWS = st.lists(
    st.builds(
        lambda minute, number, text, sequence: Row(
            JUNE.start + timedelta(minutes=minute), Decimal(number), text, JUNE.start, sequence
        ),
        MINUTES, st.sampled_from(["1", "-1", "0.25", "7", "-3.5"]), st.sampled_from("abc"), st.integers(0, 10_000),
    ),
    max_size=30, unique_by=lambda one: one.place,
)  # fmt: skip
KINDS = [
    measure("COUNT"), measure("SUM"), measure("SUM", carry_over=True), measure("SUM", carry_over=True, prorated="day"),
    measure("SUM", carry_over=True, prorated="second"), measure("AVG"), measure("MIN"), measure("MAX"), measure("LATEST"),
    measure("LATEST", carry_over=True), measure("PERCENTILE", percentile=Decimal(90)), measure("UNIQUE_COUNT"),
    measure("UNIQUE_COUNT", carry_over=True), measure("UNIQUE_COUNT", carry_over=True, prorated="day"),
    measure("UNIQUE_COUNT", carry_over=True, prorated="second"), measure("WEIGHTED_SUM"),
    measure("WEIGHTED_SUM", carry_over=True),
]  # fmt: skip
BERLIN = ZoneInfo("Europe/Berlin")
laws = settings(deadline=None, max_examples=60)


@given(ROWS, st.sampled_from(KINDS), st.randoms(use_true_random=False))
@laws
def test_order_of_arrival_changes_nothing(rows: list[Row], kind: Measure, chance: random.Random) -> None:
    shuffled = rows.copy()
    chance.shuffle(shuffled)
    assert quantity(kind, rows, JUNE, BERLIN) == quantity(kind, shuffled, JUNE, BERLIN)


@given(ROWS, st.sampled_from(KINDS))
@laws
def test_rows_of_other_times_change_nothing(rows: list[Row], kind: Measure) -> None:
    needed = [one for one in rows if one.time < JUNE.end and (kind.carry_over or one.time >= JUNE.start)]
    assert quantity(kind, rows, JUNE, BERLIN) == quantity(kind, needed, JUNE, BERLIN)


@given(ROWS, st.sampled_from([WindowSize.DAY, WindowSize.WEEK, WindowSize.MONTH]), st.sampled_from(["UTC", "America/St_Johns"]))
@laws
def test_parts_of_a_period_make_the_whole(rows: list[Row], size: WindowSize, name: str) -> None:
    tz = ZoneInfo(name)
    parts = windows(JUNE, size, tz)

    def each(kind: Measure) -> list[Fraction]:
        return [found for one in parts if (found := quantity(kind, rows, one, tz)) is not None]

    for kind in (measure("SUM"), measure("COUNT")):
        assert sum(each(kind)) == quantity(kind, rows, JUNE, tz)
    for kind, choose in ((measure("MIN"), min), (measure("MAX"), max), (measure("LATEST"), lambda found: found[-1])):
        assert (choose(each(kind)) if each(kind) else None) == quantity(kind, rows, JUNE, tz)
    for kind in (measure("SUM", carry_over=True), measure("UNIQUE_COUNT", carry_over=True), measure("LATEST", carry_over=True)):
        assert (each(kind)[-1] if each(kind) else None) == quantity(kind, rows, JUNE, tz)
    for kind in (measure("WEIGHTED_SUM", carry_over=True), measure("UNIQUE_COUNT", carry_over=True, prorated="second")):
        weighted = sum(Fraction((one.end - one.start) / timedelta(seconds=1)) * found
                       for one, found in zip(parts, each(kind), strict=True))  # fmt: skip
        assert weighted / Fraction((JUNE.end - JUNE.start) / timedelta(seconds=1)) == quantity(kind, rows, JUNE, tz)


@given(ROWS, ROWS, st.sampled_from([kind for kind in KINDS if kind.aggregation in ("SUM", "COUNT", "WEIGHTED_SUM")]))
@laws
def test_what_adds_up_adds_up_over_subjects(some: list[Row], others: list[Row], kind: Measure) -> None:
    parts = [quantity(kind, rows, JUNE, BERLIN) or Fraction(0) for rows in (some, others)]
    assert sum(parts) == quantity(kind, some + others, JUNE, BERLIN)


@given(ROWS)
@laws
def test_a_weighted_sum_that_carries_over_is_a_sum_prorated_by_second(rows: list[Row]) -> None:
    prorated = measure("SUM", carry_over=True, prorated="second")
    assert quantity(measure("WEIGHTED_SUM", carry_over=True), rows, JUNE) == quantity(prorated, rows, JUNE)


@given(ROWS)
@laws
def test_days_present_are_the_days_on_which_an_id_was_there(rows: list[Row]) -> None:
    """By another way: minute by minute, as all times here are whole minutes."""
    days = 0
    for text in "abc":
        steps = sorted((one for one in rows if one.text == text and one.time < JUNE.end), key=lambda one: one.place)
        dates = set()
        present = None
        for one in steps:
            if one.number > 0:
                present = present or one.time
            elif present is not None:
                dates |= _dates(present, one.time)
                present = None
        dates |= _dates(present, JUNE.end - timedelta(minutes=1)) if present else set()
        days += len({date for date in dates if date.month == 6})
    kind = measure("UNIQUE_COUNT", carry_over=True, prorated="day")
    assert quantity(kind, rows, JUNE) == Fraction(days, 30)


def _dates(start: Any, end: Any) -> set[Any]:
    return {(start + timedelta(days=n)).date() for n in range((end.date() - start.date()).days + 1)}


@given(st.lists(st.decimals(-100, 100, places=2), min_size=1), st.integers(1, 1_000_000))
@laws
def test_a_percentile_has_enough_values_at_or_below_it(values: list[Decimal], parts: int) -> None:
    percentile = Decimal(parts) / 10_000
    found = nearest_rank(sorted(values), percentile)
    at_most, less = sum(one <= found for one in values), sum(one < found for one in values)
    wanted = ceil(len(values) * Fraction(percentile) / 100)
    assert less < wanted <= at_most


MODES: list[Mode] = ["round", "ceil", "floor"]
FRACTIONS = st.fractions(-(10**12), 10**12)


@given(FRACTIONS, FRACTIONS, st.sampled_from(MODES), st.integers(-6, 20))
@laws
def test_rounding_keeps_its_laws(exact: Fraction, other: Fraction, mode: Mode, precision: int) -> None:
    rule, unit = Rounding(mode=mode, precision=precision), Fraction(10) ** -precision
    found = Fraction(rounded(exact, rule))
    assert (found / unit).denominator == 1
    assert rounded(found, rule) == found
    match mode:
        case "ceil":
            assert 0 <= found - exact < unit
            assert found == -Fraction(rounded(-exact, Rounding(mode="floor", precision=precision)))
        case "floor":
            assert 0 <= exact - found < unit
        case _:
            assert abs(found - exact) <= unit / 2 and Fraction(rounded(-exact, rule)) == -found
    if exact <= other:
        assert found <= rounded(other, rule)


@pytest.mark.parametrize(
    ("exact", "mode", "precision", "shown"),
    [("2.5", "round", 0, "3"), ("-2.5", "round", 0, "-3"), ("1250", "round", -2, "1300"), ("1201", "ceil", -2, "1300"),
     ("-1201", "ceil", -2, "-1200"), ("1299", "floor", -2, "1200"), ("0.125", "round", 2, "0.13"), ("1.10", "round", 2, "1.1"),
     ("1000", "round", 3, "1000"), ("0", "ceil", -3, "0"), ("0.004", "floor", 2, "0")],
)  # fmt: skip
def test_rounding_by_example(exact: str, mode: Mode, precision: int, shown: str) -> None:
    assert f"{rounded(Fraction(exact), Rounding(mode=mode, precision=precision))}" == shown


def test_without_a_rule_a_quantity_has_twenty_places() -> None:
    assert f"{rounded(Fraction(-1, 3), None):f}" == "-0.33333333333333333333"
    assert f"{rounded(Fraction(10**60) + Fraction(1, 8), None):f}" == "1" + "0" * 60 + ".125"
