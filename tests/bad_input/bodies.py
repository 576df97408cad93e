"""Bodies and queries made from a model's JSON schema: one that fits, and many that do not."""

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

from pydantic import BaseModel

from oppulence.kernel.declarations import Route

Schema = dict[str, Any]
MEANT: dict[str, Any] = {
    "scopes": ["sync:read"], "time_zone": "UTC", "from": "2026-01-01T00:00:00Z", "to": "2026-02-01T00:00:00Z",
}  # fmt: skip
"""What fields mean whose schema only says that they are text."""

WRONG: tuple[Any, ...] = (None, True, 12.5, -1, 10**30, "", "\u0000", "x" * 70_000, [], {}, [[]], {"a": {}}, [None])
"""Values of which each field's type allows but a few."""


class Place(NamedTuple):
    """Where a model takes an instant: the names that lead there, and whether it takes whole numbers in its place."""

    names: tuple[str, ...]
    takes_numbers: bool


def schema_of(model: type[BaseModel]) -> Schema:
    """A model's JSON schema."""
    return model.model_json_schema()


def fitting(model: type[BaseModel], hints: dict[str, Any] | None = None) -> dict[str, Any]:
    """A body that the model takes; `hints` are values to use for fields of these names."""
    whole = schema_of(model)
    body = {name: _value(part, whole) for name, part in whole.get("properties", {}).items()}
    body |= {name: value for name, value in {**MEANT, **(hints or {})}.items() if name in body}
    model.model_validate_json(_text(body))
    return body


def misfitting(declared: Route) -> Iterator[tuple[dict[str, Any], str]]:
    """Bodies that differ from a fitting one in one field that the model refuses, and the name of that field."""
    assert declared.body is not None
    good = fitting(declared.body)
    for name in good:
        for value in WRONG:
            body = {**good, name: value}
            if _refused(declared.body, body):
                yield body, name


def required(model: type[BaseModel]) -> list[str]:
    """Fields that a body must have."""
    return list(schema_of(model).get("required", []))


def instants(model: type[BaseModel]) -> list[Place]:
    """Where a model takes instants."""
    whole = schema_of(model)
    return list(_instants(whole, whole, ()))


def required_values(declared: Route) -> dict[str, str]:
    """Values of the query's fields that must be there."""
    return {name: fitting(declared.query)[name] for name in required(declared.query)} if declared.query else {}


def _refused(model: type[BaseModel], body: dict[str, Any]) -> bool:
    try:
        model.model_validate_json(_text(body))
    except ValueError:
        return True
    return False


def _text(body: dict[str, Any]) -> bytes:
    return json.dumps(body).encode()


def _instants(part: Schema, whole: Schema, names: tuple[str, ...]) -> Iterator[Place]:
    kinds = [_resolved(one, whole) for one in part.get("anyOf", [part])]
    if any(one.get("format") == "date-time" for one in kinds):
        yield Place(names, any(one.get("type") == "integer" for one in kinds))
    for one in kinds:
        for name, inner in one.get("properties", {}).items():
            yield from _instants(inner, whole, (*names, name))


def _resolved(part: Schema, whole: Schema) -> Schema:
    found: Schema = whole["$defs"][part["$ref"].rpartition("/")[2]] if "$ref" in part else part
    return found


def _value(part: Schema, whole: Schema) -> Any:
    part = _resolved(part, whole)
    for one in part.get("anyOf", []):
        if one.get("type") != "null":
            return _value(one, whole)
    if "const" in part:
        return part["const"]
    if "enum" in part:
        return part["enum"][0]
    match part.get("type"):
        case "string":
            return _string(part)
        case "integer" | "number":
            return part.get("minimum", 1)
        case "boolean":
            return True
        case "array":
            return [_value(part["items"], whole)] if part.get("minItems") else []
        case "object":
            return {name: _value(inner, whole) for name, inner in part.get("properties", {}).items()}
    return "anything"


def _string(part: Schema) -> str:
    if part.get("format") == "date-time":
        return "2099-01-01T00:00:00Z"
    if part.get("format") == "date":
        return "2099-01-01"
    if "pattern" in part:
        return _matching(part["pattern"])
    return "text"


@cache
def _matching(pattern: str) -> str:
    """A short text that a pattern matches."""
    found = "".join(_characters(re._parser.parse(pattern)))  # type: ignore[attr-defined] # the parser behind re.compile
    assert re.search(pattern, found), (pattern, found)
    return found


def _characters(parts: Any) -> Iterator[str]:
    for kind, value in parts:
        match str(kind):
            case "LITERAL":
                yield chr(value)
            case "NOT_LITERAL" | "ANY":
                yield "a"
            case "IN":
                yield next((_one_of(item) for item in value if str(item[0]) != "NEGATE"), "a") if not _negated(value) else "a"
            case "MAX_REPEAT" | "MIN_REPEAT":
                yield from list(_characters(value[2])) * value[0]
            case "SUBPATTERN":
                yield from _characters(value[3])
            case "BRANCH":
                yield from _characters(value[1][0])


def _negated(items: Any) -> bool:
    return str(items[0][0]) == "NEGATE"


def _one_of(item: Any) -> str:
    kind, value = item
    if str(kind) == "LITERAL":
        return chr(value)
    return chr(value[0]) if str(kind) == "RANGE" else "7"
