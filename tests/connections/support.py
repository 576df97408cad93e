"""A connected Stripe account in tests."""

from typing import Any

from oppulence.kernel import environment
from oppulence.kernel.aws import client
from tests.support.api import Api

SECRET = "whsec_test_secret_of_the_first_endpoint"
OTHER_SECRET = "whsec_test_secret_of_the_second_endpoint"


def connect(api: Api, **fields: Any) -> dict[str, Any]:
    """Create a connection; returns the answer's body."""
    answer = api.as_key().post("/v1/connections", {"provider": "stripe", "webhook_secrets": [SECRET], **fields})
    assert answer.status == 201, answer.body
    body: dict[str, Any] = answer.body
    return body


def lose_door(connection_id: str) -> None:
    """Delete a connection's item from the doors' table."""
    client("dynamodb").delete_item(TableName=environment.required("CONNECTIONS_TABLE"), Key={"id": {"S": connection_id}})
