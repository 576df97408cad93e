"""DELETE /openmeter/api/v1/meters/{meter_id}"""

from openmeter import Client

from tests.metering.openmeter import client, create, door, refused
from tests.metering.support import use
from tests.support.world import World


def test_a_deleted_meter_is_gone_and_a_used_one_is_kept_by_its_id(om: Client, world: World) -> None:
    unused, used = create(om), create(om, slug="used")
    use(world, used.id)
    om.meters.delete("tokens_total")
    om.meters.delete(used.id)
    assert om.meters.list() == []
    assert [one.id for one in om.meters.list(include_deleted=True)] == [used.id]
    assert om.meters.get(used.id).deleted_at is not None
    for key in (unused.id, "used", "tokens_total"):
        with refused(404):
            om.meters.get(key)
    with refused(409):
        om.meters.delete(used.id)
    assert create(om, slug="used").id != used.id


def test_a_key_without_the_scope_and_another_workspace(om: Client, world: World) -> None:
    made = create(om)
    with door() as url:
        with client(url, world.api_key(["meters:read"], world.workspace_id)) as other, refused(403):
            other.meters.delete(made.id)
        with client(url, world.api_key(["admin:*"], world.workspace())) as other, refused(404):
            other.meters.delete(made.id)
    assert om.meters.get(made.id) == made
