"""The doors' table is put right by the consumer of a deleted connection."""

from oppulence.connections import door_table
from oppulence.connections.events import ConnectionDeleted
from tests.connections.support import connect, lose_door
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
