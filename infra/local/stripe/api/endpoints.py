"""Webhook endpoints; the signing secret is shown once, at creation."""

from urllib.parse import urlsplit

from infra.local.stripe import ids
from infra.local.stripe.api.fields import Params, merged, with_metadata
from infra.local.stripe.blanks import blank
from infra.local.stripe.errors import invalid
from infra.local.stripe.routing import route
from infra.local.stripe.schemas import event_types
from infra.local.stripe.unit import API_VERSION, Obj, Unit

MOST = 16


@route("POST", "/v1/webhook_endpoints", "WebhookEndpointCreateParams",
       takes="url enabled_events description metadata connect api_version", needs="webhook")  # fmt: skip
def create(unit: Unit, params: Params) -> Obj:
    _check(params)
    if len(unit.find("webhook_endpoint")) >= MOST:
        raise invalid(f"You have reached the maximum of {MOST} test webhook endpoints.")
    if params.get("api_version", API_VERSION) != API_VERSION:
        raise invalid(f"The local Stripe speaks {API_VERSION} only.", "api_version", "not_simulated")
    made = blank(
        "webhook_endpoint", id=ids.new("we"), created=unit.now, enabled_events=params["enabled_events"], url=params["url"]
    )
    made |= {"api_version": params.get("api_version"), "description": params.get("description") or None}
    made["metadata"] = merged({}, params.get("metadata") or {})
    secret = ids.webhook_secret()
    hidden = {"object": "_endpoint", "id": made["id"], "connect": params.get("connect", False)}
    unit.add(hidden | {"secrets": [{"secret": secret, "until": None}]})
    unit.add(made)
    return made | {"secret": secret}


@route("POST", "/v1/webhook_endpoints/{id}", "WebhookEndpointUpdateParams",
       takes="url enabled_events description metadata disabled", needs="webhook")  # fmt: skip
def update(unit: Unit, params: Params, id: str) -> Obj:
    endpoint = unit.need("webhook_endpoint", id)
    _check(params)
    told = with_metadata(endpoint, params, "url enabled_events description")
    if "disabled" in params:
        told["status"] = "disabled" if params["disabled"] else "enabled"
    return unit.change(endpoint, **told)


@route("DELETE", "/v1/webhook_endpoints/{id}", needs="webhook")
def delete(unit: Unit, params: Params, id: str) -> Obj:
    unit.remove(unit.need("webhook_endpoint", id))
    unit.remove(unit.need("_endpoint", id))
    return {"id": id, "object": "webhook_endpoint", "deleted": True}


def roll_secret(unit: Unit, id: str, expires_in_s: int) -> str:
    """A new secret; the old one signs as well until it expires. Stripe offers this in its dashboard only."""
    hidden = unit.need("_endpoint", id)
    secret = ids.webhook_secret()
    old = [one | {"until": unit.now + expires_in_s} for one in hidden["secrets"] if one["until"] is None and expires_in_s > 0]
    unit.change(hidden, secrets=[{"secret": secret, "until": None}, *old])
    return secret


def _check(params: Params) -> None:
    check_url(params.get("url", "https://example.com"))
    events = params.get("enabled_events")
    if events is None:
        return
    unknown = [one for one in events if one != "*" and one not in event_types()]
    if unknown or not events:
        raise invalid(
            f"Invalid enabled_events[0]: must be one of the event types of the API, not {unknown[:1]}", "enabled_events[0]"
        )


def check_url(url: str) -> None:
    """Raises:
    StripeError: no address that webhooks could go to.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise invalid("Invalid URL: URL must be publicly accessible and start with http:// or https://.", "url", "url_invalid")
