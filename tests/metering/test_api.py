"""Frozen quantities: they stay, what comes later is told as adjustments, and both can be computed again."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from oppulence.customers.api import EVER
from oppulence.kernel.errors import Unavailable
from oppulence.kernel.uow import Scope
from oppulence.metering import api as metering
from oppulence.metering import settling
from oppulence.metering.api import Freeze
from oppulence.metering.errors import FreezeDiffers, FreezeNotFound
from oppulence.metering.store import shard_of
from tests.metering import usage
from tests.metering.support import make
from tests.metering.test_attribution import customer, give
from tests.support.api import Api
from tests.support.world import World

DAY = timedelta(days=1)
JUNE, JULY = datetime(2026, 6, 1, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC)
SUM: dict[str, Any] = {"slug": "tokens", "aggregation": "SUM", "value_property": "$.v", "effective_from": None}


def scope(world: World) -> Scope:
    return Scope("metering", world.workspace_id)


def sums(world: World, key: str = "inv_1", after: int = 0) -> list[tuple[int, Decimal | None, Decimal]]:
    return [(one.number, one.quantity, one.delta) for one in metering.adjustments(scope(world), key, after)]


def test_what_comes_later_is_an_adjustment_told_once(api: Api, store: World) -> None:
    make(api, **SUM)
    usage.take(store, usage.sent("1", {"v": "0.1"}, JUNE), usage.sent("2", {"v": 5}, JULY))
    usage.land(store, usage.sent("3", {"v": 2}, JUNE))
    wanted = Freeze("inv_1", "tokens", JUNE, JULY, subject="acme")
    frozen = metering.frozen_quantity(scope(store), wanted)
    assert (frozen.number, frozen.quantity, frozen.delta) == (0, Decimal("0.1"), Decimal("0.1"))  # what is settled, and no more
    assert sums(store) == []
    usage.settle(store)
    usage.take(store, usage.sent("1", {"v": 9}, JUNE))
    assert sums(store) == [(1, Decimal("2.1"), Decimal(2))]
    usage.take(store, usage.sent("4", {"v": "-2.1"}, JUNE + 3 * DAY), usage.sent("5", {"v": 1}, JUNE, subject="b"))
    assert sums(store) == sums(store) == [(1, Decimal("2.1"), Decimal(2)), (2, Decimal(0), Decimal("-2.1"))]
    assert sums(store, after=1) == [(2, Decimal(0), Decimal("-2.1"))]
    assert metering.frozen_quantity(scope(store), wanted) == frozen
    assert [metering.recomputed(scope(store), "inv_1", n) for n in range(3)] == [Decimal("0.1"), Decimal("2.1"), Decimal(0)]


def test_a_customers_quantity_is_computed_again_as_its_subjects_were(api: Api, store: World) -> None:
    make(api, **SUM)
    a, b = customer(api, "a", ("s", None)), customer(api, "b")
    usage.take(store, *[usage.sent(str(n), {"v": 1}, JUNE + n * DAY, subject="s") for n in range(10)])
    frozen = metering.frozen_quantity(scope(store), Freeze("a", "tokens", JUNE, JULY, customer="a"))
    assert frozen.quantity == 10
    give(api, b, "s", JUNE + 4 * DAY)
    assert sums(store, "a") == [(1, Decimal(4), Decimal(-6))]
    assert metering.frozen_quantity(scope(store), Freeze("b", "tokens", JUNE, JULY, customer=b)).quantity == 6
    assert [metering.recomputed(scope(store), "a", n) for n in (0, 1)] == [10, 4]
    assert metering.frozen_quantity(scope(store), Freeze("a", "tokens", JUNE, JULY, customer=a)) == frozen


def test_a_merge_leaves_the_total_of_what_was_frozen(api: Api, store: World) -> None:
    make(api, **SUM)
    a, b = customer(api, "a", ("s", None)), customer(api, "b", ("t", None))
    usage.take(store, *[usage.sent(f"{name}{n}", {"v": n}, JUNE + n * DAY, subject=name) for name in "st" for n in (1, 2)])
    for key in "ab":
        assert metering.frozen_quantity(scope(store), Freeze(key, "tokens", JUNE, JULY, customer=key)).quantity == 3
    assert api.as_key().post(f"/v1/customers/{b}/merge", {"from": a}).status == 200
    assert sums(store, "a") == [(1, Decimal(0), Decimal(-3))] and sums(store, "b") == [(1, Decimal(6), Decimal(3))]
    usage.take(store, usage.sent("late", {"v": 1}, JUNE, subject="s"))
    assert sums(store, "a", 1) == [] and sums(store, "b", 1) == [(2, Decimal(7), Decimal(1))]
    assert [metering.recomputed(scope(store), "b", n) for n in range(3)] == [3, 6, 7]
    assert metering.frozen_quantity(scope(store), Freeze("a", "tokens", JUNE, JULY, customer="a")).quantity == 3


def test_customers_of_many_subjects_are_merged_and_their_bills_made_right(api: Api, store: World) -> None:
    make(api, **SUM)
    a, b = customer(api, "a"), customer(api, "b")
    for owner, since in ((a, EVER), (b, JUNE + DAY)):
        store.admin.execute(
            """
            INSERT INTO customers.subject_owners (workspace_id, subject, valid_from, customer_id, recorded_at)
            SELECT %s, 'subject_' || n, %s, %s, now() FROM generate_series(1, 10500) n
            """,
            (store.workspace_id, since, owner),
        )
    times = [JUNE, JUNE, JUNE + DAY]
    usage.take(store, *[usage.sent(str(n), {"v": 1}, at, subject=f"subject_{n * 3500}") for n, at in enumerate(times, 1)])
    frozen = [metering.frozen_quantity(scope(store), Freeze(one, "tokens", JUNE, JULY, one)).quantity for one in (a, b)]
    assert frozen == [2, 1]
    assert api.as_key().post(f"/v1/customers/{b}/merge", {"from": a}).status == 200
    assert [[one[2] for one in sums(store, key)] for key in (a, b)] == [[-2], [2]]


@pytest.mark.parametrize("as_key", [True, False])
def test_a_run_that_listed_its_customers_before_a_merge_bills_no_usage_twice(api: Api, store: World, as_key: bool) -> None:
    make(api, **SUM)
    a, b, c = (customer(api, key) for key in "abc")
    usage.take(store, *[usage.sent(key, {"v": n}, JUNE, subject=key) for n, key in ((1, "a"), (2, "b"), (4, "c"))])
    for kept, ended in ((b, a), (c, b)):
        assert api.as_key().post(f"/v1/customers/{kept}/merge", {"from": ended}).status == 200
    named = "abc" if as_key else (a, b, c)
    found = [metering.frozen_quantity(scope(store), Freeze(one, "tokens", JUNE, JULY, customer=one)) for one in named]
    assert [one.quantity for one in found] == [0, 0, 7]
    usage.take(store, usage.sent("late", {"v": 1}, JUNE, subject="a"))
    assert [sums(store, one) for one in named] == [[], [], [(1, Decimal(8), Decimal(1))]]


@pytest.mark.parametrize("key", ["acme", "jane@example.com"])
def test_what_becomes_of_a_customer_changes_nothing_that_was_frozen(api: Api, store: World, key: str) -> None:
    make(api, **SUM)
    a = customer(api, key)
    usage.take(store, usage.sent("1", {"v": 5}, JUNE, subject=key))
    wanted = Freeze("k", "tokens", JUNE, JULY, customer=key)
    frozen = metering.frozen_quantity(scope(store), wanted)
    path = f"/v1/customers/{a}"
    assert api.as_key().patch(path, {"key": "acme-2"}).status == 200
    assert metering.frozen_quantity(scope(store), wanted) == frozen
    assert api.as_key().delete(path).status == 204 and api.as_key().get(path).body["status"] == "archived"
    assert api.as_key().post(f"{path}/erase").status == 200
    assert frozen.quantity == 5 and sums(store, "k") == []
    assert customer(api, key) != a and sums(store, "k") == []
    usage.take(store, usage.sent("2", {"v": 1}, JUNE, subject=key))
    assert sums(store, "k") == [(1, Decimal(6), Decimal(1))]


def test_a_change_of_the_meter_does_not_move_what_was_frozen(api: Api, store: World) -> None:
    meter = make(api, **SUM | {"rounding": {"mode": "ceil", "precision": 0}})
    usage.take(store, usage.sent("1", {"v": "0.25", "w": 7}, JUNE))
    assert metering.frozen_quantity(scope(store), Freeze("k", "tokens", JUNE, JULY, subject="acme")).quantity == 1
    assert api.as_key().patch("/v1/meters/tokens", {"value_property": "$.w"}).status == 200
    usage.take(store, usage.sent("2", {"v": 1, "w": 50}, JUNE))
    assert sums(store, "k") == [(1, Decimal(2), Decimal(1))]
    assert api.as_key().delete("/v1/meters/tokens").status == 204
    assert metering.recomputed(scope(store), "k") == 1
    assert metering.frozen_quantity(scope(store), Freeze("k", "tokens", JUNE, JULY, subject="acme")).quantity == 1
    assert metering.frozen_quantity(scope(store), Freeze("l", meter["id"], JUNE, JULY, subject="acme")).quantity == 2


def test_nothing_is_frozen_while_earlier_usage_is_being_counted(api: Api, store: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settling, "MOST_EVENTS", 1)
    usage.take(store, *[usage.sent(str(n), {"v": 1}, JUNE) for n in range(2)])
    usage.take(store, *[usage.sent(str(n), {"v": 1}, JUNE) for n in range(2, 5)])
    make(api, **SUM)
    wanted = Freeze("k", "tokens", JUNE, JULY, subject="acme")
    while usage.behind(store):  # by parts
        with pytest.raises(Unavailable):
            metering.frozen_quantity(scope(store), wanted)
        assert settling.settle(shard_of(store.workspace_id), 0) == 1
    assert metering.frozen_quantity(scope(store), wanted).quantity == 5 and sums(store, "k") == []
    assert api.as_key().patch("/v1/meters/tokens", {"value_property": "$.w"}).status == 200
    with pytest.raises(Unavailable):
        metering.adjustments(scope(store), "k")
    assert metering.recomputed(scope(store), "k") == 5
    usage.settle(store)
    make(api, **SUM | {"slug": "other"})
    assert sums(store, "k") == [], "another meter is nothing to it"


def test_nothing_is_zero_and_the_average_of_nothing_none(api: Api, store: World) -> None:
    make(api, **SUM), make(api, **SUM | {"slug": "mean", "aggregation": "AVG"})
    usage.settle(store)
    assert metering.frozen_quantity(scope(store), Freeze("s", "tokens", JUNE, JULY, subject="acme")).quantity == 0
    mean = metering.frozen_quantity(scope(store), Freeze("m", "mean", JUNE, JULY, subject="acme"))
    assert mean.quantity is None and mean.delta == 0
    usage.take(store, usage.sent("1", {"v": 1}, JUNE), usage.sent("2", {"v": 2}, JUNE))
    assert sums(store, "m") == [(1, Decimal("1.5"), Decimal("1.5"))]


def test_a_key_is_for_one_thing_and_of_one_workspace(api: Api, store: World) -> None:
    make(api, **SUM)
    usage.settle(store)
    metering.frozen_quantity(scope(store), Freeze("k", "tokens", JUNE, JULY, subject="acme"))
    make(api, **SUM | {"slug": "other"})
    others = (
        Freeze("k", "tokens", JUNE, JULY, subject="b"), Freeze("k", "tokens", JUNE, JULY + DAY, subject="acme"),
        Freeze("k", "other", JUNE, JULY, subject="acme"), Freeze("k", "tokens", JUNE, JULY, customer=customer(api, "acme")),
    )  # fmt: skip
    for other in others:
        with pytest.raises(FreezeDiffers):
            metering.frozen_quantity(scope(store), other)
    elsewhere = Scope("metering", store.workspace())
    for refused in (lambda: metering.adjustments(elsewhere, "k"), lambda: metering.recomputed(scope(store), "k", 1)):
        with pytest.raises(FreezeNotFound):
            refused()
