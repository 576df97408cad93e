"""The doors' table against reordered writing, and rebuilt from nothing."""

from dataclasses import replace

from oppulence.connections import door_table, doors, store
from oppulence.kernel import crypto
from oppulence.kernel.uow import UnitOfWork
from tests.connections.support import connect, lose_door
from tests.support.api import Api
from tests.support.world import World


def test_an_older_version_never_overwrites_a_newer_one(api: Api, world: World) -> None:
    made = connect(api)

    def old_write(uow: UnitOfWork) -> None:
        row = store.get(uow.conn, made["id"])
        assert row is not None
        doors.write_through(uow, replace(row, version=5, status="active"))
        doors.write_through(uow, replace(row, version=4, status="disconnected"))

    world.within("connections", old_write)
    door = door_table.read(made["id"])
    assert door is not None and door.status == "active"


def test_a_lost_table_is_rebuilt_for_every_workspace(api: Api, world: World) -> None:
    first = connect(api)["id"]
    other = api.as_key(workspace_id=world.workspace())
    second = other.post("/v1/connections", {"provider": "stripe", "webhook_secrets": ["whsec_of_the_other_workspace"]}).body["id"]
    for connection_id in (first, second):
        lose_door(connection_id)
    crypto.forget_all()
    assert doors.rebuild() >= 2
    assert all(door_table.read(connection_id) is not None for connection_id in (first, second))
