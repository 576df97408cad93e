"""`expand[]`: ids replaced by their objects along a path, and lists that are only sent when asked for."""

import copy
from collections.abc import Callable

from infra.local.stripe import schemas
from infra.local.stripe.blanks import list_of
from infra.local.stripe.errors import StripeError, invalid
from infra.local.stripe.unit import Obj, Unit

DEEPEST = 4


def expand(unit: Unit, body: Obj, paths: list[str]) -> Obj:
    """A copy of an answer with these paths expanded; in lists they begin with `data.`.

    Raises:
        StripeError: a path that leads nowhere, or too deep.
    """
    made = copy.deepcopy(body)
    for path in paths:
        steps = path.split(".")
        if len(steps) - (steps[0] == "data") > DEEPEST:
            raise invalid(f"You cannot expand more than {DEEPEST} levels of a property. Property: {path}", "expand")
        if made.get("object") in ("list", "search_result"):
            if steps[0] != "data" or len(steps) < 2:
                hint = f" You may want to try expanding 'data.{path}' instead."
                raise invalid(f"This property cannot be expanded ({path}).{hint}", "expand")
            for one in made["data"]:
                _walk(unit, one, str(one["object"]), steps[1:], path)
        else:
            _walk(unit, made, str(made["object"]), steps, path)
    return made


def _walk(unit: Unit, at: Obj, kind: str, steps: list[str], path: str) -> None:
    """Expand the first step of a path in an object (or in a hash of the schema `kind`), and go on from there."""
    name, rest = steps[0], steps[1:]
    schema = schemas.field(kind, name)
    if schema is None or at.get("deleted"):
        if at.get("deleted"):
            return
        raise _cannot(path)
    if schemas.is_sublist(kind, name) or (kind, name) in INCLUDED:
        _include(unit, at, kind, name)
        listed = at[name]
        for one in listed.get("data", []) if isinstance(listed, dict) and rest[:1] == ["data"] else []:
            if rest[1:]:
                _walk(unit, one, str(one["object"]), rest[1:], path)
        return
    value = at.get(name)
    kinds = schemas.targets(kind, name)
    if kinds:
        at[name] = [_found(unit, kinds, one) for one in value] if isinstance(value, list) else _found(unit, kinds, value)
    elif not rest:
        raise _cannot(path)
    if rest:
        for one in at[name] if isinstance(at.get(name), list) else [at.get(name)]:
            if isinstance(one, dict):
                _walk(unit, one, str(one.get("object") or schemas.nested(kind, name)), rest, path)


def _found(unit: Unit, kinds: tuple[str, ...], value: object) -> object:
    if not isinstance(value, str):
        return value
    for kind in kinds:
        found = unit.get(kind.removeprefix("deleted_"), value)
        if found is not None:
            return copy.deepcopy(found)
    return value


def _include(unit: Unit, at: Obj, kind: str, name: str) -> None:
    if isinstance(at.get(name), dict):
        return
    maker = INCLUDED.get((kind, name))
    at[name] = maker(unit, at) if maker else list_of(f"/v1/{kind}s/{at['id']}/{name}", [])


def _cannot(path: str) -> StripeError:
    return invalid(f"This property cannot be expanded ({path}).", "expand")


def _secret(unit: Unit, inv: Obj) -> Obj | None:
    for payment in unit.find("invoice_payment", invoice=inv["id"]):
        pi = unit.get("payment_intent", payment["payment"].get("payment_intent"))
        if pi:
            return {"client_secret": pi["client_secret"], "type": "payment_intent"}
    return None


def _newest(unit: Unit, kind: str, **wanted: object) -> list[Obj]:
    return [copy.deepcopy(one) for one in reversed(unit.find(kind, **wanted))][:10]


def _subscriptions(unit: Unit, customer: Obj) -> Obj:
    live = [one for one in _newest(unit, "subscription", customer=customer["id"]) if one["status"] != "canceled"]
    return list_of(f"/v1/customers/{customer['id']}/subscriptions", live)


def _line_items(unit: Unit, session: Obj) -> Obj:
    hidden = unit.get("_session", session["id"]) or {"line_items": []}
    return list_of(f"/v1/checkout/sessions/{session['id']}/line_items", copy.deepcopy(hidden["line_items"]))


INCLUDED: dict[tuple[str, str], Callable[[Unit, Obj], Obj | None]] = {
    ("customer", "subscriptions"): _subscriptions,
    ("customer", "tax_ids"): lambda unit, one: list_of(
        f"/v1/customers/{one['id']}/tax_ids", _newest(unit, "tax_id", customer=one["id"])
    ),
    ("customer", "sources"): lambda unit, one: list_of(f"/v1/customers/{one['id']}/sources", []),
    ("invoice", "payments"): lambda unit, one: list_of(
        f"/v1/invoice_payments?invoice={one['id']}", _newest(unit, "invoice_payment", invoice=one["id"])
    ),
    ("invoice", "confirmation_secret"): _secret,
    ("charge", "refunds"): lambda unit, one: list_of(
        f"/v1/charges/{one['id']}/refunds", _newest(unit, "refund", charge=one["id"])
    ),
    ("checkout.session", "line_items"): _line_items,
}
