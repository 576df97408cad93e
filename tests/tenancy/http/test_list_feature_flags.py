"""GET /v1/feature_flags"""

from tests.support.api import Api
from tests.support.world import World


def test_flags_are_listed_by_name_in_pages(api: Api) -> None:
    for name in ("beta", "alpha", "gamma"):
        api.as_key().put(f"/v1/feature_flags/{name}", {"enabled": name != "beta"})
    caller = api.as_key(scopes=["settings:read"])
    first = caller.get("/v1/feature_flags", limit=2).body
    second = caller.get("/v1/feature_flags", limit=2, cursor=first["pagination"]["next_cursor"]).body
    assert [(one["name"], one["enabled"]) for one in first["data"] + second["data"]] == [
        ("alpha", True), ("beta", False), ("gamma", True),
    ]  # fmt: skip


def test_the_scope_is_needed(api: Api) -> None:
    assert api.as_key(scopes=["settings:write"]).get("/v1/feature_flags").status == 403


def test_another_workspaces_flags_are_not_listed(api: Api, world: World) -> None:
    api.as_key().put("/v1/feature_flags/beta", {"enabled": True})
    assert api.as_key(workspace_id=world.workspace()).get("/v1/feature_flags").body["data"] == []


def test_a_bad_cursor_is_refused(api: Api) -> None:
    assert api.as_key().get("/v1/feature_flags", cursor="é").error.code == "invalid_cursor"
