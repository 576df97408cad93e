"""Answers are what the plain rules make of a plain list of events: settled, landed and both, with repeats."""

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from oppulence.kernel import clock
from oppulence.kernel.uow import Scope
from oppulence.metering import query, readings, tails
from oppulence.metering import store as meters_store
from oppulence.metering.models import MeterVersion
from oppulence.metering.query import Question
from oppulence.metering.usage_event import SentEvent
from oppulence.metering.windows import WindowSize
from tests.metering import plain, usage
from tests.metering.rules import NOON
from tests.metering.support import make
from tests.support.api import Api
from tests.support.world import World

START, END = datetime(2099, 3, 20, tzinfo=UTC), datetime(2099, 4, 5, tzinfo=UTC)
TURN = datetime(2099, 3, 27, 10, 0, 0, 500_000, tzinfo=UTC)
KINDS: dict[str, dict[str, Any]] = {
    "count": {"aggregation": "COUNT"},
    "sum": {"aggregation": "SUM"},
    "sum_rounded": {"aggregation": "SUM", "rounding": {"mode": "ceil", "precision": -1}},
    "level": {"aggregation": "SUM", "carry_over": True},
    "sum_by_day": {"aggregation": "SUM", "carry_over": True, "prorated": "day"},
    "sum_by_second": {"aggregation": "SUM", "carry_over": True, "prorated": "second"},
    "avg": {"aggregation": "AVG", "rounding": {"mode": "round", "precision": 7}},
    "avg_exact": {"aggregation": "AVG"},
    "min": {"aggregation": "MIN"},
    "max": {"aggregation": "MAX"},
    "latest": {"aggregation": "LATEST"},
    "latest_on": {"aggregation": "LATEST", "carry_over": True},
    "p50": {"aggregation": "PERCENTILE", "percentile": "50"},
    "p99": {"aggregation": "PERCENTILE", "percentile": "99.9"},
    "weighted": {"aggregation": "WEIGHTED_SUM"},
    "weighted_on": {"aggregation": "WEIGHTED_SUM", "carry_over": True},
    "ids": {"aggregation": "UNIQUE_COUNT", "value_property": "$.who"},
    "ids_removed": {"aggregation": "UNIQUE_COUNT", "value_property": "$.who", "operation_property": "$.op"},
    "ids_on": {"aggregation": "UNIQUE_COUNT", "value_property": "$.who", "carry_over": True},
    "ids_removed_on": {"aggregation": "UNIQUE_COUNT", "value_property": "$.who", "operation_property": "$.op",
                       "carry_over": True},
    "ids_by_day": {"aggregation": "UNIQUE_COUNT", "value_property": "$.who", "operation_property": "$.op", "carry_over": True,
                   "prorated": "day"},
    "ids_by_second": {"aggregation": "UNIQUE_COUNT", "value_property": "$.who", "operation_property": "$.op", "carry_over": True,
                      "prorated": "second"},
}  # fmt: skip
FILTERS: list[dict[str, tuple[str | None, ...]]] = [{}, {}, {"model": ("x", None)}, {"region": ("eu",), "model": ("y",)}]
CHANGES: dict[str, dict[str, Any]] = {
    "count": {"group_by": {"region": "$.region"}},
    "sum": {"group_by": {"who": "$.who", "model": "$.model"}, "rounding": {"mode": "floor", "precision": 1}},
    "level": {"value_property": "$.w"},
    "sum_by_day": {"filter": {"path": "$.region", "op": "eq", "value": "eu"}},
    "latest_on": {"event_type": "other"},
    "p50": {"value_property": "$.w"},
    "ids_removed_on": {"operation_property": None},
    "ids_by_day": {"value_property": "$.model"},
}
"""What some meters count from `TURN` on."""
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe")


def event(rng: random.Random, number: int) -> SentEvent:
    time = (
        START - timedelta(days=3) + timedelta(microseconds=rng.randrange(21 * 86_400) * 1_000_000 + rng.choice((0, 1, 999_999)))
    )
    if rng.random() < 0.3:  # where windows begin and end
        time = time.replace(minute=0, second=0, microsecond=0)
    data = {
        "v": rng.choice((1, -2, 7, "0.1", "-3.00000000000000000001", "99999999999999999999999999999999999999", None)),
        "who": rng.choice("abcde"), "op": rng.choice(("add", "add", "remove")), "model": rng.choice(("x", "y", None)),
        "region": rng.choice(("eu", "us")), "w": rng.randrange(9),
    }  # fmt: skip
    kind = "other" if rng.random() < 0.1 else "call"
    return usage.sent(f"e{number}", data, time, type=kind, subject=rng.choice(("acme", "o'neil", "ünï\\")))


def filled(api: Api, world: World, seed: int) -> tuple[dict[str, list[MeterVersion]], list[list[SentEvent]]]:
    """Meters of every kind, and events in batches, of which some are settled and all have landed."""
    rng = random.Random(seed)
    for slug, fields in KINDS.items():
        value = {} if fields["aggregation"] == "COUNT" else {"value_property": "$.v"}
        body = {"event_type": "call", "group_by": {"model": "$.model", "region": "$.region"}, "effective_from": None}
        make(api, **{"slug": slug, **body, **value, **fields})
        if slug in CHANGES:
            assert api.as_key().patch(f"/v1/meters/{slug}", CHANGES[slug] | {"effective_from": TURN.isoformat()}).status == 200
    events = [event(rng, number) for number in range(150)]
    events += [one._replace(time=one.time + timedelta(hours=5), subject="acme", data='{"v": 1000, "who": "z"}')
               for one in rng.choices(events, k=30)]  # fmt: skip
    rng.shuffle(events)
    batches = [events[first : first + 30] for first in range(0, len(events), 30)]
    settled = rng.choice((0, 2, 4, len(batches)))
    for number, batch in enumerate(batches):
        usage.land(world, *batch)
        if number < settled:
            usage.settle(world)
    versions: dict[str, list[MeterVersion]] = {}
    for one in world.within("metering", lambda uow: meters_store.versions(uow.conn)):
        versions.setdefault(one.slug, []).append(one)
    return versions, batches


def questions(rng: random.Random, slug: str) -> Iterator[Question]:
    for size in (None, WindowSize.MONTH, WindowSize.WEEK, WindowSize.DAY, WindowSize.HOUR):
        since = START + timedelta(seconds=rng.choice((0, rng.randrange(5 * 86_400))))
        until = since + timedelta(seconds=rng.choice((86_400, 86_400 * 8, rng.randrange(1, 14 * 86_400))))
        group_by = tuple(rng.sample(("subject", "model", "region"), rng.randrange(3)))
        filters = rng.choice(FILTERS)
        subjects = rng.choice(((), (), ("o'neil", "acme"), ("ünï\\", "nobody")))
        yield Question(slug, since, until, size, rng.choice(ZONES), subjects, (), group_by, filters)


@pytest.mark.parametrize("seed", range(3))
def test_answers_are_those_of_the_plain_list(api: Api, store: World, seed: int) -> None:
    versions, batches = filled(api, store, seed)
    events, rng = plain.placed(batches, START), random.Random(seed)
    scope = Scope("metering", store.workspace_id)
    for slug in KINDS:
        for question in questions(rng, slug):
            expected = plain.answered(versions[slug], events, question)
            if rng.random() < 0.5:  # else this process has the tail
                tails.forget_all()
            answer = query.answer(scope, question)
            found = {}
            for row in answer.rows:
                own = {"subject": row.subject, **row.groups}
                found[row.window_start, tuple(own[name] for name in question.group_by)] = row.value
            if question.window_size is None and not question.group_by and not expected:
                assert len(found) == 1
                continue
            assert found == expected, (slug, question)
            assert all(f"{value}" == f"{expected[key]}" for key, value in found.items())
            assert len(answer.rows) == len(found)


def test_a_level_is_rounded_by_a_new_rule_before_anything_new_is_settled(api: Api, store: World) -> None:
    make(api, slug="seats", aggregation="SUM", value_property="$.v", carry_over=True, effective_from=None)
    usage.take(store, usage.sent("1", {"v": "10.5"}))
    before = clock.now()
    assert api.as_key().patch("/v1/meters/seats", {"rounding": {"mode": "ceil"}}).status == 200
    question = Question("seats", START, END)
    live = query.answer(Scope("metering", store.workspace_id), question)
    moments = (live.settlement, before, clock.now())
    found = [query.answer(Scope("metering", store.workspace_id), replace(question, as_of=one)).rows for one in moments]
    assert [str(rows[0].value) for rows in (live.rows, *found)] == ["11", "11", "10.5", "11"]


def test_a_billing_run_is_the_answers_of_all_meters(api: Api, store: World) -> None:
    versions, _ = filled(api, store, 7)
    scope = Scope("metering", store.workspace_id)
    ids = {slug: some[0].meter_id for slug, some in versions.items()}
    for window_size in (None, WindowSize.WEEK):
        question = Question("", START, END, window_size, "Europe/Berlin", group_by=("subject",))
        tails.forget_all()
        for _ in range(2):  # by the statement, and with what the process has of the tail
            run = query.run(scope, question)
            answers = {ids[slug]: query.answer(scope, replace(question, meter=slug)) for slug in KINDS}
            in_order = {id_: sorted(one.rows, key=lambda row: (row.window_start, row.subject)) for id_, one in run.items()}
            assert {id_: replace(one, rows=in_order[id_]) for id_, one in run.items()} == answers


def test_pages_are_parts_of_the_whole(api: Api, store: World, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(api, store, 2)
    scope = Scope("metering", store.workspace_id)
    for slug in ("avg", "min", "ids", "level", "sum_by_day", "ids_by_day"):
        question = Question(slug, START, START + timedelta(days=4), WindowSize.DAY, group_by=("model", "subject"))
        reading = query.read(scope, question)
        tails.forget_all()
        whole = reading.rows()
        assert len(whole) > 15
        for most_cells in (100_000, 20):  # as many as one statement gives: then windows come one by one, and groups in parts
            monkeypatch.setattr(readings, "_MOST_CELLS", most_cells)
            found, place = [], None
            while rows := reading.rows(place, 7):
                found += rows
                place = reading.key(rows[-1])
                assert len(found) <= len(whole)
            assert found == whole, (slug, most_cells)


def test_a_long_list_of_any_texts_reaches_the_store(api: Api, store: World) -> None:
    make(api, effective_from=None)
    names = [f"{text * 1000}{n}" for n in range(100) for text in ("\\", '"', "'", "\x01", "é")]
    usage.take(store, *[usage.sent(str(n), None, subject=name) for n, name in enumerate(names)])
    question = Question("calls", NOON - timedelta(days=1), NOON + timedelta(days=1), subjects=tuple(names))
    assert query.answer(Scope("metering", store.workspace_id), question).rows[0].value == 500
