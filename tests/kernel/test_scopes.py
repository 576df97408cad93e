"""Scopes of keys, permissions of roles, and the order in which a request is looked at."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oppulence.kernel import scopes
from oppulence.kernel.capabilities import Postgres
from oppulence.kernel.http import Model, route
from oppulence.kernel.scopes import ADMIN, ROLE_SCOPES, SCOPES, Role, allows
from oppulence.kernel.uow import UnitOfWork
from tests.kernel.support import CONTEXT, call, key_of
from tests.support.world import World

USES = (Postgres(CONTEXT),)
NAMES = st.sampled_from(sorted(SCOPES))


class Answered(Model):
    ok: bool = True


class Body(Model):
    name: str


@route("POST", "/v1/test/scoped", scope="ledger:read", uses=USES)
def scoped(uow: UnitOfWork, body: Body) -> Answered:
    return Answered()


@route("GET", "/v1/test/person", access="user", uses=USES)
def person(uow: UnitOfWork) -> Answered:
    return Answered()


@given(st.sets(NAMES), NAMES)
def test_a_scope_is_allowed_by_its_name_or_by_full_access(granted: set[str], wanted: str) -> None:
    assert allows(granted, wanted) == (wanted in granted or ADMIN in granted)


def test_no_role_is_given_what_does_not_exist() -> None:
    assert set(ROLE_SCOPES) == set(Role)
    assert scopes.unknown(name for granted in ROLE_SCOPES.values() for name in granted) == []


def test_roles_grow_from_viewer_to_owner_and_viewers_change_nothing() -> None:
    assert ROLE_SCOPES[Role.VIEWER] < ROLE_SCOPES[Role.MEMBER]
    assert not [name for name in ROLE_SCOPES[Role.VIEWER] if not name.endswith(":read")]
    assert not [name for name in ROLE_SCOPES[Role.MEMBER] if name.startswith(("settings:", "api_keys:", "connections:write"))]
    assert all(allows(ROLE_SCOPES[role], name) for role in (Role.OWNER, Role.ADMIN) for name in SCOPES)


def test_the_missing_scope_is_named(world: World) -> None:
    answer = call(scoped, key_of(world, "sync:read"), {"name": "x"})
    assert (answer.status, answer.error.code) == (403, "insufficient_permissions")
    assert answer.body["error"]["required_scope"] == "ledger:read"


@pytest.mark.parametrize("raw", [b"{", b"{}", b'{"name": "x"}'])
def test_who_may_not_learns_nothing_of_the_body(world: World, raw: bytes) -> None:
    assert call(scoped, None, raw=raw).status == 401
    assert call(scoped, key_of(world, "sync:read"), raw=raw).status == 403


def test_a_key_is_no_person(world: World) -> None:
    assert call(person, key_of(world)).status == 403


def test_a_workspace_in_deletion_is_closed(world: World) -> None:
    key = key_of(world)
    world.admin.execute(
        "UPDATE tenancy.workspaces SET status = 'deleting', deletion_due_at = now() WHERE id = %s", (world.workspace_id,)
    )
    answer = call(scoped, key, {"name": "x"})
    assert (answer.status, answer.error.code) == (403, "workspace_deleted")
