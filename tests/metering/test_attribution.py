"""Whose usage is whose, as subjects move between customers."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from oppulence.kernel import clock
from oppulence.kernel.uow import Scope
from oppulence.metering import query
from oppulence.metering.query import Question
from tests.metering import usage
from tests.metering.support import make
from tests.support.api import Api
from tests.support.world import World

DAY = timedelta(days=1)
JUNE = datetime(2026, 6, 1, tzinfo=UTC)


def customer(api: Api, key: str, *subjects: tuple[str, datetime | None]) -> str:
    """A new customer, with subjects from instants on."""
    id_: str = api.as_key().post("/v1/customers", {"key": key}).body["id"]
    for subject, since in subjects:
        give(api, id_, subject, since)
    return id_


def give(api: Api, customer_id: str, subject: str, since: datetime | None) -> None:
    body = {"subject": subject} | ({"valid_from": since.isoformat()} if since else {})
    assert api.as_key().post(f"/v1/customers/{customer_id}/subjects", body).status == 201


def totals(world: World, **fields: Any) -> dict[str | None, str]:
    """Quantities of June by customer."""
    question = Question("calls", JUNE, JUNE + 30 * DAY, group_by=("customer_id",), **fields)
    rows = query.answer(Scope("metering", world.workspace_id), question).rows
    return {row.customer_id: str(row.value) for row in rows}


def test_usage_goes_to_whose_the_subject_is_when_it_happens(api: Api, store: World) -> None:
    make(api, effective_from=None)
    a = customer(api, "acme", ("s", None))
    b = customer(api, "b", ("s", JUNE + 10 * DAY), ("t", JUNE + 5 * DAY))
    events = [
        usage.sent(f"{name}{n}", None, JUNE + n * DAY, subject=name) for name in ("s", "t", "acme", "free") for n in range(20)
    ]
    usage.take(store, *events[::2])
    usage.land(store, *events[1::2])
    assert totals(store) == {a: "30", b: "25", None: "25"}
    assert totals(store, customers=("b",)) == {b: "25"}
    assert totals(store, customers=("acme", b), subjects=("s",)) == {a: "10", b: "10"}
    (row,) = query.answer(Scope("metering", store.workspace_id), Question("calls", JUNE, JUNE + DAY, customers=(a,))).rows
    assert row.value == 2


def test_it_can_be_asked_for_as_it_was_known(api: Api, store: World) -> None:
    make(api, effective_from=None)
    a, b = customer(api, "a", ("s", None)), customer(api, "b")
    usage.take(store, *[usage.sent(str(n), None, JUNE + n * DAY, subject="s") for n in range(10)])
    before = clock.now()
    give(api, b, "s", JUNE + 4 * DAY)
    assert totals(store) == {a: "4", b: "6"}
    assert totals(store, as_of=before) == {a: "10"}
    settled = query.read(Scope("metering", store.workspace_id), Question("calls", JUNE, JUNE + DAY)).asked.snapshot.settled
    assert totals(store, as_of=settled, known_at=before) == {a: "10"}
    assert totals(store, as_of=settled, customers=("b",)) == {b: "6"}


def test_a_key_is_a_subject_until_somebody_gets_one_of_that_name(api: Api, store: World) -> None:
    make(api, effective_from=None)
    a, b = customer(api, "acme"), customer(api, "b")
    usage.take(store, *[usage.sent(str(n), None, JUNE + n * DAY) for n in range(10)])
    assert totals(store) == {a: "10"}
    give(api, b, "acme", JUNE + 7 * DAY)
    assert totals(store) == {a: "7", b: "3"}


def test_what_was_known_of_keys_and_merges_stays(api: Api, store: World) -> None:
    make(api, effective_from=None)
    a = customer(api, "a", ("s", None))
    usage.take(store, *[usage.sent(name, None, JUNE, subject=name) for name in ("s", "a", "b")])
    instants = [clock.now()]
    b = customer(api, "b")
    changes: tuple[tuple[str, str, dict[str, str]], ...] = (
        ("PATCH", a, {"key": "c"}),
        ("POST", f"{b}/merge", {"from": a}),
        ("POST", f"{b}/erase", {}),
    )
    for method, path, body in changes:
        instants.append(clock.now())
        assert api.as_key().send(method, f"/v1/customers/{path}", json.dumps(body).encode()).status == 200
    first, second, third, fourth = instants
    assert totals(store, as_of=first) == {a: "2", None: "1"}
    assert totals(store, as_of=second) == totals(store, as_of=third) == {a: "2", b: "1"}
    assert totals(store, as_of=fourth) == totals(store) == {b: "3"}
    assert [totals(store, as_of=at, customers=(a,)) for at in (third, fourth)] == [{a: "2"}, {b: "3"}]


def test_a_merged_customers_usage_is_the_others(api: Api, store: World) -> None:
    make(api, effective_from=None)
    a, b = customer(api, "a", ("s", None)), customer(api, "b")
    usage.take(store, usage.sent("1", None, JUNE, subject="s"), usage.sent("2", None, JUNE, subject="a"))
    assert api.as_key().post(f"/v1/customers/{b}/merge", {"from": a}).status < 300
    assert totals(store) == {b: "2"} and totals(store, customers=("a",)) == {b: "2"}
