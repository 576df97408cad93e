"""Under the context's own role, one workspace never sees or touches another's rows."""

import psycopg
import pytest

from oppulence.kernel.db import Connection
from tests.support.world import World
from tests.tenancy.people import People

TABLES = ("memberships", "invitations", "api_keys", "data_keys", "feature_flags", "audit_log", "audit_pending", "audit_seals")


def under(world: World, role: str, workspace_id: str | None) -> Connection:
    """The administrator's connection inside a transaction of a role and a workspace."""
    world.admin.execute(f"SET LOCAL ROLE {role}".encode())
    world.admin.execute("SELECT set_config('app.workspace_id', %s, true)", (workspace_id or "",))
    return world.admin


def rows(conn: Connection, table: str) -> int:
    row = conn.execute(f"SELECT count(*) FROM tenancy.{table}".encode()).fetchone()
    return int(str(row[0])) if row else -1


@pytest.fixture
def other(world: World, people: People) -> str:
    """Another workspace, with a row in every table."""
    workspace_id = world.workspace()
    people.member("owner", workspace_id)
    world.api_key(["admin:*"], workspace_id)
    world.within("tenancy", lambda uow: uow.audit("test.done", "thing", "1"), workspace_id=workspace_id)
    world.admin.execute("INSERT INTO tenancy.feature_flags VALUES (%s, 'beta', true, '', now())", (workspace_id,))
    world.admin.execute(
        "INSERT INTO tenancy.invitations VALUES ('inv_' || %s, %s, 'a@example.com', 'viewer', %s::bytea, 'x', now(), now())",
        (workspace_id, workspace_id, workspace_id),
    )
    return workspace_id


@pytest.mark.parametrize("workspace", ["mine", None])
def test_no_row_of_another_workspace_is_seen(world: World, other: str, workspace: str | None) -> None:
    mine = world.workspace_id if workspace else None
    seen = {}
    with world.admin.transaction():
        conn = under(world, "tenancy", mine)
        seen = {table: rows(conn, table) for table in (*TABLES, "users", "workspaces")}
    own = {"data_keys": 1, "workspaces": 1} if mine else {}
    assert seen == dict.fromkeys((*TABLES, "users", "workspaces"), 0) | own


def test_its_own_are(world: World, other: str) -> None:
    with world.admin.transaction():
        conn = under(world, "tenancy", other)
        seen = {table: rows(conn, table) for table in (*TABLES, "users", "workspaces")}
    assert seen == dict.fromkeys((*TABLES, "users", "workspaces"), 1) | {"audit_seals": 0}


@pytest.mark.parametrize("table", ["memberships", "invitations", "api_keys", "data_keys", "feature_flags"])
def test_none_is_changed_or_deleted(world: World, other: str, table: str) -> None:
    with world.admin.transaction():
        conn = under(world, "tenancy", world.workspace_id)
        changed = conn.execute(f"UPDATE tenancy.{table} SET workspace_id = %s WHERE workspace_id = %s".encode(),
                               (world.workspace_id, other))  # fmt: skip
        assert changed.rowcount == 0
        assert conn.execute(f"DELETE FROM tenancy.{table} WHERE workspace_id = %s".encode(), (other,)).rowcount == 0
    assert world.count(f"tenancy.{table}", other) == 1


def test_none_is_planted(world: World, other: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege), world.admin.transaction():
        under(world, "tenancy", world.workspace_id).execute(
            "INSERT INTO tenancy.feature_flags VALUES (%s, 'planted', true, '', now())", (other,)
        )


def test_people_are_written_by_functions_only(world: World) -> None:
    for statement in ("DELETE FROM tenancy.users", "UPDATE tenancy.users SET email = ''"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), world.admin.transaction():
            under(world, "tenancy", world.workspace_id).execute(statement.encode())


@pytest.mark.parametrize("role", ["ledger", "sync"])
def test_other_contexts_reach_no_table(world: World, role: str) -> None:
    for table in (*TABLES, "users", "workspaces"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), world.admin.transaction():
            rows(under(world, role, world.workspace_id), table)


@pytest.mark.parametrize("role", ["ledger", "sync"])
def test_other_contexts_read_their_own_workspace_by_its_view(world: World, other: str, role: str) -> None:
    for workspace_id in (world.workspace_id, other):
        with world.admin.transaction():
            found = under(world, role, workspace_id).execute("SELECT id FROM tenancy_api.workspace").fetchall()
        assert found == [(workspace_id,)]
    with world.admin.transaction():
        assert under(world, role, None).execute("SELECT id FROM tenancy_api.workspace").fetchall() == []


@pytest.mark.parametrize("role", ["ledger", "sync"])
def test_other_contexts_may_not_call_what_is_tenancys(world: World, role: str) -> None:
    calls = ("workspaces_to_erase(now())", "audited_workspaces()", "register_user('a', 'b', 'c', 'd', 'e')",
             "workspace_of_invitation('')", "drop_users_without_membership('{}')")  # fmt: skip
    for call in calls:
        with pytest.raises(psycopg.errors.InsufficientPrivilege), world.admin.transaction():
            under(world, role, world.workspace_id).execute(f"SELECT tenancy.{call}".encode())
