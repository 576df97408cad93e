"""Connecting a provider account."""

import json
import logging
from typing import Any

import pytest

from infra.local.stripe.fake import KEY, FakeStripe
from oppulence.connections import door_table, endpoints
from oppulence.connections.stripe_gateway import API_VERSION
from oppulence.kernel import aws, db, environment
from tests.connections.support import ALL_PERMISSIONS, SECRET, connect, connect_by_key, stored
from tests.connections.support import endpoints as endpoints_of
from tests.support import cloud, stripe
from tests.support.api import Answer, Api
from tests.support.world import World

BY_KEY = {"provider": "stripe", "api_key": KEY}


class TestByHand:
    def test_connecting_opens_a_door_and_shows_no_secret(self, api: Api, world: World) -> None:
        body = connect(api, stripe_account="acct_13SCK2sB2LKdbudW", metadata={"team": "billing"})
        assert body["status"] == "active" and body["webhook_url"].endswith(f"/v1/webhooks/stripe/{body['id']}")
        assert SECRET not in str(body) and body["accounts"] == body["webhook_endpoints"] == []
        door = door_table.read(body["id"])
        assert door is not None and door.workspace_id == world.workspace_id
        assert world.emitted() == ["connections.connection.created.v1"]
        assert cloud.emitted() == []

    def test_connecting_is_audited(self, api: Api, world: World) -> None:
        body = connect(api)
        row = world.admin.execute(
            "SELECT action, resource_id FROM tenancy.audit_log WHERE workspace_id = %s", (world.workspace_id,)
        ).fetchone()
        assert row == ("connection.created", body["id"])

    def test_an_account_is_connected_once(self, api: Api) -> None:
        connect(api, stripe_account="acct_13SCK2sB2LKdbudW")
        again = {"provider": "stripe", "webhook_secrets": [SECRET], "stripe_account": "acct_13SCK2sB2LKdbudW"}
        answer = api.as_key().post("/v1/connections", again)
        assert (answer.status, answer.error.code) == (409, "connection_exists")

    def test_a_key_beside_is_checked_and_no_endpoint_registered(self, api: Api, fake_stripe: FakeStripe) -> None:
        body = connect(api, api_key=KEY)
        assert body["has_api_key"] and body["accounts"][0]["id"] == body["provider_account_id"]
        assert endpoints_of(fake_stripe) == []

    def test_a_repeat_with_its_key_connects_once(self, api: Api, world: World) -> None:
        caller = api.as_key().with_headers(Idempotency_Key="once")
        first = caller.post("/v1/connections", {"provider": "stripe", "webhook_secrets": [SECRET]})
        second = caller.post("/v1/connections", {"provider": "stripe", "webhook_secrets": [SECRET]})
        assert first.body == second.body and second.headers["Idempotent-Replayed"] == "true"
        assert world.count("connections.connections") == 1


class TestByKey:
    def test_the_endpoint_is_registered_and_its_secret_opens_the_door(
        self, api: Api, world: World, fake_stripe: FakeStripe
    ) -> None:
        body = connect_by_key(api, metadata={"team": "billing"})
        (endpoint,) = endpoints_of(fake_stripe)
        assert body["webhook_endpoints"] == [endpoint.id] and body["status"] == "active"
        assert (endpoint.url, endpoint.enabled_events, endpoint.api_version) == (body["webhook_url"], ["*"], API_VERSION)
        assert endpoint.metadata.to_dict() == {
            "oppulence_connection": body["id"], "oppulence_workspace": world.workspace_id,
        }  # fmt: skip
        assert body["provider_account_id"] == fake_stripe.client().v1.accounts.retrieve_current().id
        assert body["accounts"] == [
            {"id": body["provider_account_id"], "name": "Local Stripe", "country": "US", "currency": "USD"}
        ]
        assert world.emitted() == ["connections.connection.created.v1"]
        assert arrives(api, body, secret_of(world, body["id"])).status == 200

    def test_a_platform_gets_a_second_endpoint_for_its_connected_accounts(self, api: Api, fake_stripe: FakeStripe) -> None:
        body = connect_by_key(api, connect=True)
        assert body["connect"] and len(body["webhook_endpoints"]) == 2
        assert len({one.url for one in endpoints_of(fake_stripe)}) == 1

    def test_no_secret_is_in_answers_logs_audit_or_kept_answers(
        self, api: Api, world: World, fake_stripe: FakeStripe, caplog: pytest.LogCaptureFixture, capsys: Any
    ) -> None:
        caplog.set_level(logging.DEBUG)
        body = connect_by_key(api.with_headers(Idempotency_Key="once"))
        secret = secret_of(world, body["id"])
        texts = [json.dumps(body), caplog.text, *capsys.readouterr()]
        for table in ("tenancy.audit_log", "connections.idempotency", "connections.connections", "connections.outbox"):
            texts += [str(world.admin.execute(f"SELECT array_agg(to_jsonb(t)::text) FROM {table} t".encode()).fetchone())]
        texts += [str(aws.client("dynamodb").scan(TableName=name)) for name in ("connections", "idempotency")]
        texts += [json.dumps(cloud._put)]
        found = "".join(texts)
        for hidden in (KEY, secret):
            assert hidden not in found and hidden.encode().hex() not in found

    def test_a_key_that_stripe_does_not_know_is_refused_and_nothing_stored(
        self, api: Api, world: World, fake_stripe: FakeStripe
    ) -> None:
        answer = api.as_key().post("/v1/connections", BY_KEY | {"api_key": "sk_test_nobodyknowsthis"})
        assert (answer.status, answer.error.code, answer.error.param) == (422, "api_key_refused", "api_key")
        assert world.count("connections.connections") == 0

    @pytest.mark.parametrize(("mode", "key"), [("live", KEY), ("test", "sk_live_4eC39HqLyjWDarjtT1zdp7dc")])
    def test_a_key_of_the_wrong_mode_is_refused_unasked(
        self, api: Api, world: World, fake_stripe: FakeStripe, mode: str, key: str
    ) -> None:
        caller = api.as_key(workspace_id=world.workspace(mode=mode))
        answer = caller.post("/v1/connections", BY_KEY | {"api_key": key})
        assert (answer.status, answer.error.code) == (422, "api_key_of_another_mode")

    def test_a_restricted_key_is_told_everything_that_it_lacks(self, api: Api, world: World, fake_stripe: FakeStripe) -> None:
        held = set(ALL_PERMISSIONS) - {"rak_invoice_read", "rak_webhook_write"} | {"rak_webhook_read"}
        answer = api.as_key().post("/v1/connections", BY_KEY | {"api_key": fake_stripe.restricted_key(*held)})
        assert (answer.status, answer.error.code) == (422, "api_key_lacks_permissions")
        assert answer.body["error"]["missing_permissions"] == [
            {"permission": "rak_invoice_read", "resource": "Invoices", "access": "read", "feature": "sync"},
            {"permission": "rak_webhook_write", "resource": "Webhook Endpoints", "access": "write", "feature": "webhooks"},
        ]
        assert "Invoices (read), Webhook Endpoints (write)" in answer.error.message
        assert world.count("connections.connections") == 0 and endpoints_of(fake_stripe) == []

    def test_a_restricted_key_without_the_account_is_told_so_too(self, api: Api, fake_stripe: FakeStripe) -> None:
        key = fake_stripe.restricted_key(*set(ALL_PERMISSIONS) - {"rak_accounts_kyc_basic_read"})
        answer = api.as_key().post("/v1/connections", BY_KEY | {"api_key": key, "connect": True})
        assert [one["feature"] for one in answer.body["error"]["missing_permissions"]] == ["connection", "connect"]

    def test_a_restricted_key_with_all_of_them_connects(self, api: Api, fake_stripe: FakeStripe) -> None:
        connect_by_key(api, fake_stripe.restricted_key(*ALL_PERMISSIONS))

    def test_a_key_of_another_account_than_named_is_refused(self, api: Api, fake_stripe: FakeStripe) -> None:
        answer = api.as_key().post("/v1/connections", BY_KEY | {"stripe_account": "acct_13SCK2sB2LKdbudW"})
        assert (answer.status, answer.error.code) == (422, "api_key_of_another_account")

    def test_an_account_is_connected_once(self, api: Api, world: World, fake_stripe: FakeStripe) -> None:
        connect_by_key(api)
        answer = api.as_key().post("/v1/connections", BY_KEY)
        assert (answer.status, answer.error.code) == (409, "connection_exists")
        assert len(endpoints_of(fake_stripe)) == 1
        other = api.as_key(workspace_id=world.workspace()).post("/v1/connections", BY_KEY)
        assert other.status == 201 and other.body["webhook_endpoints"] != []

    def test_what_stripe_does_not_take_leaves_nothing(self, api: Api, world: World, fake_stripe: FakeStripe) -> None:
        fake_stripe.fail_next(method="POST", path="/v1/webhook_endpoints", status=400, message="Too many endpoints.")
        answer = api.as_key().post("/v1/connections", BY_KEY)
        assert (answer.status, answer.error.code) == (502, "provider_refused") and "Too many" in answer.error.message
        assert world.count("connections.connections") == 0


class TestFaults:
    @pytest.mark.parametrize(
        ("how", "code"),
        [({"status": 500}, "provider_unavailable"), ({"status": 429, "retry_after_s": 9}, "provider_busy")],
    )
    def test_while_stripe_fails_it_is_503_and_nothing_is_made(
        self, api: Api, world: World, fake_stripe: FakeStripe, how: dict[str, Any], code: str
    ) -> None:
        fake_stripe.fail_next(**how)
        answer = api.as_key().post("/v1/connections", BY_KEY)
        assert (answer.status, answer.error.code) == (503, code)
        assert answer.headers["Retry-After"] == str(how.get("retry_after_s", 5))
        assert world.count("connections.connections") == 0

    def test_an_endpoint_whose_answer_was_lost_is_found_again(self, api: Api, world: World, fake_stripe: FakeStripe) -> None:
        fake_stripe.fail_next(method="POST", path="/v1/webhook_endpoints", status=500, when="after")
        caller = api.as_key().with_headers(Idempotency_Key="once")
        assert caller.post("/v1/connections", BY_KEY).status == 503
        assert api.as_key().get("/v1/connections").body["data"] == [] and world.emitted() == []
        again = caller.post("/v1/connections", BY_KEY)
        assert again.status == 201 and again.body["webhook_endpoints"] == [one.id for one in endpoints_of(fake_stripe)]
        assert arrives(api, again.body, secret_of(world, again.body["id"])).status == 200
        assert world.emitted() == ["connections.connection.created.v1"]

    def test_an_endpoint_whose_answer_broke_off_is_got_again(self, api: Api, world: World, fake_stripe: FakeStripe) -> None:
        fake_stripe.fail_next(2, method="POST", path="/v1/webhook_endpoints", when="after", disconnect=True)
        assert api.as_key().post("/v1/connections", BY_KEY).status == 503
        (made,) = endpoints_of(fake_stripe)
        assert connect_by_key(api)["webhook_endpoints"] == [made.id]

    def test_a_connection_that_is_undone_meanwhile_leaves_no_endpoint(
        self, api: Api, world: World, fake_stripe: FakeStripe, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        make = endpoints._make

        def undone(*args: Any, **how: Any) -> dict[str, Any]:
            world.admin.execute("DELETE FROM connections.connections WHERE workspace_id = %s", (world.workspace_id,))
            return make(*args, **how)

        monkeypatch.setattr(endpoints, "_make", undone)
        assert api.as_key().post("/v1/connections", BY_KEY).status == 404
        assert endpoints_of(fake_stripe) == []

    def test_a_crash_before_the_result_is_gone_on_with(
        self, api: Api, world: World, fake_stripe: FakeStripe, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        caller = api.as_key().with_headers(Idempotency_Key="once")
        with monkeypatch.context() as patch:
            patch.setattr(endpoints, "_record", died)
            with pytest.raises(SystemExit):
                caller.post("/v1/connections", BY_KEY)
        db.close_all()
        assert len(endpoints_of(fake_stripe)) == 1
        assert caller.post("/v1/connections", BY_KEY | {"connect": True}).error.code == "idempotency_key_reused"
        again = caller.post("/v1/connections", BY_KEY)
        assert again.status == 201 and len(endpoints_of(fake_stripe)) == 1
        assert caller.post("/v1/connections", BY_KEY).headers["Idempotent-Replayed"] == "true"

    def test_a_crash_that_stripe_has_forgotten_leaves_one_endpoint(
        self, api: Api, world: World, fake_stripe: FakeStripe, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(endpoints, "_record", died)
            with pytest.raises(SystemExit):
                api.as_key().post("/v1/connections", BY_KEY)
        db.close_all()
        (orphan,) = endpoints_of(fake_stripe)
        world.admin.execute("UPDATE connections.connections SET endpoint_intent_at = now() - interval '2 days'")
        body = connect_by_key(api)
        assert [one.id for one in endpoints_of(fake_stripe)] == body["webhook_endpoints"] != [orphan.id]
        assert stored(world, body["id"])["endpoint_intent_at"] is None

    def test_a_crash_that_nobody_repeats_is_not_seen(
        self, api: Api, world: World, fake_stripe: FakeStripe, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(endpoints, "_record", died)
            with pytest.raises(SystemExit):
                api.as_key().post("/v1/connections", BY_KEY)
        db.close_all()
        row = world.admin.execute(
            "SELECT id FROM connections.connections WHERE workspace_id = %s", (world.workspace_id,)
        ).fetchone()
        assert row is not None
        for answer in (api.as_key().get(f"/v1/connections/{row[0]}"), api.as_key().delete(f"/v1/connections/{row[0]}")):
            assert answer.status == 404


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"provider": "paypal", "webhook_secrets": [SECRET]}, "provider"),
        ({"provider": "stripe", "webhook_secrets": []}, "webhook_secrets"),
        ({"provider": "stripe"}, "api_key"),
        ({"provider": "stripe", "webhook_secrets": ["nonsense"]}, "webhook_secrets.0"),
        ({"provider": "stripe", "webhook_secrets": [SECRET], "api_key": "pk_test_x"}, "api_key"),
        ({"provider": "stripe", "webhook_secrets": [SECRET], "colour": "red"}, "colour"),
        ({"provider": "stripe", "webhook_secrets": [SECRET], "metadata": {"a": 1}}, "metadata.a"),
        ({"provider": "stripe", "partner_event_source": "aws.partner/acme.com/x"}, "partner_event_source"),
    ],
)
def test_a_bad_field_is_named(api: Api, body: dict[str, object], param: str) -> None:
    answer = api.as_key().post("/v1/connections", body)
    assert (answer.status, answer.error.type, answer.error.param) == (400, "validation_error", param)


def test_a_key_without_the_scope_is_refused(api: Api) -> None:
    answer = api.as_key(["connections:read"]).post("/v1/connections", {"provider": "stripe", "webhook_secrets": [SECRET]})
    assert (answer.status, answer.error.code) == (403, "insufficient_permissions")


def died(*_: object) -> None:
    raise SystemExit


def arrives(api: Api, connection: dict[str, Any], secret: str) -> Answer:
    """A webhook as Stripe sends it."""
    body = stripe.corpus()[0]
    url = f"/v1/webhooks/stripe/{connection['id']}"
    return api.with_headers(Stripe_Signature=stripe.signature(body, secret)).send("POST", url, body)


def secret_of(world: World, connection_id: str) -> str:
    """The newest signing secret that a connection's door accepts."""
    door = door_table.read(connection_id)
    assert door is not None and environment.required("CONNECTIONS_TABLE")
    return str(json.loads(door.keyring.open(door.webhook_secrets, door_table.SECRETS))[0])
