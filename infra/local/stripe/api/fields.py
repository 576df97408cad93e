"""What many routes do alike: metadata merged, plain fields set, an empty text meaning none."""

from typing import Any

from infra.local.stripe.unit import Obj

Params = dict[str, Any]


def merged(before: Obj | None, given: Any) -> Obj:
    """Metadata as Stripe merges it: an empty value takes a key away, an empty text all of them."""
    if given == "" or given is None:
        return {}
    made = (before or {}) | given
    return {key: value for key, value in made.items() if value != ""}


def plain(params: Params, names: str) -> Params:
    """The given ones of these fields; an empty text is null."""
    return {name: None if params[name] == "" else params[name] for name in names.split() if name in params}


def with_metadata(obj: Obj, params: Params, names: str) -> Params:
    """Plain fields and metadata, as an update sets them."""
    told = plain(params, names)
    return told | {"metadata": merged(obj["metadata"], params["metadata"])} if "metadata" in params else told


ADDRESS = ("city", "country", "line1", "line2", "postal_code", "state")


def address(given: Any) -> Obj | None:
    """An address with all its fields."""
    if not given:
        return None
    return {name: given.get(name) or None for name in ADDRESS}
