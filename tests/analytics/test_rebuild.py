"""However facts came, the tables are what a rebuild from PostgreSQL makes: row for row."""

import json
import random
from collections.abc import Iterator
from typing import Any

import pytest

from infra.ops import analytics as command
from oppulence.analytics import tables
from oppulence.analytics.rebuild import TABLES, rebuild
from oppulence.kernel.events import Envelope
from tests.analytics.support import DAY, START, fail, lose, mail, pay, post, rows, take_in, tell, told
from tests.support import entries, olap, stripe
from tests.support.api import Api
from tests.support.world import World

OF_MONEY = {
    "charge", "refund", "dispute", "payout", "payment_intent", "invoice_payment", "subscription", "discount", "coupon",
}  # fmt: skip
MOVEMENTS = "account, customer_id, currency, occurred_at, kind, delta_minor, mrr_minor"
STABLE = {
    "transactions": "* EXCEPT (version)", "linked_transactions": "* EXCEPT (version)", "mrr_movements": MOVEMENTS,
    "recovery_events": "*", "events": "* EXCEPT (processed_at, version)",
}  # fmt: skip


def bodies() -> list[bytes]:
    return [body for body in stripe.corpus() if json.loads(body)["data"]["object"]["object"] in OF_MONEY]


@pytest.fixture(scope="module")
def another() -> Iterator[Any]:
    """An empty engine to rebuild into."""
    with olap.server() as server:
        yield server


def shown(world: World, workspace_id: str | None = None) -> dict[str, list[tuple[Any, ...]]]:
    return {view: rows(world, view, columns, workspace_id) for view, columns in STABLE.items()}


def nothing(read: int) -> None:
    """Progress that nobody looks at."""


def test_a_stream_with_repeats_in_any_order_ends_as_a_rebuild(
    store: World, api: Api, another: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(8)
    shuffled = bodies() * 2
    chance.shuffle(shuffled)
    facts = take_in(store, shuffled) + facts_of_the_platform(store, api)
    mixed = facts * 2
    chance.shuffle(mixed)
    assert tell(store, mixed) == []
    for one in chance.sample(mixed, 20):
        assert tell(store, [one]) == []
    assert store.deliver("sync.consumers.on_event_stored", *(one for one in facts if one.type == "sync.event.stored")) == []
    streamed = shown(store)

    olap.use(another, monkeypatch)
    assert rows(store, "transactions") == []
    for _ in range(2):
        written = command.run(store.workspace_id, list(TABLES))
        assert shown(store) == streamed
    assert written["mrr_movements"] == len(streamed["mrr_movements"]) > 150
    assert written["events"] == len(streamed["events"]) > 1000


def facts_of_the_platform(world: World, api: Api) -> list[Envelope]:
    """An audit log, books and cases, with what was told of them."""
    for enabled in (True, False):
        api.as_key().put("/v1/feature_flags/beta", {"enabled": enabled})
    entries.entry("tenancy.schedules.seal_audit")({}, None)
    post(world)
    mail(world, fail(world, "in_1"), "reminder_day_1")
    fail(world, "in_1", at=START - DAY)
    fail(world, "in_2")
    lose(world, "in_2")
    pay(world, "in_2", at=START + 9 * DAY)
    return told(world)


def test_the_order_of_events_does_not_matter(store: World) -> None:
    shuffled = bodies()
    random.Random(9).shuffle(shuffled)
    in_disorder = store.workspace()
    assert tell(store, take_in(store, bodies())) == []
    assert tell(store, take_in(store, shuffled, in_disorder), in_disorder) == []
    assert {view: len(found) for view, found in shown(store).items()} == {
        view: len(found) for view, found in shown(store, in_disorder).items()
    }
    for view in ("transactions", "linked_transactions", "mrr_movements"):
        assert shown(store)[view] == shown(store, in_disorder)[view], view


def test_a_rebuild_while_events_come_in_loses_none(store: World) -> None:
    half = len(bodies()) // 2
    first, second = take_in(store, bodies()[:half]), take_in(store, bodies()[half:])
    assert tell(store, first) == []
    halfway: list[int] = []

    def meanwhile(read: int) -> None:
        if not halfway:
            assert tell(store, second) == []
        halfway.append(read)

    for table in TABLES:
        rebuild(store.workspace_id, table, meanwhile)
    assert halfway
    streamed = shown(store)
    for table in TABLES:
        rebuild(store.workspace_id, table, nothing)
    assert shown(store) == streamed


def test_progress_is_told_and_a_table_must_be_known(store: World) -> None:
    take_in(store, bodies()[:200])
    progress: list[int] = []
    assert rebuild(store.workspace_id, "transactions_fact", progress.append) == len(rows(store, "transactions")) > 0
    assert len(progress) > 1 and all(progress)
    with pytest.raises(ValueError, match="transactions_fact"):
        rebuild(store.workspace_id, "users", nothing)


def test_of_an_erased_workspace_nothing_is_rebuilt(store: World) -> None:
    take_in(store, bodies()[:50])
    bury = "UPDATE tenancy.workspaces SET status = 'deleted', deleted_at = now() WHERE id = %s"
    store.admin.execute(bury, (store.workspace_id,))
    assert command.run(store.workspace_id, ["transactions_fact", "recovery_events"]) == {
        "transactions_fact": 0, "recovery_events": 0,
    }  # fmt: skip


def test_every_table_of_this_context_is_rebuilt_and_erased() -> None:
    assert set(tables.TABLES) | {"events"} == set(TABLES)
