"""Stripe's published object schemas (OpenAPI 3.0): what may be expanded, and whether an answer is of the published shape."""

import gzip
import json
from collections.abc import Iterable
from functools import cache, lru_cache
from typing import Any

import jsonschema
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT7

from infra.local.paths import REPO

FILE = REPO / "tests" / "fixtures" / "stripe" / "schemas.json.gz"
Obj = dict[str, Any]
_RIGHT: set[int] = set()
_DROPPED = ("nullable", "maxLength", "pattern")


@cache
def document() -> Obj:
    found: Obj = json.loads(gzip.decompress(FILE.read_bytes()))
    return found


def event_types() -> frozenset[str]:
    return frozenset(document()["event_types"])


def field(kind: str, name: str) -> Obj | None:
    """The schema of a type's field; None when it has no such field."""
    schema = document()["schemas"].get(kind, {})
    found: Obj | None = schema.get("properties", {}).get(name)
    return found


@lru_cache(4096)
def targets(kind: str, name: str) -> tuple[str, ...]:
    """The types that a field's id can stand for; none when it cannot be expanded."""
    schema = field(kind, name) or {}
    choices = schema.get("anyOf") or schema.get("items", {}).get("anyOf") or []
    if not any(choice.get("type") == "string" for choice in choices):
        return ()
    return tuple(_types(choice["$ref"] for choice in choices if "$ref" in choice))


def is_sublist(kind: str, name: str) -> bool:
    """Whether a field is a list of objects, such as an invoice's payments."""
    schema = field(kind, name) or {}
    return "has_more" in schema.get("properties", {})


def nested(kind: str, name: str) -> str | None:
    """The schema of a hash inside a type, through which a path may lead on."""
    schema = field(kind, name) or {}
    refs = [schema["$ref"]] if "$ref" in schema else [c["$ref"] for c in schema.get("anyOf", []) if "$ref" in c]
    items = schema.get("items", {})
    refs = refs or ([items["$ref"]] if "$ref" in items else [])
    return refs[0].rpartition("/")[2] if refs else None


def _types(refs: Iterable[str]) -> Iterable[str]:
    for ref in refs:
        name = ref.rpartition("/")[2]
        schema = document()["schemas"][name]
        if "anyOf" in schema and "properties" not in schema:
            yield from _types(choice["$ref"] for choice in schema["anyOf"] if "$ref" in choice)
        else:
            yield name


def errors(body: Any) -> list[str]:
    """What in an answer is not as published; lists are looked at object by object."""
    kind = body.get("object") if isinstance(body, dict) else None
    if isinstance(body, dict) and "error" in body:
        return _errors(body, "error")
    if kind in ("list", "search_result"):
        wrong = [text for one in body["data"] for text in _errors_once(one)]
        needed = ("data", "has_more", "url")
        return wrong + [f"{kind}: {name} is missing" for name in needed if name not in body]
    if isinstance(body, dict) and "next_page_url" in body:
        return [text for one in body["data"] for text in _errors_once(one)]
    if kind is None:
        return ["an answer without `object`"]
    if kind.startswith("v2.") and body.keys() == {"id", "object"}:
        return _errors(body, "v2.deleted_object")
    found = _errors(body, f"deleted_{kind}" if body.get("deleted") else kind)
    if kind == "event":
        found += [] if body["type"] in event_types() else [f"event: unknown type {body['type']}"]
        inner = body["data"]["object"]
        found += _errors(inner, inner["object"]) if inner["object"] in document()["schemas"] else []
    return found


def _errors_once(body: Obj) -> list[str]:
    """As `errors`; an object that was found right is not looked at again, as lists show the same ones often."""
    seen = hash(json.dumps(body, sort_keys=True))
    found = [] if seen in _RIGHT else errors(body)
    if not found:
        _RIGHT.add(seen)
    return found


def _errors(body: Obj, name: str) -> list[str]:
    if name not in document()["schemas"]:
        return [f"{name} is not a published schema"]
    found = []
    for error in _validator(name).iter_errors(body):
        while error.context:
            error = max(error.context, key=lambda one: len(one.absolute_path))
        found.append(f"{name}: {'.'.join(map(str, error.absolute_path))}: {error.message[:200]}")
    return found


@cache
def _validator(name: str) -> Any:
    return jsonschema.Draft7Validator({"$ref": f"urn:stripe#/components/schemas/{name}"}, registry=_registry())


@cache
def _registry() -> Any:
    schemas = {name: _draft7(schema) for name, schema in document()["schemas"].items()}
    resource: Any = Resource.from_contents({"components": {"schemas": schemas}}, default_specification=DRAFT7)
    return Registry().with_resource("urn:stripe", resource)


def _draft7(schema: Any) -> Any:
    """OpenAPI's `nullable` as JSON Schema says it; lengths are not checked."""
    if isinstance(schema, list):
        return [_draft7(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return {"$ref": schema["$ref"]}
    made: Obj = {}
    for key, value in schema.items():
        if key == "properties":
            made[key] = {name: _draft7(one) for name, one in value.items()}
        elif key in ("enum", "required"):
            made[key] = list(value)
        elif key not in _DROPPED and not key.startswith("x-"):
            made[key] = _draft7(value)
    if not schema.get("nullable"):
        return made
    if isinstance(made.get("type"), str):
        made["type"] = [made["type"], "null"]
    if "enum" in made:
        made["enum"].append(None)
    if "anyOf" in made:
        made["anyOf"].append({"type": "null"})
    return made
