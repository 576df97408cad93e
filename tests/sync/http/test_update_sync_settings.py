"""Changing what a workspace wants of its mirror."""

import pytest

from tests.support.api import Api
from tests.support.world import World

PATH = "/v1/sync/settings"
AUDITED = "SELECT changes FROM tenancy.audit_log WHERE workspace_id = %s AND action = 'sync_settings.changed'"


@pytest.mark.parametrize("days", [35, 90, None])
def test_what_is_sent_holds_and_is_audited(api: Api, world: World, days: int | None) -> None:
    caller = api.as_key(scopes=["settings:write", "settings:read"])
    assert caller.patch(PATH, {"raw_retention_days": days}).body == {"raw_retention_days": days}
    assert caller.patch(PATH, {}).body == caller.get(PATH).body == {"raw_retention_days": days}
    ((changes,),) = world.admin.execute(AUDITED, (world.workspace_id,)).fetchall()
    assert (changes["before"], changes["after"]) == ({"raw_retention_days": 400}, {"raw_retention_days": days})


@pytest.mark.parametrize("days", [34, 0, -1, 36_501, "many", 60.5])
def test_what_is_no_time_to_keep_is_refused(api: Api, days: object) -> None:
    assert api.as_key(scopes=["settings:write"]).patch(PATH, {"raw_retention_days": days}).status == 400


def test_a_key_without_the_scope_is_refused(api: Api) -> None:
    assert api.as_key(scopes=["settings:read"]).patch(PATH, {"raw_retention_days": 60}).status == 403


def test_another_workspace_is_not_changed(api: Api, world: World) -> None:
    api.as_key(scopes=["settings:write"], workspace_id=world.workspace()).patch(PATH, {"raw_retention_days": 60})
    assert world.count("sync.settings") == 0
