"""PUT /openmeter/api/v1/meters/{meter_id}"""

import pytest
from openmeter import Client
from openmeter.models import MeterUpdate

from oppulence.metering import meters
from tests.metering.openmeter import client, create, door, refused
from tests.metering.support import spans, use
from tests.support.api import Api
from tests.support.world import World


def test_an_update_replaces_what_can_be_changed(om: Client, api: Api) -> None:
    made = create(om, description="Old", metadata={"team": "ml"})
    changed = om.meters.update(made.id, MeterUpdate(name="New", group_by={"model": "$.model"}))
    assert (changed.name, changed.description, changed.metadata, changed.group_by) == ("New", None, None, {"model": "$.model"})
    assert changed.slug == "tokens_total" and [number for number, _, _ in spans(api, made.id)] == [1, 2]


def test_what_cannot_be_is_refused(om: Client, world: World) -> None:
    made = create(om)
    with refused(400) as problem:
        om.meters.update(made.id, MeterUpdate(group_by={"a": "b"}))
    assert problem["extensions"]["param"] == "groupBy.a"
    with refused(404):
        om.meters.update("none", MeterUpdate(name="No"))
    use(world, made.id)
    om.meters.delete(made.id)
    with refused(409):
        om.meters.update(made.id, MeterUpdate(name="No"))


def test_a_meter_has_so_many_versions(om: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meters, "MOST_VERSIONS", 1)
    made = create(om)
    with refused(409):
        om.meters.update(made.id, MeterUpdate(group_by={"model": "$.model"}))
    assert om.meters.get(made.id) == made


def test_a_key_without_the_scope_and_another_workspace(om: Client, world: World) -> None:
    made = create(om)
    with door() as url:
        with client(url, world.api_key(["meters:read"], world.workspace_id)) as other, refused(403):
            other.meters.update(made.id, MeterUpdate(name="No"))
        with client(url, world.api_key(["admin:*"], world.workspace())) as other, refused(404):
            other.meters.update(made.id, MeterUpdate(name="No"))
    assert om.meters.get(made.id) == made
