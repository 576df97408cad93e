"""What follows a connection's removal: the doors' table, the endpoints at Stripe, the key."""

from infra.local.stripe.fake import KEY, FakeStripe
from oppulence.connections import door_table
from oppulence.connections.events import ConnectionDeleted
from tests.connections.support import ALL_PERMISSIONS, connect, connect_by_key, endpoints, lose_door, stored
from tests.support.api import Api
from tests.support.world import World

CONSUMER = "connections.consumers.on_connection_deleted"


def test_a_door_that_was_lost_is_written_again(api: Api, world: World) -> None:
    made = connect(api)
    lose_door(made["id"])
    assert world.deliver(CONSUMER, ConnectionDeleted(connection_id=made["id"], provider="stripe")) == []
    door = door_table.read(made["id"])
    assert door is not None and door.workspace_id == world.workspace_id
    assert [row.connection_id for row in door_table.read_all(world.workspace_id, "stripe")] == [made["id"]]


def test_a_connection_that_is_gone_needs_no_door(world: World) -> None:
    assert world.deliver(CONSUMER, ConnectionDeleted(connection_id="conn_00000000000000000000", provider="stripe")) == []
    assert door_table.read("conn_00000000000000000000") is None


def disconnected(api: Api, fake_stripe: FakeStripe, key: str = KEY) -> ConnectionDeleted:
    """A platform that was registered at Stripe, and then removed here."""
    made = connect_by_key(api, key, connect=True)
    before = len(endpoints(fake_stripe))
    assert api.as_key().delete(f"/v1/connections/{made['id']}").status == 204
    assert len(endpoints(fake_stripe)) == before  # removing a connection waits for nobody
    return ConnectionDeleted(connection_id=made["id"], provider="stripe")


def test_its_endpoints_leave_stripe_and_then_its_key_is_destroyed(api: Api, world: World, fake_stripe: FakeStripe) -> None:
    fake_stripe.client().v1.webhook_endpoints.create({"url": "https://example.com/other", "enabled_events": ["*"]})
    event = disconnected(api, fake_stripe)
    assert world.deliver(CONSUMER, event) == world.deliver(CONSUMER, event) == []
    assert [one.url for one in endpoints(fake_stripe)] == ["https://example.com/other"]
    row = stored(world, event.connection_id)
    assert (row["api_key"], row["endpoints"]) == (None, [])


def test_while_stripe_is_down_it_comes_back(api: Api, world: World, fake_stripe: FakeStripe) -> None:
    event = disconnected(api, fake_stripe)
    fake_stripe.fail_next(status=503)
    assert len(world.deliver(CONSUMER, event)) == 1
    assert stored(world, event.connection_id)["api_key"] is not None
    assert api.as_key().get(f"/v1/connections/{event.connection_id}").body["has_api_key"] is False
    assert world.deliver(CONSUMER, event) == [] and endpoints(fake_stripe) == []


def test_a_key_that_was_revoked_is_destroyed_without_success(api: Api, world: World, fake_stripe: FakeStripe) -> None:
    event = disconnected(api, fake_stripe, key := fake_stripe.restricted_key(*ALL_PERMISSIONS, "rak_connected_account_read"))
    fake_stripe.revoke(key)
    assert world.deliver(CONSUMER, event) == []
    assert stored(world, event.connection_id)["api_key"] is None


def test_no_key_is_kept_for_longer_than_three_days(api: Api, world: World, fake_stripe: FakeStripe) -> None:
    event = disconnected(api, fake_stripe)
    world.admin.execute("UPDATE connections.connections SET updated_at = now() - interval '4 days'")
    fake_stripe.fail_next(status=503)
    assert world.deliver(CONSUMER, event) == []
    assert stored(world, event.connection_id)["api_key"] is None
