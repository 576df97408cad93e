"""Events that the bus did not take go out later; each entry is told once."""

import pytest

from oppulence.sync import events
from tests.ledger.facts import fact, tell
from tests.support import entries
from tests.support.world import World


def test_an_entry_is_told_once_with_its_postings(world: World) -> None:
    told = fact(events.PaymentSucceeded, object_id="pi_1", invoice_id="in_1")
    for _ in range(2):
        assert tell(world, told) == []
    (posted,) = world.envelopes()
    assert posted.type == "ledger.entry.posted" and posted.data["object_id"] == "pi_1"
    amounts = {(one["account"], one["direction"], one["amount_minor"], one["currency"]) for one in posted.data["postings"]}
    assert amounts == {("stripe_clearing", "debit", 10_700, "USD"), ("receivable", "credit", 10_700, "USD")}


def test_events_that_stayed_behind_are_published(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOMAIN_BUS", "gone" * 100)
    tell(world, fact(events.PaymentSucceeded, object_id="pi_1"))
    monkeypatch.setenv("DOMAIN_BUS", "domain")
    assert world.emitted() == []
    world.admin.execute("UPDATE ledger.outbox SET created_at = now() - interval '1 minute'")
    entries.entry("ledger.schedules.sweep_outbox")({}, None)
    assert world.emitted() == ["ledger.entry.posted.v1"]
    assert world.count("ledger.outbox") == 0
