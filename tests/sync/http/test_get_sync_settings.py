"""What a workspace wants of its mirror."""

from oppulence.sync.retention import DEFAULT_DAYS
from tests.support.api import Api
from tests.support.world import World


def test_the_defaults_hold_until_something_else_is_wanted(api: Api) -> None:
    answer = api.as_key(scopes=["settings:read"]).get("/v1/sync/settings")
    assert (answer.status, answer.body) == (200, {"raw_retention_days": DEFAULT_DAYS})


def test_a_key_without_the_scope_is_refused(api: Api) -> None:
    assert api.as_key(scopes=["sync:read"]).get("/v1/sync/settings").status == 403


def test_another_workspace_has_its_own(api: Api, world: World) -> None:
    api.as_key(scopes=["settings:write"]).patch("/v1/sync/settings", {"raw_retention_days": None})
    other = api.as_key(scopes=["settings:read"], workspace_id=world.workspace())
    assert other.get("/v1/sync/settings").body == {"raw_retention_days": DEFAULT_DAYS}
