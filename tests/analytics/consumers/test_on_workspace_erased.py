"""Erasing a workspace leaves nothing of it in the analytical store, and nothing comes back."""

import json
import time

from oppulence.kernel import olap
from oppulence.tenancy.events import WorkspaceErased
from tests.analytics.support import fail, pay, post, rows, take_in, tell, told
from tests.support import stripe
from tests.support.world import World

KINDS = ("charge", "subscription", "payment_intent")
BODIES = [body for body in stripe.corpus() if json.loads(body)["data"]["object"]["object"] in KINDS][:60]
TABLES = ("transactions_fact", "payment_invoices", "mrr_movements", "recovery_events")


def stored(workspace_id: str) -> list[int]:
    return [
        int(olap.query(f"SELECT count() FROM {table} WHERE workspace_id = {{ws:String}}", {"ws": workspace_id})[0][0])
        for table in TABLES
    ]


def test_its_rows_are_gone_and_others_stay(store: World) -> None:
    other = store.workspace()
    fail(store, "in_1")
    pay(store, "in_1")
    facts = [*take_in(store, BODIES), *told(store)]
    assert tell(store, facts) == []
    assert tell(store, take_in(store, BODIES, other), other) == []
    kept = stored(other)
    assert all(stored(store.workspace_id)[:3])
    for _ in range(2):
        assert store.deliver("analytics.consumers.on_workspace_erased", WorkspaceErased()) == []
    deadline = time.monotonic() + 20
    while any(stored(store.workspace_id)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not any(stored(store.workspace_id)) and stored(other) == kept
    assert (store.count("analytics.subscription_states"), store.count("analytics.subscription_states", other) > 0) == (0, True)


def test_facts_that_come_after_it_are_not_copied(store: World) -> None:
    fail(store, "in_1")
    post(store)
    facts = [*take_in(store, BODIES), *told(store)]
    store.admin.execute(
        "UPDATE tenancy.workspaces SET status = 'deleted', deleted_at = now() WHERE id = %s", (store.workspace_id,)
    )
    assert tell(store, facts) == []
    assert not any(stored(store.workspace_id)) and rows(store, "events") == []
    assert store.count("analytics.subscription_states") == 0
