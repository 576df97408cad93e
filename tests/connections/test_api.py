"""What higher contexts ask of connections."""

import pytest

from infra.local.stripe.fake import KEY, FakeStripe
from oppulence.connections import api as connections
from oppulence.connections.errors import ConnectionHasNoKey, ConnectionNotFound
from oppulence.kernel.uow import Scope, UnitOfWork
from tests.connections.support import connect
from tests.support.api import Api
from tests.support.world import World


def test_another_context_asks_stripe_through_a_connection(api: Api, world: World, fake_stripe: FakeStripe) -> None:
    made = connect(api, api_key=KEY)
    gateway = connections.stripe(Scope("sync", world.workspace_id), made["id"])
    assert gateway.get("/v1/account").json()["object"] == "account"


def test_a_connection_without_a_key_or_of_another_workspace_gives_no_way(api: Api, world: World) -> None:
    made = connect(api)
    with pytest.raises(ConnectionHasNoKey):
        connections.stripe(Scope("sync", world.workspace_id), made["id"])
    with pytest.raises(ConnectionNotFound):
        connections.stripe(Scope("sync", world.workspace()), made["id"])
    api.as_key().delete(f"/v1/connections/{made['id']}")
    with pytest.raises(ConnectionNotFound):
        connections.stripe(Scope("sync", world.workspace_id), made["id"])


def test_live_connections_are_listed(api: Api, world: World, fake_stripe: FakeStripe) -> None:
    removed, first, second = connect(api), connect(api), connect(api, api_key=KEY)
    api.as_key().delete(f"/v1/connections/{removed['id']}")
    found = world.within("sync", lambda uow: connections.stripe_connections(uow.conn))
    assert [(one.id, one.status, one.has_key) for one in found] == [
        (first["id"], "active", False), (second["id"], "active", True),
    ]  # fmt: skip
    assert world.within("sync", lambda uow: connections.stripe_connections(uow.conn), world.workspace()) == []


def test_schedules_see_every_workspaces_connections_with_a_key(api: Api, world: World, fake_stripe: FakeStripe) -> None:
    connect(api)
    made = connect(api, api_key=KEY)
    found = world.within("sync", lambda uow: connections.all_stripe_connections(uow.conn), world.workspace())
    assert [one for one in found if one[0] == world.workspace_id] == [(world.workspace_id, made["id"])]


def test_a_key_that_stopped_working_is_said_once(api: Api, world: World, fake_stripe: FakeStripe) -> None:
    made = connect(api, api_key=KEY)

    def mark(uow: UnitOfWork) -> bool:
        return connections.mark_needs_reauth(uow, made["id"], "Stripe refuses the API key.")

    assert world.within("sync", mark, world.workspace()) is False
    assert [world.within("sync", mark), world.within("sync", mark)] == [True, False]
    assert api.as_key().get(f"/v1/connections/{made['id']}").body["status"] == "needs_reauth"
    rows = world.admin.execute(
        "SELECT type, detail::jsonb->'data' FROM connections.outbox WHERE workspace_id = %s", (world.workspace_id,)
    ).fetchall()
    data = {"connection_id": made["id"], "provider": "stripe", "reason": "Stripe refuses the API key."}
    assert rows == [("connections.connection.needs_reauth", data)]
    assert (world.workspace_id, made["id"]) not in world.within("sync", lambda uow: connections.all_stripe_connections(uow.conn))
