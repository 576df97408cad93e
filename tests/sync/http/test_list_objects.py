"""Listing mirrored objects."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.support import stripe
from tests.support.api import Api
from tests.support.world import World


@pytest.fixture(autouse=True)
def mirror(world: World) -> None:
    stripe.mirror(world, stripe.corpus()[:120])


def test_an_object_is_shown_as_stripe_shows_it(api: Api) -> None:
    (first, *_) = api.as_key(["sync:read"]).get("/v1/sync/objects/price").body["data"]
    assert set(first) == {"id", "type", "account", "deleted", "data", "event_created_at", "updated_at"}
    assert first["data"]["id"] == first["id"] and first["data"]["object"] == "price"


def test_pages_hold_every_object_once(api: Api, world: World) -> None:
    caller, found, cursor, more = api.as_key(), [], None, True
    while more:
        page = caller.get("/v1/sync/objects/price", limit=7, cursor=cursor).body
        found += [one["id"] for one in page["data"]]
        cursor, more = page["pagination"]["next_cursor"], page["pagination"]["has_more"]
    row = world.admin.execute(
        "SELECT count(*) FROM sync.objects WHERE workspace_id = %s AND type = 'price'", (world.workspace_id,)
    )
    assert len(found) == len(set(found)) == row.fetchone()[0] > 7  # type: ignore[index]


def test_filters_by_change_deletion_and_account(api: Api) -> None:
    caller = api.as_key()
    later = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    assert caller.get("/v1/sync/objects/price", updated_since=later).body["data"] == []
    assert caller.get("/v1/sync/objects/price", deleted="true").body["data"] == []
    assert caller.get("/v1/sync/objects/price", account="acct_other").body["data"] == []
    assert caller.get("/v1/sync/objects/price", deleted="false").body["data"] != []


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": 501}, "limit"),
        ({"limit": "x"}, "limit"),
        ({"updated_since": "yesterday"}, "updated_since"),
        ({"updated_since": "2026-01-01T00:00:00"}, "updated_since"),
        ({"deleted": "perhaps"}, "deleted"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_bad_parameter_is_named(api: Api, query: dict[str, object], param: str) -> None:
    answer = api.as_key().get("/v1/sync/objects/price", **query)
    assert (answer.status, answer.error.type, answer.error.param) == (400, "validation_error", param)


def test_a_type_nobody_mirrored_is_an_empty_list(api: Api) -> None:
    assert api.as_key().get("/v1/sync/objects/unicorn").body["data"] == []


def test_a_key_without_the_scope_is_refused(api: Api) -> None:
    assert api.as_key(["ledger:read"]).get("/v1/sync/objects/price").status == 403


def test_another_workspaces_mirror_is_empty(api: Api, world: World) -> None:
    assert api.as_key(workspace_id=world.workspace()).get("/v1/sync/objects/price").body["data"] == []


def test_reading_personal_data_is_audited(api: Api, world: World) -> None:
    api.as_key().get("/v1/sync/objects/customer")
    row = world.admin.execute("SELECT action FROM tenancy.audit_log WHERE workspace_id = %s", (world.workspace_id,)).fetchone()
    assert row == ("personal_data.read",)
