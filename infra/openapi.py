"""The OpenAPI 3.1 document, made from the routes' declarations: `python -m infra.openapi [--check|--write]`.

It is committed inside the console's package, so that the function that serves it has it in its layer.
"""

import json
import sys
import tomllib
from collections.abc import Iterable, Sequence
from http import HTTPStatus
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args

from pydantic import TypeAdapter
from pydantic.json_schema import JsonSchemaMode

from infra.discovery import REPO, EntryPoint, entry_points
from oppulence.kernel import errors
from oppulence.kernel.declarations import Route
from oppulence.kernel.errors import AppError
from oppulence.kernel.response import Response

Json = dict[str, Any]
DOCUMENT = REPO / "layers" / "domain" / "oppulence" / "console" / "openapi.json"
REF = "#/components/schemas/{model}"

HEADERS: Json = {
    "X-Request-Id": {"description": "Names this request in our logs; the caller's own is kept.", "schema": {"type": "string"}},
    "RateLimit-Limit": {"description": "Requests a minute.", "schema": {"type": "integer"}},
    "RateLimit-Remaining": {"description": "Requests left in this minute.", "schema": {"type": "integer"}},
    "RateLimit-Reset": {"description": "Seconds until the minute is over.", "schema": {"type": "integer"}},
    "Idempotent-Replayed": {"description": "`true` when this is the kept answer of an earlier request.",
                            "schema": {"type": "string"}},
    "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}},
}  # fmt: skip
PARAMETERS: Json = {
    "WorkspaceId": {
        "name": "X-Workspace-Id", "in": "header", "required": False,
        "schema": {"type": "string", "pattern": "^ws_[0-9A-Za-z]{20}$"},
        "description": "Workspace to work in. A key has one already; a person in several workspaces names one.",
    },
    "IdempotencyKey": {
        "name": "Idempotency-Key", "in": "header", "required": False,
        "schema": {"type": "string", "minLength": 1, "maxLength": 255},
        "description": "The same key with the same request has one effect, however often it is sent; the answer is kept.",
    },
}  # fmt: skip
SECURITY: Json = {
    "bearerAuth": {
        "type": "http", "scheme": "bearer",
        "description": "An API key (`op_live_…`, `op_test_…`, `op_sandbox_…`), or the OIDC id token of a member.",
    },
    "userToken": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": "The OIDC id token of a person."},
}  # fmt: skip
ERROR: Json = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["type", "code", "message", "doc_url", "request_id"],
            "properties": {
                "type": {"type": "string", "description": "Kind of error.", "examples": ["validation_error"]},
                "code": {"type": "string", "description": "What programs look at.", "examples": ["invalid_parameter"]},
                "message": {"type": "string", "description": "What happened and what to do, for people."},
                "param": {"type": "string", "description": "The field, parameter or header at fault."},
                "doc_url": {"type": "string"},
                "request_id": {"type": "string"},
            },
        }
    },
}


def document(points: Iterable[EntryPoint]) -> Json:
    """The document of these routes; a drop-in surface has its rival's."""
    routes = [point for point in points if point.kind == "http" and point.route.drop_in is None]
    models, schemas = _models(routes)
    paths: Json = {}
    for point in sorted(routes, key=lambda point: (point.route.path, point.route.method)):
        paths.setdefault(point.route.path, {})[point.route.method.lower()] = _operation(point, models, schemas)
    components = {
        "schemas": _used(paths, {**schemas, "Error": ERROR}), "parameters": PARAMETERS, "headers": HEADERS,
        "securitySchemes": SECURITY,
    }  # fmt: skip
    project = tomllib.loads((REPO / "pyproject.toml").read_text())["project"]
    info = {
        "title": "Oppulence API", "version": project["version"], "summary": project["description"],
        "description": "Amounts are integers in the currency's minor unit. Instants end in `_at` and are UTC. Lists are pages: "
        "pass `next_cursor` as `cursor` for the next one.",
    }  # fmt: skip
    tags = [{"name": context} for context in sorted({point.context for point in routes})]
    return {"openapi": "3.1.0", "info": info, "servers": [{"url": "/"}], "tags": tags, "paths": paths, "components": components}


def _models(routes: Sequence[EntryPoint]) -> tuple[dict[tuple[str, str], Json], Json]:
    """Schema of each route's body, query and answer, and the definitions that they share."""
    wanted: list[tuple[tuple[str, str], JsonSchemaMode, TypeAdapter[Any]]] = []
    for point in routes:
        declared = point.route
        if declared.body is not None:
            wanted.append(((point.name, "body"), "validation", TypeAdapter(declared.body)))
        if declared.query is not None:
            wanted.append(((point.name, "query"), "validation", TypeAdapter(declared.query)))
        if (answer := _model_of(declared.answer)) is not None:
            wanted.append(((point.name, "answer"), "serialization", TypeAdapter(answer)))
    made, definitions = TypeAdapter.json_schemas(wanted, ref_template=REF)
    return {key: schema for (key, _), schema in made.items()}, definitions.get("$defs", {})


def _model_of(answer: Any) -> Any:  # noqa: ANN401
    """What a route answers with as JSON; None: nothing, or what it says itself."""
    parts = get_args(answer) if isinstance(answer, UnionType) else [answer]
    models = [one for one in parts if one not in (None, type(None), Response)]
    return Union[*models] if models else None


def _operation(point: EntryPoint, models: dict[tuple[str, str], Json], schemas: Json) -> Json:
    declared = point.route
    operation: Json = {
        "operationId": point.name, "tags": [point.context], "summary": point.summary, "description": _description(point),
        "security": _security(declared), "parameters": _parameters(point, models, schemas),
    }  # fmt: skip
    if (point.name, "body") in models:
        content = {"application/json": {"schema": models[point.name, "body"]}}
        operation["requestBody"] = {"required": True, "content": content}
    elif declared.takes is not None:
        operation["requestBody"] = {"required": True, "content": declared.takes()}
    elif declared.is_write and declared.wants("request"):
        operation["requestBody"] = {"required": True, "description": "The sender's own bytes.", "content": {"*/*": {}}}
    operation["responses"] = _responses(point, models)
    return operation


def _description(point: EntryPoint) -> str:
    declared = point.route
    parts = [point.description]
    if declared.scope:
        parts.append(f"Needs the scope `{declared.scope}`.")
    if declared.access == "user":
        parts.append("Takes a person's token, not an API key.")
    if declared.personal:
        parts.append("Answers with personal data; each reading is recorded in the audit log.")
    return "\n\n".join(part for part in parts if part)


def _security(declared: Route) -> list[Json]:
    match declared.access:
        case "public":
            return []
        case "user":
            return [{"userToken": []}]
    return [{"bearerAuth": [declared.scope]}]


def _parameters(point: EntryPoint, models: dict[tuple[str, str], Json], schemas: Json) -> list[Json]:
    declared = point.route
    found: list[Json] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in declared.path_parameters
    ]
    query = _resolved(models.get((point.name, "query"), {}), schemas)
    for name, schema in query.get("properties", {}).items():
        schema = {key: value for key, value in schema.items() if key != "title"}
        description = schema.pop("description", None)
        parameter = {"name": name, "in": "query", "required": name in query.get("required", []), "schema": schema}
        found.append(parameter | ({"description": description} if description else {}))
    if declared.access != "public":
        found.append({"$ref": "#/components/parameters/WorkspaceId"})
    if declared.access == "scope" and declared.is_write:
        key = PARAMETERS["IdempotencyKey"]
        found.append(key | {"required": True} if declared.idempotent else {"$ref": "#/components/parameters/IdempotencyKey"})
    return found


def _responses(point: EntryPoint, models: dict[tuple[str, str], Json]) -> Json:
    declared = point.route
    status = 204 if declared.answer in (None, type(None)) else declared.status
    names = ["X-Request-Id"]
    if declared.access != "public":
        names += ["RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"]
        names += ["Idempotent-Replayed"] * (declared.access == "scope" and declared.is_write)
    success: Json = {"description": _phrase(status), "headers": _headers(names)}
    if (point.name, "answer") in models:
        success["content"] = {"application/json": {"schema": models[point.name, "answer"]}}
    by_status: dict[int, list[type[AppError]]] = {}
    for error in dict.fromkeys([*standard_errors(declared), *declared.errors]):
        by_status.setdefault(error.status, []).append(error)
    return {str(status): success} | {str(code): _refusal(code, by_status[code]) for code in sorted(by_status)}


def standard_errors(declared: Route) -> list[type[AppError]]:
    """What the life of a request can refuse before and around the use case."""
    found: list[type[AppError]] = [errors.InternalError, errors.PayloadTooLarge]
    if declared.body is not None:
        found += [errors.InvalidBody, errors.ValidationError, errors.UnsupportedMediaType]
    if declared.query is not None:
        found += [errors.ValidationError]
        found += [errors.InvalidCursor] * ("cursor" in declared.query.model_fields)
    if declared.access != "public":
        found += [errors.AuthenticationError, errors.AuthorizationError, errors.WorkspaceMismatch, errors.RateLimited]
        found += [errors.Unavailable]
    if declared.access == "scope" and declared.is_write:
        found += [errors.IdempotencyKeyReused, errors.IdempotencyInProgress]
    return found


def _refusal(status: int, kinds: Sequence[type[AppError]]) -> Json:
    lines = [f"- `{kind.code}`: {(kind.__doc__ or '').strip().splitlines()[0]}" for kind in kinds]
    names = ["X-Request-Id", *(["Retry-After"] if status in (409, 429, 503) else [])]
    content = {"application/json": {"schema": {"$ref": REF.format(model="Error")}}}
    description = "\n".join([_phrase(status), "", *sorted(set(lines))])
    return {"description": description, "headers": _headers(names), "content": content}


def _phrase(status: int) -> str:
    """The status in words; Python's own words for this one differ between its versions."""
    return "Content Too Large" if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE else HTTPStatus(status).phrase


def _headers(names: Iterable[str]) -> Json:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _resolved(schema: Json, schemas: Json) -> Json:
    reference = schema.get("$ref")
    resolved: Json = schemas[reference.rpartition("/")[2]] if reference else schema
    return resolved


def _used(paths: Json, schemas: Json) -> Json:
    """Those definitions that something refers to."""
    used: set[str] = set()
    todo: list[Any] = [paths]
    while todo:
        node = todo.pop()
        if isinstance(node, dict):
            name = str(node.get("$ref", "")).removeprefix(REF.format(model=""))
            if name in schemas and name not in used:
                used.add(name)
                todo.append(schemas[name])
            todo += node.values()
        elif isinstance(node, list):
            todo += node
    return {name: schemas[name] for name in sorted(used)}


def text(points: Iterable[EntryPoint]) -> str:
    """The document as it is committed."""
    return json.dumps(document(points), indent=1, ensure_ascii=False) + "\n"


def main(arguments: Sequence[str], file: Path = DOCUMENT) -> int:
    """Write the document, or with `--check` say whether the committed one is that."""
    fresh = text(entry_points())
    if "--check" in arguments:
        if file.exists() and file.read_text() == fresh:
            return 0
        sys.stderr.write(f"{file} is not what the declarations say: run `make openapi` and commit it\n")
        return 1
    file.write_text(fresh)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
