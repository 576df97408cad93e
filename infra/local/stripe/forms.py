"""Form-encoded bodies and queries of Stripe's API: `items[0][price]=…`, `expand[]=…` to nested dicts and lists."""

import json
import re
from typing import Any
from urllib.parse import parse_qsl

from infra.local.stripe.errors import invalid

Form = dict[str, Any]
_KEY = re.compile(r"^([^\[\]]+)((?:\[[^\[\]]*\])*)$")
_PART = re.compile(r"\[([^\[\]]*)\]")
_DEPTH = 12


def decode(text: str) -> Form:
    """Nested dicts of texts; a list stays a dict of its indices until its type is known (see `params`).

    Raises:
        StripeError: a key that is not of the form.
    """
    form: Form = {}
    for key, value in parse_qsl(text, keep_blank_values=True, max_num_fields=10_000):
        found = _KEY.match(key)
        parts = [found[1], *_PART.findall(found[2])] if found else []
        if not parts or len(parts) > _DEPTH:
            raise invalid(f"Invalid parameter name: {key}", key, "parameter_unknown")
        _put(form, parts, value, key)
    return form


def of_json(text: str) -> Form:
    """A JSON body as the form that would have said it.

    Raises:
        StripeError: no JSON object.
    """
    try:
        given = json.loads(text or "{}")
    except ValueError:
        given = None
    if not isinstance(given, dict):
        raise invalid("Invalid JSON: an object is wanted.")
    return {name: _texts(value) for name, value in given.items()}


def _texts(value: Any) -> Any:
    if isinstance(value, list):
        return {str(n): _texts(one) for n, one in enumerate(value)}
    if isinstance(value, dict):
        return {name: _texts(one) for name, one in value.items()}
    return value if isinstance(value, str) else json.dumps(value)


def _put(form: Form, parts: list[str], value: str, key: str) -> None:
    at = form
    for part in parts[:-1]:
        at = at.setdefault(part or str(len(at)), {})
        if not isinstance(at, dict):
            raise invalid(f"Invalid parameter name: {key}", key, "parameter_unknown")
    last = parts[-1]
    at[last or str(len(at))] = value


def as_list(value: Any) -> list[Any] | None:
    """A dict of consecutive indices as a list; None when it is something else."""
    if value == "":
        return []
    if not isinstance(value, dict) or not all(key.isdigit() for key in value):
        return None
    return [value[key] for key in sorted(value, key=int)]
