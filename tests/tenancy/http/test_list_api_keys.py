"""GET /v1/api_keys"""

from tests.support.api import Api
from tests.support.world import World


def test_pages_hold_every_key_once_newest_first(api: Api) -> None:
    owner = api.as_key()
    made = [owner.post("/v1/api_keys", {"name": f"k{n}", "scopes": ["ledger:read"]}).body["id"] for n in range(5)]
    seen: list[str] = []
    cursor = None
    while True:
        page = owner.get("/v1/api_keys", limit=2, cursor=cursor).body
        assert len(page["data"]) <= 2
        seen += [one["id"] for one in page["data"]]
        cursor = page["pagination"]["next_cursor"]
        if not page["pagination"]["has_more"]:
            break
    assert cursor is None
    assert seen[:5] == made[::-1] and len(seen) == len(set(seen)) == 6


def test_the_age_is_shown_in_days(api: Api, world: World) -> None:
    caller = api.as_key()
    world.admin.execute(
        "UPDATE tenancy.api_keys SET created_at = now() - interval '91 days 1 hour' WHERE workspace_id = %s",
        (world.workspace_id,),
    )
    assert [one["age_days"] for one in caller.get("/v1/api_keys").body["data"]] == [91]


def test_hashes_stay_inside(api: Api) -> None:
    assert not {"key_hash", "api_key"} & api.as_key().get("/v1/api_keys").body["data"][0].keys()


def test_the_scope_is_needed(api: Api) -> None:
    assert api.as_key(scopes=["api_keys:write"]).get("/v1/api_keys").status == 403


def test_another_workspaces_keys_are_not_listed(api: Api, world: World) -> None:
    other = world.workspace()
    mine = {one["id"] for one in api.as_key().get("/v1/api_keys").body["data"]}
    theirs = {one["id"] for one in api.as_key(workspace_id=other).get("/v1/api_keys").body["data"]}
    assert mine and theirs and not mine & theirs


def test_a_cursor_of_another_workspace_is_refused(api: Api, world: World) -> None:
    owner = api.as_key()
    owner.post("/v1/api_keys", {"name": "k", "scopes": ["ledger:read"]})
    cursor = owner.get("/v1/api_keys", limit=1).body["pagination"]["next_cursor"]
    for caller, text in ((api.as_key(workspace_id=world.workspace()), cursor), (owner, "AAAA"), (owner, cursor[:-2] + "zz")):
        refused = caller.get("/v1/api_keys", limit=1, cursor=text)
        assert (refused.status, refused.error.code) == (400, "invalid_cursor")


def test_a_limit_out_of_range_is_refused(api: Api) -> None:
    for limit in (0, 501, "many"):
        assert api.as_key().get("/v1/api_keys", limit=limit).error.param == "limit"
    assert api.as_key().get("/v1/api_keys", order="asc").error.param == "order"
