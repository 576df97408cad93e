"""Keys of 90 days are noticed once."""

from tests.support import entries
from tests.support.api import Api
from tests.support.world import World


def noticed(api: Api) -> list[str]:
    run = entries.entry("tenancy.schedules.notice_aged_keys")
    run({}, None)
    run({}, None)
    return [one["resource"]["id"] for one in api.as_key().get("/v1/audit_events", action="api_key.aged").body["data"]]


def test_once_and_only_live_ones(api: Api, world: World) -> None:
    owner = api.as_key()
    made = [owner.post("/v1/api_keys", {"name": name, "scopes": ["ledger:read"]}).body["id"] for name in "abcd"]
    for key_id, age in zip(made, ("90 days", "89 days", "200 days", "200 days"), strict=True):
        world.admin.execute("UPDATE tenancy.api_keys SET created_at = now() - %s::interval WHERE id = %s", (age, key_id))
    owner.delete(f"/v1/api_keys/{made[2]}")
    world.admin.execute("UPDATE tenancy.api_keys SET expires_at = now() WHERE id = %s", (made[3],))
    assert noticed(api) == [made[0]]
