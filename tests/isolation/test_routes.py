"""Every route, attacked as another workspace. Routes are discovered: a new one is attacked without being named here."""

import json
from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytest

from oppulence.kernel.declarations import Route
from oppulence.kernel.ids import random_text
from oppulence.kernel.scopes import ADMIN, SCOPES
from tests.bad_input.bodies import fitting
from tests.isolation import tenants
from tests.isolation.tenants import Tenant
from tests.support.api import Answer, Api, names_of, rows_of
from tests.support.entries import routes
from tests.support.world import World

ROUTES = [declared for _, declared, _ in routes()]
GUARDED = [declared for declared in ROUTES if declared.access != "public"]
WORDS_A_ROUTE = 6
PATHS_A_ROUTE = 4


def name_of(declared: Route) -> str:
    return f"{declared.method} {declared.path}"


def words(victim: Tenant) -> list[str]:
    """Ids and other texts of the victim, a few of every field."""
    return list(dict.fromkeys([victim.workspace_id, *(one for kept in victim.seen.named.values() for one in kept[:2])]))


def bodies(victim: Tenant, declared: Route) -> Iterator[dict[str, Any] | None]:
    """Bodies that the route takes, with the victim's own values wherever its model lets them pass."""
    if declared.takes is not None:
        sample = next(iter(declared.takes().values()))["example"]
        yield sample
        yield from ({**sample, name: word} for name in sample for word in words(victim)[:WORDS_A_ROUTE])
        return
    if declared.body is None:
        yield None
        return
    good = fitting(declared.body)
    yield good
    for name, value in good.items():
        for word in words(victim)[:WORDS_A_ROUTE] if isinstance(value, str) else []:
            try:
                yield fitting(declared.body, {name: word})
            except ValueError:
                continue  # the route would refuse it unread


def queries(victim: Tenant, declared: Route) -> Iterator[dict[str, str]]:
    """Filters that name the victim's things, field by field, and the victim's cursors."""
    yield (needed := tenants.needed(declared))
    if declared.query is None:
        return
    for name in names_of(declared.query):
        known = victim.seen.values("next_cursor") if name == "cursor" else victim.seen.values(name, f"{name}_id", "id")
        for word in known[:WORDS_A_ROUTE]:
            yield needed | {name: word}


def attack(victim: Tenant, caller: Api, declared: Route) -> Iterator[tuple[Answer, str]]:
    """Answers to the route called with the victim's ids, and what was sent for each."""
    known = victim.shown.get(declared.path) or tenants.paths(victim, declared)
    targets = known[:PATHS_A_ROUTE] or [declared.path.replace("{", "").replace("}", "")]
    once = caller.with_headers(Idempotency_Key=random_text(20)) if declared.idempotent else caller
    for place, path in enumerate(targets):
        for body in islice(bodies(victim, declared), 1 if place else None):  # the first path takes all, the others one
            raw = b"" if body is None else json.dumps(body).encode()
            yield once.send(declared.method, path, raw), f"{path} {raw.decode()}"
        for query in islice(queries(victim, declared), 1 if place else None):
            if declared.method == "GET":
                yield once.send("GET", path, query=query), f"{path} {json.dumps(query)}"


@pytest.mark.parametrize("declared", ROUTES, ids=name_of)
@pytest.mark.usefixtures("untouched")
def test_another_workspaces_owner_sees_and_changes_nothing(declared: Route, victim: Tenant, attacker: Tenant) -> None:
    names_an_id = "_id}" in declared.path or declared.path.endswith("/{id}")
    for answer, sent in attack(victim, attacker.caller, declared):
        assert answer.status < 500 or declared.access == "public", (sent, answer.body)
        assert tenants.foreign(victim, answer, sent) == [], sent
        if names_an_id and declared.access != "public":
            assert answer.status in (400, 403, 404), (sent, answer.status, answer.body)


@pytest.mark.parametrize("declared", GUARDED, ids=name_of)
def test_the_sweep_reaches_the_route(declared: Route, victim: Tenant) -> None:
    """The victim's own ids fill the path, and its own GET is answered: else the attack above would prove nothing."""
    assert tenants.paths(victim, declared), f"nothing in workspace A fills {declared.path}: add it to tenants.build"
    if declared.method == "GET":
        assert victim.shown.get(declared.path), f"A's own GET {declared.path} was never answered"
        rows = rows_of(victim.caller.get(victim.shown[declared.path][0], **tenants.needed(declared)))
        assert victim.lists.get(declared.path) or rows is None, f"A has no rows in {declared.path}"


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize("declared", GUARDED, ids=name_of)
def test_without_credentials_it_is_401_and_without_the_scope_403(declared: Route, victim: Tenant, world: World) -> None:
    path = tenants.paths(victim, declared)[0]
    body = json.dumps(fitting(declared.body)).encode() if declared.body else b""
    nobody = Api(world).send(declared.method, path, body)
    assert (nobody.status, nobody.error.type) == (401, "authentication_error")
    stranger = Api(world).with_headers(Authorization=f"Bearer op_test_{random_text(32)}").send(declared.method, path, body)
    assert (stranger.status, stranger.error.type) == (401, "authentication_error")
    others = sorted(set(SCOPES) - {declared.scope, ADMIN})
    lacking = Api(world).as_key(others, victim.workspace_id).send(declared.method, path, body)
    assert (lacking.status, lacking.error.type) == (403, "authorization_error")
    world.admin.execute("DELETE FROM tenancy.api_keys WHERE workspace_id = %s AND scopes = %s", (victim.workspace_id, others))


@pytest.mark.parametrize("declared", GUARDED, ids=name_of)
def test_the_victims_workspace_cannot_be_named(declared: Route, victim: Tenant, attacker: Tenant, world: World) -> None:
    """X-Workspace-Id with somebody else's workspace opens nothing, neither for a person nor for a key."""
    path = tenants.paths(victim, declared)[0]
    body = json.dumps(fitting(declared.body)).encode() if declared.body else b""
    for caller in (attacker.caller, Api(world).as_key(workspace_id=attacker.workspace_id)):
        answer = caller.with_headers(X_Workspace_Id=victim.workspace_id).send(declared.method, path, body)
        assert answer.status == 403, (path, answer.body)


def test_an_idempotency_key_of_another_workspace_replays_nothing(victim: Tenant, attacker: Tenant) -> None:
    key, body = random_text(20), {"name": "Key", "scopes": ["sync:read"]}
    first = victim.caller.post("/v1/api_keys", body, Idempotency_Key=key)
    second = attacker.caller.post("/v1/api_keys", body, Idempotency_Key=key)
    assert (first.status, second.status) == (201, 201)
    assert "Idempotent-Replayed" not in second.headers
    assert first.body["id"] != second.body["id"]


def test_no_route_is_open_by_accident() -> None:
    """What anybody may call, with the reason."""
    reasons = {
        "GET /healthz": "says only that it runs",
        "GET /readyz": "says which stores are reachable",
        "GET /docs": "documentation",
        "GET /docs/assets/{name}": "documentation",
        "GET /v1/openapi.json": "documentation",
        "POST /v1/webhooks/stripe": "signed by the provider",
        "POST /v1/webhooks/stripe/{connection_id}": "signed by the provider",
    }
    assert {name_of(one) for one in ROUTES if one.access == "public"} == set(reasons)
    assert all(one.scope in SCOPES for one in ROUTES if one.access == "scope")
