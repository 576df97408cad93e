"""Changing a connection."""

import pytest

from infra.local.stripe.fake import KEY, FakeStripe
from oppulence.connections import api as connections
from tests.connections.support import ALL_PERMISSIONS, connect, connect_by_key, stored
from tests.support.api import Api
from tests.support.world import World


def test_a_good_key_repairs_a_connection(api: Api, world: World, fake_stripe: FakeStripe) -> None:
    made = connect_by_key(api, fake_stripe.restricted_key(*ALL_PERMISSIONS))
    world.within("connections", lambda uow: connections.mark_needs_reauth(uow, made["id"], "revoked"))
    broken = api.as_key().get(f"/v1/connections/{made['id']}").body
    assert (broken["status"], broken["status_reason"]) == ("needs_reauth", "revoked")
    world.emitted()
    answer = api.as_key().patch(f"/v1/connections/{made['id']}", {"api_key": KEY})
    assert (answer.status, answer.body["status"], answer.body["status_reason"]) == (200, "active", None)
    assert world.emitted() == ["connections.connection.updated.v1"]
    assert KEY not in str(answer.body) + str(stored(world, made["id"]))


def test_a_bad_key_changes_nothing(api: Api, world: World, fake_stripe: FakeStripe) -> None:
    made = connect_by_key(api)
    before = stored(world, made["id"])
    for key, code in (
        ("sk_test_nobodyknowsthis", "api_key_refused"),
        (fake_stripe.restricted_key(), "api_key_lacks_permissions"),
    ):
        answer = api.as_key().patch(f"/v1/connections/{made['id']}", {"api_key": key})
        assert (answer.status, answer.error.code) == (422, code)
    fake_stripe.fail_next(status=500)
    assert api.as_key().patch(f"/v1/connections/{made['id']}", {"api_key": KEY}).status == 503
    assert stored(world, made["id"]) == before


def test_a_key_of_another_account_is_refused(api: Api, fake_stripe: FakeStripe) -> None:
    made = connect(api, stripe_account="acct_13SCK2sB2LKdbudW")
    answer = api.as_key().patch(f"/v1/connections/{made['id']}", {"api_key": KEY})
    assert (answer.status, answer.error.code) == (422, "api_key_of_another_account")


def test_a_connection_made_by_hand_gets_a_key_and_with_it_its_account(api: Api, fake_stripe: FakeStripe) -> None:
    made = connect(api)
    answer = api.as_key().patch(f"/v1/connections/{made['id']}", {"api_key": KEY})
    assert answer.body["has_api_key"] and answer.body["provider_account_id"].startswith("acct_")
    second = connect(api)
    again = api.as_key().patch(f"/v1/connections/{second['id']}", {"api_key": KEY})
    assert (again.status, again.error.code) == (409, "connection_exists")


def test_notes_and_event_source_are_changed_and_what_is_not_sent_stays(api: Api, world: World) -> None:
    source = "aws.partner/stripe.com/ed_test_61Abc"
    made = connect(api, metadata={"a": "1"})
    url = f"/v1/connections/{made['id']}"
    world.emitted()
    assert api.as_key().patch(url, {"partner_event_source": source}).body["partner_event_source"] == source
    changed = api.as_key().patch(url, {"metadata": {"b": "2"}}).body
    assert (changed["metadata"], changed["partner_event_source"]) == ({"b": "2"}, source)
    assert api.as_key().patch(url, {}).body == changed
    assert world.emitted() == ["connections.connection.updated.v1"] * 2
    taken = api.as_key().patch(f"/v1/connections/{connect(api)['id']}", {"partner_event_source": source})
    assert (taken.status, taken.error.code) == (409, "connection_exists")


@pytest.mark.parametrize("body", [{"status": "active"}, {"api_key": "pk_test_x"}, {"metadata": {"a": 1}}])
def test_a_bad_field_is_refused(api: Api, body: dict[str, object]) -> None:
    assert api.as_key().patch(f"/v1/connections/{connect(api)['id']}", body).status == 400


def test_a_key_without_the_scope_is_refused(api: Api) -> None:
    assert api.as_key(["connections:read"]).patch(f"/v1/connections/{connect(api)['id']}", {"metadata": {}}).status == 403


def test_another_workspaces_connection_stays(api: Api, world: World) -> None:
    made = connect(api)
    stranger = api.as_key(workspace_id=world.workspace())
    assert stranger.patch(f"/v1/connections/{made['id']}", {"metadata": {"a": "b"}}).status == 404
    assert api.as_key().get(f"/v1/connections/{made['id']}").body["metadata"] == {}
