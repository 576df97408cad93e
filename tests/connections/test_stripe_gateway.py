"""Calls to Stripe: exact bytes, the second they were asked for, and errors of ours."""

import json
import logging
from datetime import UTC, datetime, timedelta

import pytest

from infra.local.stripe.fake import FakeStripe
from oppulence.connections import breaker, stripe_gateway
from oppulence.connections.errors import (
    ProviderBusy,
    ProviderKeyRefused,
    ProviderObjectMissing,
    ProviderRefused,
    ProviderUnavailable,
)
from oppulence.connections.stripe_gateway import API_VERSION, StripeGateway


@pytest.fixture
def gateway(fake_stripe: FakeStripe) -> StripeGateway:
    return StripeGateway("conn_1", fake_stripe.key)


def test_a_page_comes_as_stripe_wrote_it(gateway: StripeGateway, fake_stripe: FakeStripe) -> None:
    made = [fake_stripe.client().v1.customers.create({"name": f"Zoë {n}"}).id for n in range(3)]
    answer = gateway.get("/v1/customers", {"limit": 2, "created": {"gte": 1}, "expand": ["data.subscriptions"]})
    assert [one["id"] for one in answer.json()["data"]] == [made[2], made[1]]
    assert isinstance(answer.body, bytes) and answer.json() == json.loads(answer.body)


def test_it_was_asked_at_stripes_clock_and_never_later_than_it_was(gateway: StripeGateway, fake_stripe: FakeStripe) -> None:
    at = datetime(2031, 5, 1, tzinfo=UTC)
    fake_stripe.advance(to=at.timestamp(), settle=False)
    asked_at = gateway.get("/v1/account").asked_at
    assert at - timedelta(seconds=2) <= asked_at <= at and asked_at.microsecond == 0


def test_a_write_is_done_once_for_its_key(gateway: StripeGateway) -> None:
    params = {"name": "Acme", "metadata": {"a": "1"}, "preferred_locales": ["de", "en"], "phone": None}
    first, second = (gateway.post("/v1/customers", params, idempotency_key="once").json() for _ in range(2))
    assert first == second and first["metadata"] == {"a": "1"} and first["preferred_locales"] == ["de", "en"]
    assert len(gateway.get("/v1/customers").json()["data"]) == 1
    assert gateway.delete(f"/v1/customers/{first['id']}").json()["deleted"] is True


def test_a_connected_account_is_asked_by_name(gateway: StripeGateway, fake_stripe: FakeStripe) -> None:
    account = "acct_1Connected"
    fake_stripe.do("objects", objects=[{"id": account, "object": "account", "type": "express", "created": 1}])
    assert gateway.get("/v1/account", account=account).json()["id"] == account
    with pytest.raises(ProviderRefused) as refused:
        gateway.get("/v1/account", account="acct_of_nobody")
    assert refused.value.provider_code == "account_invalid"


def test_what_stripe_refuses_says_what_to_do(gateway: StripeGateway, fake_stripe: FakeStripe) -> None:
    with pytest.raises(ProviderObjectMissing):
        gateway.get("/v1/customers/cus_nobody")
    with pytest.raises(ProviderRefused) as refused:
        gateway.get("/v1/customers", {"colour": "red"})
    assert refused.value.provider_code == "parameter_unknown"
    with pytest.raises(ProviderKeyRefused) as lacking:
        StripeGateway("conn_1", fake_stripe.restricted_key("rak_invoice_read")).get("/v1/customers")
    assert lacking.value.permission == "rak_customer_read"
    fake_stripe.do("keys", revoke=(key := fake_stripe.restricted_key()))
    with pytest.raises(ProviderKeyRefused) as revoked:
        StripeGateway("conn_1", key).get("/v1/account")
    assert revoked.value.permission is None


def test_a_busy_stripe_says_how_long_to_wait(gateway: StripeGateway, fake_stripe: FakeStripe) -> None:
    fake_stripe.fail_next(status=429, retry_after_s=7)
    with pytest.raises(ProviderBusy) as busy:
        gateway.get("/v1/account")
    assert busy.value.retry_after_s == 7 and busy.value.status == 503


@pytest.mark.parametrize("how", [{"status": 500}, {"status": 503}, {"disconnect": True, "count": 2}])
def test_a_failing_stripe_is_unavailable(gateway: StripeGateway, fake_stripe: FakeStripe, how: dict[str, object]) -> None:
    fake_stripe.fail_next(**how)  # type: ignore[arg-type]
    with pytest.raises(ProviderUnavailable):
        gateway.get("/v1/account")
    assert gateway.get("/v1/account").body


def test_a_dead_kept_connection_is_replaced(gateway: StripeGateway, fake_stripe: FakeStripe) -> None:
    gateway.get("/v1/account")
    fake_stripe.fail_next(disconnect=True)
    assert gateway.get("/v1/account").body


def test_nothing_listening_is_unavailable(gateway: StripeGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRIPE_API_BASE", "http://127.0.0.1:1")
    with pytest.raises(ProviderUnavailable):
        gateway.get("/v1/account")


def test_an_answer_is_bounded(gateway: StripeGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stripe_gateway, "MAX_ANSWER_BYTES", 20)
    with pytest.raises(ProviderRefused):
        gateway.get("/v1/account")
    monkeypatch.undo()


@pytest.mark.parametrize(
    "path", ["/v1", "/etc/passwd", "/v1/../x", "/v1/a?b=c", "//evil/v1/x", "/v1/a b", "/v1/a\r\nX: y", "/v3/x"]
)
def test_a_path_stays_within_the_api(gateway: StripeGateway, path: str) -> None:
    with pytest.raises(ProviderRefused):
        gateway.get(path)


def test_the_key_is_in_no_text(gateway: StripeGateway, fake_stripe: FakeStripe, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    texts = [repr(gateway), str(gateway)]
    for how in (
        {"status": 500},
        {"status": 401, "message": f"Invalid API Key provided: {gateway.key}"},
        {"status": 400, "message": gateway.key},
    ):
        fake_stripe.fail_next(**how)
        with pytest.raises(Exception) as failed:
            gateway.get("/v1/account")
        texts += [str(failed.getrepr(showlocals=False)), json.dumps(failed.value.body("req"))]  # type: ignore[attr-defined]
    assert gateway.key not in "".join([*texts, caplog.text])


def test_the_breaker_opens_at_half_of_ten_calls_and_closes_after_a_good_one(
    gateway: StripeGateway, fake_stripe: FakeStripe, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(5):
        gateway.get("/v1/account")
    fake_stripe.fail_next(5, status=500)
    for _ in range(5):
        with pytest.raises(ProviderUnavailable):
            gateway.get("/v1/account")
    with pytest.raises(ProviderUnavailable) as held:
        gateway.get("/v1/account")  # Stripe would answer, but is not asked
    assert 1 <= held.value.retry_after_s <= 30
    assert StripeGateway("conn_2", fake_stripe.key).get("/v1/account").body
    opened = breaker.of("conn_1")
    monkeypatch.setattr(opened, "opened_at", (opened.opened_at or 0) - breaker.OPEN_S)
    assert gateway.get("/v1/account").body and breaker.of("conn_1").opened_at is None


def test_a_half_open_breaker_lets_one_call_through() -> None:
    one = breaker.Breaker()
    for _ in range(breaker.LEAST_CALLS):
        one.count(ok=False)
    assert one.closed_in_s() > 0
    one.opened_at = (one.opened_at or 0) - breaker.OPEN_S
    assert one.closed_in_s() == 0 and one.closed_in_s() > 0
    one.count(ok=False)
    assert one.closed_in_s() > 0


def test_few_failures_or_few_calls_open_nothing() -> None:
    one = breaker.Breaker()
    for ok in [False] * 9 + [True] * 10 + [False] * 9:
        one.count(ok=ok)
        if len(one.calls) == 9:
            assert one.closed_in_s() == 0
    assert breaker.Breaker().closed_in_s() == 0


def test_the_version_is_the_one_that_shapes_are_known_for() -> None:
    from infra.local.stripe.unit import API_VERSION as published

    assert published == API_VERSION
