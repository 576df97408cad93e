"""The clock has every connection with a working key reconciled."""

from infra.local.stripe.fake import FakeStripe
from tests.support import entries
from tests.support.api import Api
from tests.support.world import World
from tests.sync.conftest import Shop

CONSUMER = "sync.consumers.on_reconciliation_requested"


def test_every_connection_has_a_pass_asked_for(api: Api, world: World, connection_id: str, shop: Shop) -> None:
    shop(2)
    entries.entry("sync.schedules.request_reconciliations")({}, None)
    requested = [one for one in world.envelopes() if one.type == "sync.reconciliation.requested"]
    assert [one.data["connection_id"] for one in requested] == [connection_id]
    assert world.deliver(CONSUMER, *requested) == []
    (status,) = api.as_key().get("/v1/sync/status").body["connections"]
    assert status["gaps"] == {"found": 2, "closed": 2, "open": 0}


def test_connections_without_a_working_key_are_left_out(world: World, connection_id: str, fake_stripe: FakeStripe) -> None:
    world.admin.execute("UPDATE connections.connections SET status = 'needs_reauth' WHERE id = %s", (connection_id,))
    world.emitted()
    entries.entry("sync.schedules.request_reconciliations")({}, None)
    assert world.emitted() == []
