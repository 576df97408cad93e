"""Keys are checked, and what was begun at Stripe and left is finished or undone."""

import pytest

from infra.local.stripe.fake import KEY, FakeStripe
from oppulence.connections import endpoints
from oppulence.kernel import db
from tests.connections.http.test_create_connection import died
from tests.connections.support import ALL_PERMISSIONS, connect, connect_by_key, stored
from tests.connections.support import endpoints as endpoints_of
from tests.support.api import Api
from tests.support.entries import entry
from tests.support.world import World

SCHEDULE = "connections.schedules.check_connections"


@pytest.fixture(autouse=True)
def alone(world: World, fake_stripe: FakeStripe) -> None:
    """The schedule spans workspaces: those of tests before this one would be looked after too."""
    world.admin.execute("DELETE FROM connections.connections")


def run() -> None:
    entry(SCHEDULE)({}, None)


def an_hour_passes(world: World) -> None:
    world.admin.execute("UPDATE connections.connections SET endpoint_intent_at = endpoint_intent_at - interval '61 minutes'")


def crash(api: Api, monkeypatch: pytest.MonkeyPatch, path: str, body: object = None) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(endpoints, "_record", died)
        with pytest.raises(SystemExit):
            api.as_key().post(path, body)
    db.close_all()


def test_a_key_that_stopped_working_is_found(api: Api, world: World, fake_stripe: FakeStripe) -> None:
    good = connect_by_key(api)
    elsewhere = world.workspace()
    key = fake_stripe.restricted_key(*ALL_PERMISSIONS)
    answer = api.as_key(workspace_id=elsewhere).post("/v1/connections", {"provider": "stripe", "api_key": key})
    fake_stripe.revoke(key)
    run()
    run()
    assert stored(world, good["id"])["status"] == "active"
    assert stored(world, answer.body["id"])["status"] == "needs_reauth"
    told = world.admin.execute(
        "SELECT count(*) FROM connections.outbox WHERE type = 'connections.connection.needs_reauth' AND workspace_id = %s",
        (elsewhere,),
    ).fetchone()
    assert told == (1,)


def test_a_stripe_that_fails_says_nothing_of_a_key(api: Api, world: World, fake_stripe: FakeStripe) -> None:
    made = connect_by_key(api)
    fake_stripe.fail_next(status=500)
    run()
    assert stored(world, made["id"])["status"] == "active"


def test_an_endpoint_that_was_disabled_is_enabled_and_a_deleted_one_made_anew(
    api: Api, world: World, fake_stripe: FakeStripe
) -> None:
    made = connect_by_key(api, connect=True)
    sdk = fake_stripe.client().v1.webhook_endpoints
    disabled, deleted = made["webhook_endpoints"]
    sdk.update(disabled, {"disabled": True})
    run()
    assert [one.status for one in endpoints_of(fake_stripe)] == ["enabled"] * 2
    assert api.as_key().get(f"/v1/connections/{made['id']}").body["webhook_endpoints"] == made["webhook_endpoints"]
    sdk.delete(deleted)
    run()
    now = api.as_key().get(f"/v1/connections/{made['id']}").body["webhook_endpoints"]
    assert {one.id for one in endpoints_of(fake_stripe)} == set(now) and len(now) == 2 and deleted not in now


def test_a_connection_that_nobody_finished_is_undone(
    api: Api, world: World, fake_stripe: FakeStripe, monkeypatch: pytest.MonkeyPatch
) -> None:
    crash(api, monkeypatch, "/v1/connections", {"provider": "stripe", "api_key": KEY})
    run()
    assert world.count("connections.connections") == 1  # somebody may still be at it
    an_hour_passes(world)
    fake_stripe.fail_next(method="DELETE", status=500)
    run()
    assert len(endpoints_of(fake_stripe)) == 1
    run()
    assert (world.count("connections.connections"), endpoints_of(fake_stripe)) == (0, [])
    assert world.emitted() == []


def test_a_rotation_that_nobody_finished_is_completed(
    api: Api, world: World, fake_stripe: FakeStripe, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = connect_by_key(api)
    crash(api, monkeypatch, f"/v1/connections/{made['id']}/rotate_webhook_secret")
    an_hour_passes(world)
    run()
    now = api.as_key().get(f"/v1/connections/{made['id']}").body["webhook_endpoints"]
    assert [one.id for one in endpoints_of(fake_stripe)] == now != made["webhook_endpoints"]


def test_a_farewell_that_the_consumer_could_not_say_is_said(api: Api, world: World, fake_stripe: FakeStripe) -> None:
    made = connect_by_key(api)
    api.as_key().delete(f"/v1/connections/{made['id']}")
    world.admin.execute("UPDATE connections.connections SET updated_at = updated_at - interval '61 minutes'")
    run()
    assert endpoints_of(fake_stripe) == [] and stored(world, made["id"])["api_key"] is None


def test_a_connection_whose_key_was_revoked_meanwhile_is_undone_all_the_same(
    api: Api, world: World, fake_stripe: FakeStripe, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = fake_stripe.restricted_key(*ALL_PERMISSIONS)
    crash(api, monkeypatch, "/v1/connections", {"provider": "stripe", "api_key": key})
    connect(api)
    an_hour_passes(world)
    fake_stripe.revoke(key)
    run()
    assert world.count("connections.connections") == 1
