"""A connection with a key to a Stripe that plays along, and a shop there whose webhooks nobody sends."""

from collections.abc import Callable, Iterator

import pytest

from infra.local.stripe.fake import FakeStripe
from tests.support.api import Api
from tests.support.world import World
from tests.sync.backfilling import Backfilling

Shop = Callable[[int], list[str]]


@pytest.fixture
def connection_id(api: Api, world: World, fake_stripe: FakeStripe) -> str:
    """A connection made by hand, with a key, ten minutes ago."""
    body = {"provider": "stripe", "api_key": fake_stripe.key, "webhook_secrets": ["whsec_made_by_hand_0001"]}
    answer = api.as_key().post("/v1/connections", body)
    assert answer.status == 201, answer.body
    world.admin.execute(
        "UPDATE connections.connections SET created_at = created_at - interval '10 minutes' WHERE id = %s", (answer.body["id"],)
    )
    return str(answer.body["id"])


@pytest.fixture
def shop(fake_stripe: FakeStripe) -> Shop:
    """Makes customers at Stripe, who are five minutes old at the end; returns their ids."""

    def make(count: int) -> list[str]:
        made = [fake_stripe.client().v1.customers.create({"name": f"Customer {n}"}).id for n in range(count)]
        fake_stripe.advance(to=fake_stripe.now + 300, settle=False)
        return made

    return make


@pytest.fixture
def backfilling(api: Api, fake_stripe: FakeStripe, connection_id: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Backfilling]:
    """Backfills of that connection."""
    playing = Backfilling(api, fake_stripe, connection_id, monkeypatch)
    yield playing
    playing.forget()
