"""PUT /v1/feature_flags/{name}"""

from urllib.parse import quote

import pytest

from oppulence.tenancy import api as tenancy
from tests.support.api import Api
from tests.support.world import World


def test_a_flag_is_made_then_changed(api: Api, world: World) -> None:
    caller = api.as_key(scopes=["settings:write"])
    made = caller.put("/v1/feature_flags/new-ledger", {"enabled": True, "description": "The new one."})
    assert (made.status, made.body["enabled"], made.body["description"]) == (200, True, "The new one.")
    assert world.within("tenancy", lambda uow: tenancy.flag_is_on(uow.conn, "new-ledger"))
    off = caller.put("/v1/feature_flags/new-ledger", {"enabled": False})
    assert (off.body["enabled"], off.body["description"]) == (False, "The new one.")
    assert not world.within("tenancy", lambda uow: tenancy.flag_is_on(uow.conn, "new-ledger"))
    entries = api.as_key().get("/v1/audit_events", action="feature_flag.changed").body["data"]
    assert entries[0]["changes"]["before"]["enabled"] is True and entries[1]["changes"]["before"] is None


def test_the_same_state_again_is_not_audited(api: Api, world: World) -> None:
    for _ in range(2):
        api.as_key().put("/v1/feature_flags/beta", {"enabled": True})
    assert world.count("tenancy.audit_log") == 1


@pytest.mark.parametrize("name", ["Beta", "1st", "a b", "x" * 65, "é", "\x00"])
def test_a_name_has_a_shape(api: Api, name: str) -> None:
    refused = api.as_key().put(f"/v1/feature_flags/{quote(name)}", {"enabled": True})
    assert (refused.status, refused.error.code) == (400, "invalid_flag_name")


@pytest.mark.parametrize("body", [{}, {"enabled": "yes"}, {"enabled": 1}, {"enabled": True, "description": "x" * 501}])
def test_what_cannot_be_used_is_refused(api: Api, body: dict[str, object]) -> None:
    assert api.as_key().put("/v1/feature_flags/beta", body).status == 400


def test_the_scope_is_needed(api: Api) -> None:
    assert api.as_key(scopes=["settings:read"]).put("/v1/feature_flags/beta", {"enabled": True}).status == 403


def test_another_workspaces_flag_of_that_name_is_another(api: Api, world: World) -> None:
    other = world.workspace()
    api.as_key().put("/v1/feature_flags/beta", {"enabled": True})
    api.as_key(workspace_id=other).put("/v1/feature_flags/beta", {"enabled": False})
    assert api.as_key().get("/v1/feature_flags").body["data"][0]["enabled"] is True
