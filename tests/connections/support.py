"""A connected Stripe account in tests."""

from typing import Any

from tests.support.api import Api

SECRET = "whsec_test_secret_of_the_first_endpoint"
OTHER_SECRET = "whsec_test_secret_of_the_second_endpoint"


def connect(api: Api, **fields: Any) -> dict[str, Any]:
    """Create a connection; returns the answer's body."""
    answer = api.as_key().post("/v1/connections", {"provider": "stripe", "webhook_secrets": [SECRET], **fields})
    assert answer.status == 201, answer.body
    body: dict[str, Any] = answer.body
    return body
