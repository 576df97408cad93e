"""The development workspace's connection to the local Stripe, made through the platform's own API on the first start."""

import json
import urllib.error
import urllib.request
from typing import Any

from infra.local.running import Cloud, read_dev_json, write_dev_json
from infra.local.stripe.fake import OPENER, FakeStripe

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
    if not _is_registered(fake, kept):
        kept = _connect(cloud, dev["api_key"], fake)
    connection = _call(cloud, dev["api_key"], "GET", f"/v1/connections/{kept['connection_id']}")
    endpoints = fake.client().v1.webhook_endpoints
    endpoints.update(kept["endpoint_id"], {"url": connection["webhook_url"]})
    found = {"webhook_url": connection["webhook_url"], "api_base": fake.url, "api_key": fake.key}
    write_dev_json(cloud.state, stripe=kept | found)


class ConnectError(RuntimeError):
    """The platform refused a call; the message has its answer."""


def _is_registered(fake: FakeStripe, kept: dict[str, Any]) -> bool:
    """Whether the endpoint that is remembered is there: not when this or the local Stripe's state was deleted."""
    return any(one.id == kept.get("endpoint_id") for one in fake.client().v1.webhook_endpoints.list().data)


def _connect(cloud: Cloud, api_key: str, fake: FakeStripe) -> dict[str, Any]:
    endpoints = fake.client().v1.webhook_endpoints
    for old in endpoints.list().data:
        if old.url.startswith(cloud.api_url):
            endpoints.delete(old.id)  # of a workspace that is no more
    endpoint = endpoints.create({"url": cloud.api_url, "enabled_events": ["*"]})
    wanted = {"provider": "stripe", "api_key": fake.key, "webhook_secrets": [endpoint.secret]}
    made = _call(cloud, api_key, "POST", "/v1/connections", wanted)
    return {"connection_id": made["id"], "endpoint_id": endpoint.id, "webhook_secret": endpoint.secret}


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
