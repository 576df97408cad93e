"""Journal entries are analytical events."""

import json

from tests.analytics.support import START, post, rows, tell, told
from tests.support.world import World

COLUMNS = "event_source, event_type, entity_type, entity_id, event_id, data, event_timestamp"


def test_an_entry_is_a_row_with_its_postings_once(store: World) -> None:
    post(store)
    facts = told(store)
    for _ in range(2):
        assert tell(store, facts) == []
    ((source, kind, entity, entity_id, event_id, data, at),) = rows(store, "events", COLUMNS)
    assert (source, kind, entity) == ("oppulence", "ledger.entry.posted", "journal_entry")
    assert entity_id == event_id == facts[0].data["entry_id"] and at == START.replace(tzinfo=None)
    shown = json.loads(data)
    assert shown["kind"] == "payment.succeeded" and shown["object_id"] == "pi_1"
    amounts = [(one["account"], one["direction"], one["amount_minor"], one["currency"]) for one in shown["postings"]]
    assert amounts == [("stripe_clearing", "debit", 10_700, "USD"), ("receivable", "credit", 10_700, "USD")]


def test_another_workspaces_entry_cannot_be_copied(store: World) -> None:
    post(store)
    other = store.workspace()
    assert store.deliver("analytics.consumers.on_entry_posted", *told(store), workspace_id=other) == []
    assert rows(store, "events", workspace_id=other) == []
