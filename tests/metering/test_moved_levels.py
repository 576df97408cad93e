"""Levels go along with subjects that change hands: whoever has a subject has what its earlier events left."""

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from oppulence.kernel.uow import Scope
from oppulence.metering import query, tails
from oppulence.metering.models import Measure
from oppulence.metering.quantities import Row, quantity, rounded
from oppulence.metering.query import Question
from oppulence.metering.usage_event import SentEvent
from oppulence.metering.windows import Window, WindowSize, windows
from tests.metering import usage
from tests.metering.support import make
from tests.metering.test_attribution import customer, give
from tests.support.api import Api
from tests.support.world import World

JUNE, DAY, MOMENT = datetime(2026, 6, 1, tzinfo=UTC), timedelta(days=1), timedelta(microseconds=1)
PERIOD = Window(JUNE, JUNE + 12 * DAY)
IDS = {"aggregation": "UNIQUE_COUNT", "value_property": "$.who", "operation_property": "$.op"}
KINDS: dict[str, dict[str, Any]] = {
    "level": {"aggregation": "SUM"},
    "by_day": {"aggregation": "SUM", "prorated": "day"},
    "by_second": {"aggregation": "SUM", "prorated": "second"},
    "weighted": {"aggregation": "WEIGHTED_SUM"},
    "latest": {"aggregation": "LATEST"},
    "ids": IDS,
    "ids_by_day": IDS | {"prorated": "day"},
    "ids_by_second": IDS | {"prorated": "second"},
    "weighted_anew": {"aggregation": "WEIGHTED_SUM", "carry_over": False},
    "ids_anew": IDS | {"carry_over": False},
}
SEATS: dict[str, Any] = {"aggregation": "SUM", "value_property": "$.v", "carry_over": True, "effective_from": None}
Points = list[tuple[datetime, str | None]]


def test_seats_are_billed_to_whoever_has_the_subject(api: Api, store: World) -> None:
    make(api, slug="seats", **SEATS)
    a, b = customer(api, "a", ("s", None)), customer(api, "b")
    usage.take(store, usage.sent("1", {"v": 5}, JUNE - 20 * DAY, subject="s"), usage.sent("2", {"v": 2}, JUNE, subject="a"))
    give(api, b, "s", JUNE + 3 * DAY)

    def seats(day: int, **more: Any) -> dict[str | None, str]:
        question = Question("seats", JUNE + day * DAY, JUNE + (day + 1) * DAY, group_by=("customer_id",), **more)
        return {row.customer_id: str(row.value) for row in query.answer(Scope("metering", store.workspace_id), question).rows}

    assert seats(2) == {a: "7"} and seats(3) == seats(9) == {a: "2", b: "5"}
    assert seats(9, customers=(a,)) == {a: "2"} and seats(9, customers=(b,)) == {b: "5"}
    usage.take(store, usage.sent("3", {"v": -1}, JUNE + 5 * DAY, subject="s"))
    assert seats(9) == {a: "2", b: "4"}
    path = f"/v1/customers/{b}/subjects/s"
    assert api.as_key().send("DELETE", path, query={"valid_until": (JUNE + 6 * DAY).isoformat()}).status == 204
    assert seats(9) == {a: "2", b: "0", None: "4"} and seats(9, customers=(b,)) == {b: "0"}
    listed = api.as_key().get(
        "/v1/meters/seats/events", **{"from": JUNE.isoformat(), "to": (JUNE + 9 * DAY).isoformat()}, customers=b
    )
    assert [one["value"] for one in listed.body["data"]] == ["1", "-5", "-1", "5"]


def _june(world: World, slug: str) -> dict[str | None, str]:
    question = Question(slug, JUNE, JUNE + 30 * DAY, group_by=("customer_id",))
    return {row.customer_id: str(row.value) for row in query.answer(Scope("metering", world.workspace_id), question).rows}


def test_an_id_stays_while_another_subject_has_it(api: Api, store: World) -> None:
    for slug in ("ids", "ids_by_day", "ids_by_second"):
        make(api, **{"slug": slug, "carry_over": True, "effective_from": None, **KINDS[slug]})
    a, b = customer(api, "a", ("s", None), ("t", None)), customer(api, "b", ("u", None))
    added = [usage.sent(one, {"who": "x", "op": "add"}, JUNE - 5 * DAY, subject=one) for one in "stu"]
    usage.take(store, *added, usage.sent("no", {"who": "x", "op": "remove"}, JUNE - 6 * DAY, subject="s"))
    give(api, b, "s", JUNE + 10 * DAY)
    for slug in ("ids", "ids_by_day", "ids_by_second"):
        assert _june(store, slug) == {a: "1", b: "1"}, slug


def test_an_id_that_was_removed_goes_along_with_nobody(api: Api, store: World) -> None:
    make(api, **{"slug": "ids", "carry_over": True, "effective_from": None, **KINDS["ids_by_day"]})
    a, b = customer(api, "a", ("s", None)), customer(api, "b", ("t", None))
    usage.take(
        store, usage.sent("1", {"who": "x", "op": "add"}, JUNE - 90 * DAY, subject="s"),
        usage.sent("2", {"who": "x", "op": "remove"}, JUNE - 80 * DAY, subject="s"),
        usage.sent("3", {"who": "y", "op": "remove"}, JUNE - 80 * DAY, subject="s"),
        usage.sent("4", {"who": "y", "op": "add"}, JUNE - 70 * DAY, subject="t"),
    )  # fmt: skip
    give(api, b, "s", JUNE + timedelta(days=5, hours=3))
    assert _june(store, "ids") == {a: "0", b: "1"}


def test_who_loses_a_subject_when_a_day_begins_does_not_have_it_on_that_day(api: Api, store: World) -> None:
    make(api, **SEATS | {"slug": "seats", "prorated": "day"})
    make(api, **{"slug": "ids", "carry_over": True, "effective_from": None, **KINDS["ids_by_day"]})
    a, b = customer(api, "a", ("s", None), ("t", None)), customer(api, "b")
    for subject in "st":
        usage.take(store, usage.sent(subject, {"v": 300, "who": subject, "op": "add"}, JUNE - 20 * DAY, subject=subject))
    give(api, b, "s", JUNE)
    give(api, b, "t", JUNE + 10 * DAY)
    assert _june(store, "seats") == {a: "100", b: "500"} and Decimal(_june(store, "ids")[a]) == Decimal("0.33333333333333333333")


def test_levels_of_a_window_go_along_in_it(api: Api, store: World) -> None:
    make(api, slug="weighted", value_property="$.v", effective_from=None, aggregation="WEIGHTED_SUM")
    make(api, slug="ids", effective_from=None, **KINDS["ids"])
    a, b = customer(api, "a", ("s", None)), customer(api, "b")
    usage.take(store, usage.sent("1", {"v": 30, "who": "x", "op": "add"}, JUNE, subject="s"))
    usage.land(store, usage.sent("2", {"v": -30, "who": "x", "op": "remove"}, JUNE + 20 * DAY, subject="s"))
    give(api, b, "s", JUNE + 10 * DAY)
    assert _june(store, "weighted") == _june(store, "weighted") == {a: "10", b: "10"}
    assert _june(store, "ids") == {a: "0", b: "0"}


def test_the_latest_value_is_one_of_those_whose_subjects_are_left(api: Api, store: World) -> None:
    make(api, **SEATS | {"slug": "gauge", "aggregation": "LATEST"})
    a, b = customer(api, "a", ("s", None), ("t", None)), customer(api, "b")
    usage.take(store, *[usage.sent(one, {"v": n}, JUNE - n * DAY, subject=one) for n, one in ((10, "s"), (20, "t"))])
    give(api, b, "s", JUNE + 5 * DAY)

    def gauge(day: int, **more: Any) -> dict[str | None, str]:
        question = Question("gauge", JUNE + day * DAY, JUNE + (day + 1) * DAY, group_by=("customer_id",), **more)
        return {row.customer_id: str(row.value) for row in query.answer(Scope("metering", store.workspace_id), question).rows}

    assert gauge(4) == {a: "10"} and gauge(5) == gauge(40) == {a: "20", b: "10"}
    give(api, b, "t", JUNE + 7 * DAY)
    assert gauge(6) == {a: "20", b: "10"} and gauge(7) == gauge(40) == {b: "10"}
    usage.land(store, usage.sent("later", {"v": 3}, JUNE + 8 * DAY, subject="t"))
    assert gauge(7) == {b: "10"} and gauge(8) == {b: "3"}
    (row,) = query.answer(
        Scope("metering", store.workspace_id), Question("gauge", JUNE + 9 * DAY, JUNE + 10 * DAY, customers=(a,))
    ).rows
    assert row.value is None


@pytest.mark.parametrize("seed", range(2))
def test_they_are_what_each_ones_time_comes_to(api: Api, store: World, seed: int) -> None:
    rng = random.Random(seed)
    for slug, fields in KINDS.items():
        make(api, **{"slug": slug, "value_property": "$.v", "carry_over": True, "effective_from": None, **fields})
    who = [customer(api, "x"), customer(api, "y")]
    owned: dict[str, Points] = {}
    for subject in "stu":
        times = sorted({_instant(rng) for _ in range(rng.randrange(4))})
        owned[subject] = [(at, rng.choice(who)) for at in times]
        for at, customer_id in owned[subject]:
            give(api, str(customer_id), subject, at)
    events = [_event(rng, number) for number in range(60)]
    usage.take(store, *events[:30])
    usage.land(store, *events[30:])
    for slug in KINDS:
        for size in (None, WindowSize.DAY):
            expected = _expected(Measure.model_validate({"carry_over": True, **_measure(slug)}), events, owned, size)
            for customers in ((), (who[0],)):
                if rng.random() < 0.5:  # else this process has the tail
                    tails.forget_all()
                question = Question(slug, *PERIOD, size, customers=customers, group_by=("customer_id",))
                rows = query.answer(Scope("metering", store.workspace_id), question).rows
                found = {(row.window_start, row.customer_id): row.value for row in rows if row.value}
                wanted = {place: value for place, value in expected.items() if not customers or place[1] in customers}
                assert found == wanted, (slug, size, customers)


def _measure(slug: str) -> dict[str, Any]:
    return {name: value for name, value in KINDS[slug].items() if name in ("aggregation", "prorated", "carry_over")}


def _instant(rng: random.Random) -> datetime:
    at = JUNE + timedelta(seconds=rng.randrange(-3, 14 * 86_400))
    return at.replace(hour=0, minute=0, second=0) if rng.random() < 0.3 else at  # most change hands when a day begins


def _event(rng: random.Random, number: int) -> SentEvent:
    data = {"v": rng.choice((1, -2, 7, "0.5")), "who": rng.choice("abc"), "op": rng.choice(("add", "add", "remove"))}
    time = JUNE + timedelta(seconds=rng.randrange(-5 * 86_400, 13 * 86_400), microseconds=rng.choice((0, 999_999)))
    return usage.sent(f"e{number}", data, time, subject=rng.choice("stu"))


def _expected(
    measure: Measure, events: list[SentEvent], owned: dict[str, Points], size: WindowSize | None
) -> dict[tuple[datetime, str | None], Decimal]:
    """Quantities that are not 0: of ids and latest values by what an owner's subjects say, else each row's share of its time."""
    found: dict[tuple[datetime, str | None], Fraction] = {}
    for window in [PERIOD] if size is None else windows(PERIOD, size, ZoneInfo("UTC")):
        ordered = sorted(enumerate(events), key=lambda one: (one[1].time, one[0]))
        counted = [
            (rank, one) for rank, one in ordered if one.time < window.end and (measure.carry_over or one.time >= window.start)
        ]
        if measure.aggregation == "UNIQUE_COUNT":
            for whose in {None, *(one for points in owned.values() for _, one in points)}:
                found[window.start, whose] = quantity(measure, _ids(measure, counted, owned, whose), window) or Fraction(0)
            continue
        if measure.aggregation == "LATEST":
            for _, event in counted:
                number = Fraction(str(json.loads(event.data or "{}")["v"]))
                found[window.start, _owner(owned[event.subject], window.end - MOMENT)] = number
            continue
        for _, event in counted:
            for begin, end, whose in _times(owned[event.subject], event.time, window.end):
                share = _share(measure, event, begin, end, window)
                found[window.start, whose] = found.get((window.start, whose), Fraction(0)) + share
    return {place: value for place, exact in found.items() if (value := rounded(exact, None))}


def _times(points: Points, since: datetime, until: datetime) -> Iterator[tuple[datetime, datetime, str | None]]:
    """(from, to, whose) of the time after an event; `to` is the end for the last one."""
    edges = [(since, _owner(points, since))]
    edges += [(at, whose) for at, whose in points if since < at < until and whose]
    kept = [edge for n, edge in enumerate(edges) if not n or edge[1] != edges[n - 1][1]]
    if since < until:
        yield from ((at, end, whose) for (at, whose), (end, _) in zip(kept, [*kept[1:], (until, None)], strict=True))


def _owner(points: Points, at: datetime) -> str | None:
    return next((whose for since, whose in reversed(points) if since <= at), None)


def _share(measure: Measure, event: SentEvent, begin: datetime, end: datetime, window: Window) -> Fraction:
    number = Fraction(str(json.loads(event.data or "{}")["v"]))
    if measure.prorated is None and measure.aggregation == "SUM":
        return number if end == window.end else Fraction(0)
    if measure.prorated != "day":
        first, last = (max(at.replace(microsecond=0), window.start) for at in (begin, end))
        return number * int((last - first).total_seconds()) / int((window.end - window.start).total_seconds())
    days = (window.end - window.start) // DAY
    of_begin = 0 if begin < window.start else (begin - window.start) // DAY
    if begin == event.time and number <= 0 and begin >= window.start:
        of_begin += 1
    of_end = days - 1 if end == window.end else (end - MOMENT - window.start) // DAY
    return number * max(of_end - of_begin + 1, 0) / days


def _ids(measure: Measure, events: list[tuple[int, SentEvent]], owned: dict[str, Points], whose: str | None) -> Iterator[Row]:
    """Operations of what is somebody's then; and when any subject changes hands, how the last ones of its subjects leave ids.

    By day, what leaves does so in the moment before.
    """
    told = [(rank, event, json.loads(event.data or "{}")) for rank, event in events]
    for rank, event, data in told:
        if _owner(owned[event.subject], event.time) == whose:
            yield Row(event.time, Decimal(1 if data["op"] == "add" else -1), data["who"], event.time, rank)
    for turn in {at for points in owned.values() for at, _ in points}:
        its = [(event, data) for _, event, data in told if event.time < turn and _owner(owned[event.subject], turn) == whose]
        last = {data["who"]: data["op"] for _, data in its}
        for text in "abc":
            if last.get(text) == "add":
                yield Row(turn, Decimal(1), text)
            else:
                yield Row(turn - MOMENT if measure.prorated == "day" else turn, Decimal(-1), text, turn)
