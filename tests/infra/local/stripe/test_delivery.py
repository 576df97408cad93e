"""Webhooks: who gets which, signatures, attempts, disorder, and what the Events API says of them."""

from collections import Counter
from typing import Any

import pytest
import stripe

from infra.local.stripe.fake import FakeStripe
from tests.infra.local.stripe.conftest import NEW_YEAR
from tests.infra.local.stripe.receiver import Receiver

MINUTE, HOUR = 60, 3_600


def endpoint(client: stripe.StripeClient, receiver: Receiver, *events: str) -> stripe.WebhookEndpoint:
    params: Any = {"url": receiver.url, "enabled_events": list(events) or ["*"]}
    return client.v1.webhook_endpoints.create(params)


def test_an_endpoint_gets_what_it_asked_for_signed_and_shows_its_secret_once(fake: FakeStripe, receiver: Receiver) -> None:
    client = fake.client()
    made = endpoint(client, receiver, "customer.created")
    assert made.secret and made.secret.startswith("whsec_")
    assert "secret" not in client.v1.webhook_endpoints.retrieve(made.id).to_dict()
    customer = client.v1.customers.create({"name": "Ünï"})
    client.v1.customers.update(customer.id, {"name": "B"})
    assert fake.settle()
    assert receiver.types == ["customer.created"]
    receiver.verify(made.secret)
    event = stripe.Webhook.construct_event(receiver.bodies[0], receiver.headers[0], made.secret)
    assert event.data.object["name"] == "Ünï"
    client.v1.webhook_endpoints.update(made.id, {"disabled": True})
    client.v1.customers.create({})
    client.v1.webhook_endpoints.update(made.id, {"disabled": False, "enabled_events": ["customer.updated"]})
    client.v1.customers.update(customer.id, {"name": "C"})
    assert fake.settle()
    assert receiver.types == ["customer.created", "customer.updated"]
    assert client.v1.webhook_endpoints.delete(made.id).deleted


def test_a_rolled_secret_signs_beside_the_old_one_until_that_expires(fake: FakeStripe, receiver: Receiver) -> None:
    client = fake.client()
    made = endpoint(client, receiver, "customer.created")
    new = fake.do(f"webhook_endpoints/{made.id}/roll_secret", expires_in_s=HOUR)["secret"]
    client.v1.customers.create({})
    assert fake.settle()
    assert receiver.headers[0].count("v1=") == 2
    assert made.secret
    receiver.verify(made.secret)
    receiver.verify(new)
    fake.advance(NEW_YEAR + 2 * HOUR)
    client.v1.customers.create({})
    assert fake.settle()
    assert receiver.headers[1].count("v1=") == 1


def test_what_is_not_taken_is_tried_again_at_stripes_pauses(fake: FakeStripe, receiver: Receiver) -> None:
    client = fake.client()
    endpoint(client, receiver)
    receiver.answers = [500, 404]
    client.v1.customers.create({})
    assert fake.settle()
    undelivered = client.v1.events.list({"delivery_success": False}).data
    assert [(one.type, one.pending_webhooks) for one in undelivered] == [("customer.created", 1)]
    fake.advance(NEW_YEAR + 6 * MINUTE)
    assert len(receiver.bodies) == 2
    fake.advance(NEW_YEAR + 40 * MINUTE)
    assert (len(receiver.bodies), len(set(receiver.bodies))) == (3, 1)
    assert client.v1.events.list({"delivery_success": False}).data == []
    assert [(one.type, one.pending_webhooks) for one in client.v1.events.list({"delivery_success": True}).data] == [
        ("customer.created", 0)
    ]
    assert [one["attempts"] for one in fake.deliveries()] == [3]


def test_after_three_days_it_is_given_up(fake: FakeStripe) -> None:
    client = fake.client()
    client.v1.webhook_endpoints.create({"url": "http://127.0.0.1:9/closed", "enabled_events": ["*"]})
    client.v1.customers.create({})
    fake.advance(NEW_YEAR + 4 * 24 * HOUR)
    assert [(one["state"], one["attempts"]) for one in fake.deliveries()] == [("failed", 11)]


def test_webhooks_come_reversed_shuffled_doubled_or_not_at_all(fake: FakeStripe, receiver: Receiver) -> None:
    client = fake.client()
    endpoint(client, receiver, "customer.created")

    def make(count: int, **mode: object) -> list[str]:
        """Ids in the order in which they came."""
        receiver.bodies.clear()
        fake.deliveries(**{"order": "in_order", "duplicates": 0.0, "dropped": 0.0, "paused": True} | mode)
        made = [client.v1.customers.create({}).id for _ in range(count)]
        fake.deliveries(paused=False)
        assert fake.settle()
        order.append(made)
        return [event["data"]["object"]["id"] for event in receiver.events]

    order: list[list[str]] = []
    assert make(6) == order[-1]
    assert make(6, order="reversed") == order[-1][::-1]
    shuffled = make(12, order="shuffled", seed=3)
    assert shuffled != order[-1] and sorted(shuffled) == sorted(order[-1])
    doubled = Counter(make(5, duplicates=1.0))
    assert set(doubled.values()) == {2} and len(doubled) == 5
    assert make(4, dropped=1.0) == []
    assert len(client.v1.events.list({"delivery_success": False, "type": "customer.created"}).data) == 4


def test_events_that_exist_are_sent_again(corpus: FakeStripe, receiver: Receiver) -> None:
    client = corpus.client()
    events = [one.id for one in client.v1.events.list({"limit": 3}).data]
    made = endpoint(client, receiver)
    assert corpus.do("deliveries/send", events=events)["sent"] == 3
    assert corpus.settle()
    assert [one["id"] for one in receiver.events] == events
    client.v1.webhook_endpoints.delete(made.id)


def test_connected_accounts_events_go_to_connect_endpoints(corpus: FakeStripe) -> None:
    client = corpus.client()
    account = client.v1.accounts.list({"limit": 1}).data[0].id
    with Receiver() as own, Receiver() as connect:
        made = [
            endpoint(client, own),
            client.v1.webhook_endpoints.create({"url": connect.url, "enabled_events": ["*"], "connect": True}),
        ]
        customer = client.v1.customers.create({}, options={"stripe_account": account})
        client.v1.customers.create({})
        assert corpus.settle()
        assert [event.get("account") for event in own.events] == [None]
        assert [(event["account"], event["data"]["object"]["id"]) for event in connect.events] == [(account, customer.id)]
        corpus.do(f"accounts/{account}/deauthorize")
        assert corpus.settle()
        assert connect.types[-1] == "account.application.deauthorized"
        for one in made:
            client.v1.webhook_endpoints.delete(one.id)
    with pytest.raises(stripe.PermissionError, match="Application access may have been revoked"):
        client.v1.customers.list(options={"stripe_account": account})


def destination(client: stripe.StripeClient, receiver: Receiver, *types: str, **more: Any) -> Any:
    params: Any = {"name": "thin", "type": "webhook_endpoint", "event_payload": "thin", "enabled_events": list(types) or ["*"]}
    params |= {"webhook_endpoint": {"url": receiver.url}, "include": ["webhook_endpoint.signing_secret"], **more}
    return client.v2.core.event_destinations.create(params)


def test_a_thin_event_names_its_object_which_is_fetched(fake: FakeStripe, receiver: Receiver) -> None:
    client = fake.client()
    made = destination(client, receiver, "v1.customer.created", "v1.customer.updated")
    customer = client.v1.customers.create({"name": "Ada"})
    client.v1.products.create({"name": "not asked for"})
    assert fake.settle()
    assert receiver.types == ["v1.customer.created"]
    told: Any = client.parse_event_notification(receiver.bodies[0], receiver.headers[0], made.webhook_endpoint.signing_secret)
    assert (told.related_object.id, told.related_object.type) == (customer.id, "customer")
    assert told.fetch_related_object().name == "Ada"
    event: Any = told.fetch_event()
    assert (event.id, event.related_object.url) == (told.id, f"/v1/customers/{customer.id}")
    client.v2.core.event_destinations.disable(made.id)
    client.v1.customers.update(customer.id, {"name": "B"})
    client.v2.core.event_destinations.enable(made.id)
    client.v1.customers.update(customer.id, {"name": "C"})
    assert fake.settle()
    assert receiver.types == ["v1.customer.created", "v1.customer.updated"]
    assert client.v2.core.event_destinations.retrieve(made.id).status == "enabled"
    assert [one.id for one in client.v2.core.event_destinations.list().data] == [made.id]
    client.v2.core.event_destinations.delete(made.id)
    client.v1.customers.update(customer.id, {"name": "D"})
    assert fake.settle() and len(receiver.bodies) == 2


def test_thin_events_are_listed_by_object_type_and_time(fake: FakeStripe, receiver: Receiver) -> None:
    client = fake.client()
    destination(client, receiver)
    made = [client.v1.customers.create({"name": str(n)}).id for n in range(3)]
    fake.advance(days=1)
    client.v1.customers.update(made[0], {"name": "last"})
    listed: Any = client.v2.core.events.list({"limit": 2, "types": ["v1.customer.created", "v1.customer.updated"]})
    assert [one.related_object.id for one in listed.auto_paging_iter()] == [made[0], made[2], made[1], made[0]]
    (found,) = client.v2.core.events.list({"object_id": made[1]}).data
    assert client.v2.core.events.retrieve(found.id).created == found.created
    assert len(client.v2.core.events.list({"created": {"gte": "2026-01-02T00:00:00Z"}}).data) == 1
    fake.advance(days=31)
    assert client.v2.core.events.list().data == []
