"""The development workspace's connection to the local Stripe, made through the platform's own API on the first start."""

import json
import urllib.error
import urllib.request
from typing import Any

from infra.local.running import Cloud, read_dev_json, write_dev_json
from infra.local.stripe.fake import OPENER, FakeStripe

MARK = "oppulence_connection"
"""Metadata by which the platform knows its endpoints."""

TIMEOUT_S = 40
"""A function's first call may be slow."""


def run(cloud: Cloud) -> None:
    """Make the connection, or give the endpoint of the one that is there its present address. Idempotent.

    Raises:
        ConnectError: the platform refused.
    """
    dev = read_dev_json(cloud.state)
    if "api_key" not in dev:
        return  # another template than the platform's
    fake = FakeStripe(cloud.state)
    kept: dict[str, Any] = dev.get("stripe") or {}
    endpoints = _endpoints(fake, kept.get("connection_id"))
    if endpoints:
        connection = _call(cloud, dev["api_key"], "GET", f"/v1/connections/{kept['connection_id']}")
        for id in endpoints:
            fake.client().v1.webhook_endpoints.update(id, {"url": connection["webhook_url"]})
    else:
        wanted = {"provider": "stripe", "api_key": fake.key, "connect": True}
        connection = _call(cloud, dev["api_key"], "POST", "/v1/connections", wanted)
        endpoints = _endpoints(fake, connection["id"])
    found = {
        "connection_id": connection["id"],
        "webhook_url": connection["webhook_url"],
        "api_base": fake.url,
        "api_key": fake.key,
    }
    write_dev_json(cloud.state, stripe=found | {"webhook_secret": fake.secret(endpoints[0])})


class ConnectError(RuntimeError):
    """The platform refused a call; the message has its answer."""


def _endpoints(fake: FakeStripe, connection_id: str | None) -> list[str]:
    """What the platform registered for a connection, for its own account first; none when either's state was deleted."""
    listed = fake.client().v1.webhook_endpoints.list({"limit": 100}).to_dict()["data"]
    return [one["id"] for one in listed[::-1] if connection_id and one["metadata"].get(MARK) == connection_id]


def _call(cloud: Cloud, api_key: str, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {api_key}", "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{cloud.api_url}{path}", data=data, method=method, headers=headers)
    try:
        with OPENER.open(request, timeout=TIMEOUT_S) as response:
            answer: dict[str, Any] = json.loads(response.read())
    except urllib.error.HTTPError as error:
        raise ConnectError(f"{method} {path}: {error.code} {error.read().decode(errors='replace')[:500]}") from error
    return answer
