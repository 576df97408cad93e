"""With a type that ends, those that waited for it begin."""

import pytest

from oppulence.sync.backfill import machines
from tests.sync.backfilling import Backfilling


def states(backfilling: Backfilling, backfill_id: str) -> list[str]:
    return [row["state"] for row in backfilling.rows(backfill_id)]


def test_children_follow_their_parents_type(backfilling: Backfilling) -> None:
    backfill_id = backfilling.ask("customer", "payment_method", "tax_id")
    backfilling.start()
    assert states(backfilling, backfill_id) == ["running", "waiting", "waiting"]
    backfilling.step(backfill_id, "customer")
    backfilling.start()
    assert states(backfilling, backfill_id) == ["finished", "running", "running"]


def test_children_of_parents_that_are_not_asked_for_begin_at_once(backfilling: Backfilling) -> None:
    backfill_id = backfilling.ask("payment_method")
    backfilling.start()
    assert states(backfilling, backfill_id) == ["running"]


def test_with_connected_accounts_the_accounts_come_first(backfilling: Backfilling) -> None:
    backfill_id = backfilling.ask("charge", connected_accounts=True)
    backfilling.start()
    assert {row["type"]: row["state"] for row in backfilling.rows(backfill_id)} == {"charge": "waiting", "account": "running"}


def test_places_that_become_free_are_taken(backfilling: Backfilling, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machines, "AT_ONCE", 1)
    view = backfilling.run(backfilling.ask("charge", "refund", "payout"))
    assert view["status"] == "completed" and len(backfilling.executions()) == 3
    ended = [one.data for one in backfilling.told if one.type == "sync.backfill.type_ended"]
    assert [(one["object_type"], one["state"]) for one in ended] == [
        (name, "finished") for name in ("charge", "refund", "payout")
    ]
    assert [one.data["status"] for one in backfilling.told if one.type == "sync.backfill.ended"] == ["completed"]
