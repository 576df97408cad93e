"""A connected Stripe account in tests."""

from typing import Any

from infra.local.stripe.fake import KEY, FakeStripe
from oppulence.kernel import environment
from oppulence.kernel.aws import client
from tests.support.api import Api
from tests.support.world import World

SECRET = "whsec_test_secret_of_the_first_endpoint"
OTHER_SECRET = "whsec_test_secret_of_the_second_endpoint"

ALL_PERMISSIONS = (
    "rak_accounts_kyc_basic_read", "rak_balance_transaction_source_read", "rak_charge_read", "rak_checkout_session_read",
    "rak_coupon_read", "rak_credit_note_read", "rak_customer_read", "rak_dispute_read", "rak_event_read", "rak_invoice_read",
    "rak_payment_intent_read", "rak_payment_method_read", "rak_payout_read", "rak_plan_read", "rak_product_read",
    "rak_promotion_code_read", "rak_setup_intent_read", "rak_subscription_read", "rak_tax_rate_read", "rak_top_up_read",
    "rak_webhook_write",
)  # fmt: skip


def connect(api: Api, **fields: Any) -> dict[str, Any]:
    """Create a connection by hand; returns the answer's body. A key among the fields needs a Stripe that knows it."""
    answer = api.as_key().post("/v1/connections", {"provider": "stripe", "webhook_secrets": [SECRET], **fields})
    assert answer.status == 201, answer.body
    body: dict[str, Any] = answer.body
    return body


def connect_by_key(api: Api, key: str = KEY, **fields: Any) -> dict[str, Any]:
    """Create a connection by its key, which registers the endpoint at Stripe."""
    answer = api.as_key().post("/v1/connections", {"provider": "stripe", "api_key": key, **fields})
    assert answer.status == 201, answer.body
    body: dict[str, Any] = answer.body
    return body


def endpoints(fake: FakeStripe) -> list[Any]:
    """The webhook endpoints at Stripe, the newest first."""
    return list(fake.client().v1.webhook_endpoints.list().data)


def stored(world: World, connection_id: str) -> dict[str, Any]:
    """A connection's row, as it stands in the database."""
    row = world.admin.execute("SELECT to_jsonb(c) FROM connections.connections c WHERE id = %s", (connection_id,)).fetchone()
    assert row is not None
    found: dict[str, Any] = row[0]
    return found


def lose_door(connection_id: str) -> None:
    """Delete a connection's item from the doors' table."""
    client("dynamodb").delete_item(TableName=environment.required("CONNECTIONS_TABLE"), Key={"id": {"S": connection_id}})
