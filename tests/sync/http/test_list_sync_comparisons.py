"""Samples of the mirror against the provider's listing."""

from datetime import UTC, datetime, timedelta

import pytest

from infra.local.stripe.fake import FakeStripe
from oppulence.kernel.uow import Scope
from oppulence.sync import comparing
from tests.support.api import Api
from tests.support.world import World
from tests.sync.conftest import Shop


@pytest.fixture
def compared(world: World, connection_id: str, shop: Shop, fake_stripe: FakeStripe) -> str:
    """Two samples of two days each of that connection."""
    shop(3)
    world.admin.execute(
        "UPDATE connections.connections SET created_at = created_at - interval '3 days' WHERE id = %s", (connection_id,)
    )
    today = datetime.fromtimestamp(fake_stripe.now, UTC).date()
    for kind in ("customer", "invoice"):
        for day in (today, today - timedelta(days=1)):
            comparing.compare(Scope("sync", world.workspace_id), connection_id, kind, day)
    return connection_id


def test_counts_and_sums_of_each_sample(api: Api, compared: str) -> None:
    first = api.as_key(["sync:read"]).get("/v1/sync/comparisons", limit=3).body
    rest = api.as_key().get("/v1/sync/comparisons", limit=3, cursor=first["pagination"]["next_cursor"]).body
    rows = first["data"] + rest["data"]
    assert len({(row["object_type"], row["day"]) for row in rows}) == len(rows) == 4
    assert max((row["listed"], row["missing"], row["repaired"]) for row in rows) == (3, 3, 3)
    assert len(api.as_key().get("/v1/sync/comparisons", object_type="invoice", connection_id=compared).body["data"]) == 2
    assert api.as_key().get("/v1/sync/comparisons", connection_id="conn_other").body["data"] == []


def test_a_key_without_the_scope_is_refused(api: Api) -> None:
    assert api.as_key(["ledger:read"]).get("/v1/sync/comparisons").status == 403


def test_another_workspaces_samples_are_not_listed(api: Api, world: World, compared: str) -> None:
    assert api.as_key(workspace_id=world.workspace()).get("/v1/sync/comparisons").body["data"] == []
