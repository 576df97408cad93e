"""Keys, errors, idempotency, expansion and faults: what every call has in common."""

import base64
import json
import time
import urllib.error
import urllib.request
import uuid
from typing import Any

import pytest
import stripe

from infra.local.stripe.fake import OPENER, FakeStripe
from tests.infra.local.stripe import shop


def raw(fake: FakeStripe, method: str, path: str, body: str | None = None, **headers: str) -> tuple[int, dict[str, Any], Any]:
    """A request without the SDK: status, body, headers."""
    request = urllib.request.Request(f"{fake.url}{path}", data=body.encode() if body is not None else None, method=method)
    for name, value in {"Authorization": f"Bearer {fake.key}", **headers}.items():
        request.add_header(name.replace("_", "-"), value)
    try:
        with OPENER.open(request, timeout=60) as response:
            return response.status, json.loads(response.read()), response.headers
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read()), error.headers


def test_a_key_is_needed_and_must_be_known(fake: FakeStripe) -> None:
    status, body, _ = raw(fake, "GET", "/v1/customers", Authorization="")
    assert (status, body["error"]["type"]) == (401, "invalid_request_error")
    basic = base64.b64encode(f"{fake.key}:".encode()).decode()
    assert raw(fake, "GET", "/v1/customers", Authorization=f"Basic {basic}")[0] == 200
    with pytest.raises(stripe.AuthenticationError, match=r"Invalid API Key provided: sk_test_\*+ange") as refused:
        fake.client("sk_test_strange").v1.customers.list()
    assert refused.value.http_status == 401


def test_a_restricted_key_may_do_what_it_says_and_the_refusal_names_the_rest(fake: FakeStripe) -> None:
    key = fake.restricted_key("rak_customer_read", "rak_webhook_write")
    client = fake.client(key)
    assert client.v1.customers.list().data is not None
    assert client.v1.webhook_endpoints.list().data is not None  # a write includes the read
    with pytest.raises(stripe.PermissionError) as refused:
        client.v1.customers.create({})
    assert refused.value.http_status == 403
    assert "does not have the required permissions for this endpoint on account 'acct_" in str(refused.value)
    assert "Having the 'rak_customer_write' permission would allow this request to continue." in str(refused.value)
    with pytest.raises(stripe.PermissionError, match="'rak_plan_read'"):
        client.v1.prices.list()


def test_a_revoked_key_has_expired(fake: FakeStripe) -> None:
    key = fake.restricted_key("rak_customer_read")
    fake.revoke(key)
    with pytest.raises(stripe.AuthenticationError, match="Expired API Key provided: rk_test_") as refused:
        fake.client(key).v1.customers.list()
    assert refused.value.error and refused.value.error.code == "api_key_expired"


def test_what_is_not_there_is_said_as_stripe_says_it(fake: FakeStripe, client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="No such customer: 'cus_none'") as refused:
        client.v1.customers.retrieve("cus_none")
    assert (refused.value.http_status, refused.value.code, refused.value.param) == (404, "resource_missing", "id")
    with pytest.raises(stripe.InvalidRequestError, match="No such customer: 'cus_none'") as refused:
        client.v1.payment_intents.create({"amount": 100, "currency": "usd", "customer": "cus_none"})
    assert (refused.value.http_status, refused.value.param) == (400, "customer")
    status, body, _ = raw(fake, "GET", "/v1/nonsense")
    assert (status, body["error"]["message"][:55]) == (404, "Unrecognized request URL (GET: /v1/nonsense). Please se")


@pytest.mark.parametrize(
    ("path", "body", "code", "message"),
    [
        ("/v1/customers", "nam=Ada", "parameter_unknown", "Received unknown parameter: nam"),
        ("/v1/customers", "address[town]=Ulm", "parameter_unknown", "Received unknown parameter: address[town]"),
        ("/v1/payment_intents", "amount=100", "parameter_missing", "Missing required param: currency."),
        ("/v1/payment_intents", "amount=ten&currency=usd", "parameter_invalid_integer", "Invalid integer: ten"),
        ("/v1/payment_intents", "amount=100&currency=usd&confirm=maybe", None, "Invalid boolean: maybe"),
        ("/v1/payment_intents", "amount=1&currency=usd&capture_method=x", None, "Invalid capture_method: must be one of"),
        ("/v1/payment_intents", "amount=0&currency=usd", "parameter_invalid_integer", "greater than or equal to 1"),
        ("/v1/customers", "cash_balance[settings][reconciliation_mode]=manual", "not_simulated", "`cash_balance`"),
        ("/v1/customers", "a[b]c]=1", "parameter_unknown", "Invalid parameter name"),
        ("/v1/webhook_endpoints", "url=ftp://x&enabled_events[]=*", "url_invalid", "Invalid URL"),
    ],
)  # fmt: skip
def test_parameters_are_checked(fake: FakeStripe, path: str, body: str, code: str | None, message: str) -> None:
    status, answer, _ = raw(fake, "POST", path, body)
    assert (status, answer["error"].get("code")) == (400, code)
    assert message in answer["error"]["message"]


def test_the_same_idempotency_key_gets_the_same_answer(fake: FakeStripe, client: stripe.StripeClient) -> None:
    key = str(uuid.uuid4())
    first = client.v1.customers.create({"name": "Once"}, options={"idempotency_key": key})
    again = client.v1.customers.create({"name": "Once"}, options={"idempotency_key": key})
    assert first.to_dict() == again.to_dict()
    assert again.last_response and again.last_response.headers["Idempotent-Replayed"] == "true"
    with pytest.raises(stripe.IdempotencyError, match="can only be used with the same parameters") as refused:
        client.v1.customers.create({"name": "Twice"}, options={"idempotency_key": key})
    assert refused.value.http_status == 400
    with pytest.raises(stripe.IdempotencyError, match="same endpoint"):
        client.v1.products.create({"name": "Once"}, options={"idempotency_key": key})
    assert fake.do("state")["answered"]["POST /v1/customers"] > 0


def test_a_decline_is_repeated_but_a_mistake_may_be_mended(client: stripe.StripeClient) -> None:
    key: Any = {"idempotency_key": str(uuid.uuid4())}
    params: Any = {"amount": 100, "currency": "usd", "payment_method": "pm_card_chargeDeclined", "confirm": True}
    intents = []
    for _ in range(2):
        with pytest.raises(stripe.CardError) as refused:
            client.v1.payment_intents.create(params, options=key)
        assert refused.value.error
        intents.append(refused.value.error.to_dict()["payment_intent"]["id"])
    assert intents[0] == intents[1]
    other: Any = {"idempotency_key": str(uuid.uuid4())}
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.payment_intents.create({"amount": 100}, options=other)  # type: ignore[typeddict-item]
    assert client.v1.payment_intents.create({"amount": 100, "currency": "usd"}, options=other).id


def test_expansion_follows_paths_and_refuses_those_that_lead_nowhere(client: stripe.StripeClient) -> None:
    customer = shop.customer(client)
    sub = shop.subscribe(client, customer)
    paths = [
        "customer.invoice_settings.default_payment_method",
        "latest_invoice.payments.data.payment.payment_intent.latest_charge",
    ]
    with pytest.raises(stripe.InvalidRequestError, match="more than 4 levels"):
        client.v1.subscriptions.retrieve(sub.id, {"expand": paths})
    shown = client.v1.subscriptions.retrieve(
        sub.id, {"expand": [paths[0], "latest_invoice.payments", "items.data.price.product"]}
    ).to_dict()
    assert shown["customer"]["invoice_settings"]["default_payment_method"]["card"]["last4"] == "4242"
    assert shown["latest_invoice"]["payments"]["data"][0]["status"] == "paid"
    assert shown["items"]["data"][0]["price"]["product"]["name"] == "Gold"
    listed = client.v1.subscriptions.list(
        {"customer": customer, "expand": ["data.customer", "data.latest_invoice.customer"]}
    ).to_dict()
    assert listed["data"][0]["customer"]["id"] == listed["data"][0]["latest_invoice"]["customer"]["id"] == customer
    for path, message in (
        ("status", r"This property cannot be expanded \(status\)"),
        ("nothing.here", r"This property cannot be expanded \(nothing.here\)"),
    ):
        with pytest.raises(stripe.InvalidRequestError, match=message):
            client.v1.subscriptions.retrieve(sub.id, {"expand": [path]})
    with pytest.raises(stripe.InvalidRequestError, match="'data.customer' instead"):
        client.v1.subscriptions.list({"expand": ["customer"]})


def test_lists_page_both_ways_and_by_time(fake: FakeStripe) -> None:
    client = fake.client()
    made = []
    for hour in range(5):
        fake.advance(1_767_225_600 + hour * 3600)
        made.append(client.v1.customers.create({}).id)
    newest = made[::-1]
    first = client.v1.customers.list({"limit": 2})
    assert ([one.id for one in first.data], first.has_more) == (newest[:2], True)
    after = client.v1.customers.list({"limit": 2, "starting_after": newest[1]})
    assert ([one.id for one in after.data], after.has_more) == (newest[2:4], True)
    before = client.v1.customers.list({"limit": 2, "ending_before": newest[4]})
    assert ([one.id for one in before.data], before.has_more) == (newest[2:4], True)
    assert [one.id for one in client.v1.customers.list({"limit": 2}).auto_paging_iter()] == newest
    ranged = client.v1.customers.list({"created": {"gte": 1_767_229_200, "lt": 1_767_236_400}})
    assert [one.id for one in ranged.data] == [made[2], made[1]]
    for limit in (0, 101):
        with pytest.raises(stripe.InvalidRequestError, match="This value must be"):
            client.v1.customers.list({"limit": limit})
    with pytest.raises(stripe.InvalidRequestError, match="No such customer"):
        client.v1.customers.list({"starting_after": "cus_none"})


def test_search_finds_by_field_and_metadata(client: stripe.StripeClient) -> None:
    made = client.v1.customers.create({"email": "find.me@example.com", "name": "Zoë Quist", "metadata": {"crm": "it's 42"}})
    for query in (
        "email:'find.me@example.com'",
        "name~'quist' AND created>1",
        r"metadata['crm']:'it\'s 42'",
        "email:'no' OR name:'Zoë Quist'",
    ):
        assert [one.id for one in client.v1.customers.search({"query": query}).data] == [made.id], query
    assert made.id not in [one.id for one in client.v1.customers.search({"query": "-name~'quist'", "limit": 100}).data]
    for query in ("name:", "name:'a' AND email:'b' OR name:'c'", "age:'7'"):
        with pytest.raises(stripe.InvalidRequestError):
            client.v1.customers.search({"query": query})


def test_requests_fail_on_demand_before_or_after_they_are_done(fake: FakeStripe, client: stripe.StripeClient) -> None:
    fake.fail_next(status=429, retry_after_s=7, path="/v1/customers", method="GET")
    with pytest.raises(stripe.RateLimitError) as limited:
        client.v1.customers.list()
    assert limited.value.headers and limited.value.headers["Retry-After"] == "7"
    fake.fail_next(status=503)
    with pytest.raises(stripe.APIError):
        client.v1.products.list()
    name = str(uuid.uuid4())
    fake.fail_next(status=500, when="after", path="/v1/customers")
    retrying = fake.client(max_network_retries=2)
    made = retrying.v1.customers.create({"name": name})
    assert [one.id for one in client.v1.customers.search({"query": f"name:'{name}'"}).data] == [made.id]
    fake.fail_next(disconnect=True, path="/v1/products")
    with pytest.raises(stripe.APIConnectionError):
        client.v1.products.list()
    assert client.v1.products.list().data is not None


def test_a_rate_limit_answers_429_and_recovers(fake: FakeStripe, client: stripe.StripeClient) -> None:
    fake.limit(50, 5)
    try:
        refused = 0
        for _ in range(12):
            try:
                client.v1.coupons.list()
            except stripe.RateLimitError as error:
                refused += 1
                assert error.headers and error.headers["Stripe-Rate-Limited-Reason"] == "global-rate"
        time.sleep(0.05)
        client.v1.coupons.list()
    finally:
        fake.limit(None)
    assert refused > 0


def test_the_date_of_an_answer_is_the_worlds(fake: FakeStripe) -> None:
    _, _, headers = raw(fake, "GET", "/v1/customers")
    assert headers["Date"] == "Thu, 01 Jan 2026 00:00:00 GMT"
    assert headers["Request-Id"].startswith("req_")
