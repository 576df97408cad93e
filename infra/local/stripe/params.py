"""Parameters checked and read by the SDK's own types: `stripe.params.CustomerCreateParams` says what a route takes.

Unknown names, missing ones, wrong types and values outside an enumeration get Stripe's errors. What Stripe takes and this
server does not simulate is refused by name, so that no test relies on a parameter that does nothing.
"""

import sys
import typing
from collections.abc import Collection
from functools import cache
from typing import Any, Literal, Union, get_args, get_origin

import typing_extensions

import stripe
import stripe.params
import stripe.params.v2.core
from infra.local.stripe.errors import StripeError, invalid, missing_param, not_simulated
from infra.local.stripe.forms import Form, as_list
from stripe._request_options import RequestOptions

ALWAYS = {"expand"}
PAGE = {"limit", "starting_after", "ending_before", "page", "created", "query"}
_OPTIONS = frozenset(RequestOptions.__annotations__)


def read(kind: str | None, form: Form, simulated: Collection[str] = ()) -> dict[str, Any]:
    """The typed parameters of a request; `kind` is the name of the SDK's type, None for a route without parameters.

    Raises:
        StripeError
    """
    known = _fields(_type(kind)) if kind else {}
    required = _required(_type(kind)) if kind else frozenset()
    found: dict[str, Any] = {}
    for name, value in form.items():
        if name not in known and name not in simulated and name not in ALWAYS:
            raise _unknown(name)
        if name not in simulated and name not in ALWAYS:
            raise not_simulated(f"the parameter `{name}` here")
        found[name] = convert(known.get(name, list[str] if name == "expand" else Any), value, name)
    for name in sorted(required - found.keys()):
        raise missing_param(name)
    return found


def convert(kind: Any, value: Any, name: str) -> Any:
    """One value by its type hint; `name` is how messages call it."""
    origin = get_origin(kind)
    if kind is Any:
        return value
    if origin in (Union, getattr(__import__("types"), "UnionType", Union)):
        return _union(get_args(kind), value, name)
    if typing_extensions.is_typeddict(kind):
        return _nested(kind, value, name)
    if origin is list:
        items = as_list(value)
        if items is None:
            raise invalid("Invalid array", name, "parameter_invalid_array")
        return [convert(get_args(kind)[0], item, f"{name}[{index}]") for index, item in enumerate(items)]
    if origin is dict:
        if not isinstance(value, dict):
            raise invalid("Invalid hash", name, "parameter_invalid_hash")
        return {key: convert(get_args(kind)[1], item, f"{name}[{key}]") for key, item in value.items()}
    return _scalar(kind, value, name)


def _union(members: tuple[Any, ...], value: Any, name: str) -> Any:
    choices = [choice for member in members if get_origin(member) is Literal for choice in get_args(member)]
    if value in choices:
        return value
    rest = [member for member in members if get_origin(member) is not Literal and member is not type(None)]
    rest = [member for member in rest if getattr(get_origin(member) or member, "__name__", "") != "UntypedStripeObject"]
    named = [choice for choice in choices if choice != ""]
    if named and rest == [str]:
        raise invalid(f"Invalid {name}: must be one of {_listed(named)}", name)
    nested = [member for member in rest if typing_extensions.is_typeddict(member) or get_origin(member) in (dict, list)]
    plain = [member for member in rest if member not in nested and not (named and member is str)]
    if isinstance(value, dict) and nested:
        return convert(nested[0], value, name)
    if not plain:
        return convert(nested[0], value, name)
    return convert(plain[0], value, name)


def _nested(kind: Any, value: Any, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise invalid("Invalid object", name, "parameter_invalid_empty" if value == "" else None)
    known = _fields(kind)
    for key in value:
        if key not in known:
            raise _unknown(f"{name}[{key}]")
    found = {key: convert(known[key], item, f"{name}[{key}]") for key, item in value.items()}
    for key in sorted(_required(kind) - found.keys()):
        raise missing_param(f"{name}[{key}]")
    return found


def _scalar(kind: Any, value: Any, name: str) -> Any:
    if not isinstance(value, str):
        raise invalid(f"Invalid {'string' if kind is str else kind.__name__}: {value}", name)
    if kind is int:
        try:
            return int(value)
        except ValueError:
            raise invalid(f"Invalid integer: {value}", name, "parameter_invalid_integer") from None
    if kind is bool:
        if value not in ("true", "false"):
            raise invalid(f"Invalid boolean: {value}", name)
        return value == "true"
    if kind is float:
        try:
            return float(value)
        except ValueError:
            raise invalid(f"Invalid decimal: {value}", name) from None
    return value


def _unknown(name: str) -> StripeError:
    return invalid(f"Received unknown parameter: {name}", name, "parameter_unknown")


def _listed(names: list[Any]) -> str:
    head = ", ".join(map(str, names[:-1]))
    return f"{head}{',' if len(names) > 2 else ''}{' or ' if head else ''}{names[-1]}"


@cache
def _type(path: str) -> Any:
    """`checkout.SessionCreateParams` and its kin, by name."""
    found: Any = stripe.params
    for part in path.split("."):
        found = getattr(found, part)
    return found


@cache
def _fields(kind: Any) -> dict[str, Any]:
    names = {**vars(typing), **vars(stripe), **vars(sys.modules[kind.__module__]), "StripeContext": object}
    hints = typing_extensions.get_type_hints(kind, names)
    inherits = RequestOptions in getattr(kind, "__orig_bases__", ()) or hints.keys() >= _OPTIONS
    return {name: hint for name, hint in hints.items() if not (inherits and name in _OPTIONS)}


def _required(kind: Any) -> frozenset[str]:
    found: frozenset[str] = kind.__required_keys__
    return found


def required(kind: str) -> frozenset[str]:
    """What a route cannot do without."""
    return _required(_type(kind))


def filters(kind: str) -> set[str]:
    """What a list route can be narrowed by, besides its page."""
    return set(_fields(_type(kind))) - PAGE - ALWAYS
