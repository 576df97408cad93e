"""API v2's thin events, and the destinations they go to. Snapshot events go to webhook endpoints of API v1."""

from datetime import datetime
from urllib.parse import urlencode

from infra.local.stripe import ids, thin
from infra.local.stripe.api.endpoints import check_url
from infra.local.stripe.api.fields import Params
from infra.local.stripe.api.reading import EVENTS_S
from infra.local.stripe.errors import invalid, no_such, not_simulated
from infra.local.stripe.listing import page
from infra.local.stripe.routing import route
from infra.local.stripe.store import encode
from infra.local.stripe.unit import Obj, Unit

SECRET, URL = "webhook_endpoint.signing_secret", "webhook_endpoint.url"


@route("POST", "/v2/core/event_destinations", "v2.core.EventDestinationCreateParams", needs="webhook",
       takes="name description enabled_events event_payload events_from include metadata type webhook_endpoint")  # fmt: skip
def create(unit: Unit, params: Params) -> Obj:
    if params["type"] != "webhook_endpoint" or params["event_payload"] != "thin":
        raise not_simulated("destinations but webhook endpoints for thin events")
    url = (params.get("webhook_endpoint") or {}).get("url", "")
    check_url(url)
    now = thin.instant(unit.now)
    made: Obj = {
        "id": f"ed_test_61{ids.letters(20)}",
        "object": thin.DESTINATION,
        "created": now,
        "description": params.get("description", ""),
        "enabled_events": params["enabled_events"],
        "event_payload": "thin",
        "events_from": params.get("events_from") or ["@self"],
        "livemode": False,
        "metadata": params.get("metadata") or {},
        "name": params["name"],
        "status": "enabled",
        "type": "webhook_endpoint",
        "updated": now,
    }
    secret = ids.webhook_secret()
    unit.add({"object": "_endpoint", "id": made["id"], "url": url, "secrets": [{"secret": secret, "until": None}]})
    unit.add(made)
    shown = {"signing_secret": secret} if SECRET in params.get("include", []) else {}
    return made | {"webhook_endpoint": shown | _url(unit, made, params)}


def _url(unit: Unit, destination: Obj, params: Params) -> Obj:
    return {"url": unit.need("_endpoint", destination["id"])["url"]} if URL in params.get("include", []) else {}


@route("GET", "/v2/core/event_destinations", "v2.core.EventDestinationListParams", takes="limit include page", needs="webhook")
def listed(unit: Unit, params: Params) -> Obj:
    found = [one | {"webhook_endpoint": _url(unit, one, params)} for one in unit.find(thin.DESTINATION)]
    return {"data": found[::-1], "next_page_url": None, "previous_page_url": None}


@route(
    "GET", "/v2/core/event_destinations/{id}", "v2.core.EventDestinationRetrieveParams", takes="include", needs="webhook"
)  # fmt: skip
def retrieve(unit: Unit, params: Params, id: str) -> Obj:
    found = unit.need(thin.DESTINATION, id)
    return found | {"webhook_endpoint": _url(unit, found, params)}


@route("POST", "/v2/core/event_destinations/{id}/disable", needs="webhook")
def disable(unit: Unit, params: Params, id: str) -> Obj:
    details = {"disabled": {"reason": "user"}}
    return unit.change(unit.need(thin.DESTINATION, id), status="disabled", status_details=details)


@route("POST", "/v2/core/event_destinations/{id}/enable", needs="webhook")
def enable(unit: Unit, params: Params, id: str) -> Obj:
    return unit.change(unit.need(thin.DESTINATION, id), status="enabled", status_details={})


@route("DELETE", "/v2/core/event_destinations/{id}", needs="webhook")
def delete(unit: Unit, params: Params, id: str) -> Obj:
    unit.remove(unit.need(thin.DESTINATION, id))
    unit.remove(unit.need("_endpoint", id))
    return {"id": id, "object": thin.DESTINATION}


@route("GET", "/v2/core/events", "v2.core.EventListParams", takes="object_id types created limit page", needs="event")
def events(unit: Unit, params: Params) -> bytes:
    """The last 30 days, newest first; `page` is the last event of the page before."""
    bounds = {name: _second(text) for name, text in (params.get("created") or {}).items()}
    bounds["gte"] = max(bounds.get("gte", 0), unit.now - EVENTS_S)
    narrowed = {"created": bounds, "limit": params.get("limit", 20), "starting_after": params.get("page")}
    narrowed |= {name: params[name] for name in ("object_id", "types") if name in params}
    found = page(unit.store.shelf(unit.account, thin.EVENT), narrowed, "/v2/core/events")
    following = None
    if found.has_more:
        kept = {name: value for name, value in params.items() if isinstance(value, str | int)}
        kept |= {f"types[{n}]": one for n, one in enumerate(params.get("types") or [])}
        kept |= {f"created[{name}]": text for name, text in (params.get("created") or {}).items()}
        following = f"/v2/core/events?{urlencode(kept | {'page': found.last})}"
    return b'{"data":[' + b",".join(found.rows) + b'],"next_page_url":' + encode(following) + b',"previous_page_url":null}'


@route("GET", "/v2/core/events/{id}", needs="event")
def event(unit: Unit, params: Params, id: str) -> bytes:
    row = unit.store.shelf(unit.account, thin.EVENT).rows.get(id)
    if row is None or row.key[0] < unit.now - EVENTS_S:
        raise no_such("event", id)
    return row.body


def _second(text: str) -> int:
    try:
        return int(datetime.fromisoformat(text).timestamp())
    except ValueError:
        raise invalid(f"Invalid timestamp: {text}", "created") from None
