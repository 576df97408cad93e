"""Connecting a provider account."""

import pytest

from oppulence.connections import door_table
from tests.connections.support import SECRET, connect
from tests.support import cloud
from tests.support.api import Api
from tests.support.world import World

KEY = "sk_" + "test_4eC39HqLyjWDarjtT1zdp7dc"


def test_connecting_opens_a_door_and_shows_no_secret(api: Api, world: World) -> None:
    body = connect(api, api_key=KEY, stripe_account="acct_13SCK2sB2LKdbudW", metadata={"team": "billing"})
    assert body["status"] == "active" and body["webhook_url"].endswith(f"/v1/webhooks/stripe/{body['id']}")
    assert SECRET not in str(body) and KEY not in str(body)
    door = door_table.read(body["id"])
    assert door is not None and door.workspace_id == world.workspace_id
    assert world.emitted() == ["connections.connection.created.v1"]
    assert cloud.emitted() == []


def test_secrets_are_stored_sealed(api: Api, world: World) -> None:
    body = connect(api, api_key=KEY)
    row = world.admin.execute(
        "SELECT api_key, webhook_secrets FROM connections.connections WHERE id = %s", (body["id"],)
    ).fetchone()
    assert row is not None and KEY.encode() not in row[0] and SECRET.encode() not in row[1]


def test_connecting_is_audited(api: Api, world: World) -> None:
    body = connect(api)
    row = world.admin.execute(
        "SELECT action, resource_id FROM tenancy.audit_log WHERE workspace_id = %s", (world.workspace_id,)
    ).fetchone()
    assert row == ("connection.created", body["id"])


def test_an_account_is_connected_once(api: Api) -> None:
    connect(api, stripe_account="acct_13SCK2sB2LKdbudW")
    again = {"provider": "stripe", "webhook_secrets": [SECRET], "stripe_account": "acct_13SCK2sB2LKdbudW"}
    answer = api.as_key().post("/v1/connections", again)
    assert (answer.status, answer.error.code) == (409, "connection_exists")


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"provider": "paypal", "webhook_secrets": [SECRET]}, "provider"),
        ({"provider": "stripe", "webhook_secrets": []}, "webhook_secrets"),
        ({"provider": "stripe"}, "webhook_secrets"),
        ({"provider": "stripe", "webhook_secrets": ["nonsense"]}, "webhook_secrets.0"),
        ({"provider": "stripe", "webhook_secrets": [SECRET], "api_key": "pk_test_x"}, "api_key"),
        ({"provider": "stripe", "webhook_secrets": [SECRET], "colour": "red"}, "colour"),
        ({"provider": "stripe", "webhook_secrets": [SECRET], "metadata": {"a": 1}}, "metadata.a"),
    ],
)
def test_a_bad_field_is_named(api: Api, body: dict[str, object], param: str) -> None:
    answer = api.as_key().post("/v1/connections", body)
    assert (answer.status, answer.error.type, answer.error.param) == (400, "validation_error", param)


def test_a_key_without_the_scope_is_refused(api: Api) -> None:
    answer = api.as_key(["connections:read"]).post("/v1/connections", {"provider": "stripe", "webhook_secrets": [SECRET]})
    assert (answer.status, answer.error.code) == (403, "insufficient_permissions")


def test_a_repeat_with_its_key_connects_once(api: Api, world: World) -> None:
    caller = api.as_key().with_headers(Idempotency_Key="once")
    first = caller.post("/v1/connections", {"provider": "stripe", "webhook_secrets": [SECRET]})
    second = caller.post("/v1/connections", {"provider": "stripe", "webhook_secrets": [SECRET]})
    assert first.body == second.body and second.headers["Idempotent-Replayed"] == "true"
    assert world.count("connections.connections") == 1
