"""Row-level security, attacked by SQL under every role that a function can have, in every table there is."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psycopg
import pytest
from psycopg import sql
from psycopg.types.json import Jsonb

from infra.local.paths import DOMAIN
from infra.local.postgres import Postgres
from oppulence.kernel.ids import new_id
from oppulence.kernel.migrate import contexts
from tests.isolation.tenants import Tenant

CONTEXTS = contexts(DOMAIN / "oppulence")
SHARED = {"ledger.accounts": "the chart of accounts is the same for every workspace, and only migrations write it"}
"""Tables without row-level security, and why."""

KERNEL = ("outbox", "inbox", "attempts", "idempotency")
TAKE_A_WORKSPACE = {
    "tenancy.authenticate_user": "answers only whether this person is a member there; runs before a workspace is set",
    "tenancy.wrapped_keys": "keys that only KMS opens, and only for that workspace; needed where no transaction is open",
    "metering.known_batches": "lands what came of all workspaces; answers only which of the caller's own ids are known",
    "metering.register_batches": "lands what came of all workspaces; only adds batches, of workspaces that stand",
    "metering.reckoned": "settles a shard of workspaces; only raises to which revision a batch is reckoned",
    "metering.mark_counted": "lands what came of all workspaces; only says of a meter that it is used",
    "ledger.assert_complete": "runs with its caller's rights, under the caller's policy",
    "sync.store_raw": "runs with its caller's rights, under the caller's policy",
    "sync.lock_objects": "runs with its caller's rights, under the caller's policy",
    "sync.siblings": "runs with its caller's rights, under the caller's policy",
    "sync.save_objects": "runs with its caller's rights, under the caller's policy",
}
"""Functions that take a workspace's id, and why that is no way around the policy."""


@contextmanager
def under(admin: psycopg.Connection, role: str, workspace_id: str | None) -> Iterator[psycopg.Connection]:
    """A transaction as a role, working for a workspace; nothing of it stays."""
    with admin.transaction(force_rollback=True):
        admin.execute(sql.SQL("SET LOCAL SESSION AUTHORIZATION {}").format(sql.Identifier(role)))
        if workspace_id is not None:
            admin.execute("SELECT set_config('app.workspace_id', %s, true)", (workspace_id,))
        yield admin


def relations(admin: psycopg.Connection, role: str, privilege: str = "SELECT") -> list[str]:
    """Tables and views that a role may use so."""
    rows = admin.execute(
        "SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname !~ '^(pg_|information_schema)' AND c.relname !~ '^pg_stat'"
        " AND has_schema_privilege(%(role)s, n.oid, 'USAGE') AND has_table_privilege(%(role)s, c.oid, %(privilege)s) ORDER BY 1",
        {"role": role, "privilege": privilege},
    ).fetchall()
    return [str(name) for (name,) in rows if name not in SHARED]


def count(conn: psycopg.Connection, relation: str) -> int:
    row = conn.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(*relation.split(".")))).fetchone()
    assert row is not None
    return int(row[0])


def column_of(relation: str) -> sql.Identifier:
    """The column that names a row's workspace."""
    return sql.Identifier("id" if relation == "tenancy.workspaces" else "workspace_id")


@pytest.mark.parametrize("role", [*CONTEXTS, *(f"{name}_owner" for name in CONTEXTS)])
@pytest.mark.parametrize("workspace", ["another", "none", "unset"])
def test_a_role_sees_no_row_of_another_workspace(admin: psycopg.Connection, victim: Tenant, role: str, workspace: str) -> None:
    chosen = {"another": new_id("ws"), "none": "", "unset": None}[workspace]
    names = relations(admin, role)
    with under(admin, role, chosen) as conn:
        assert {name: count(conn, name) for name in names} == dict.fromkeys(names, 0)


@pytest.mark.parametrize("role", CONTEXTS)
def test_the_role_does_see_its_own_rows(admin: psycopg.Connection, victim: Tenant, role: str) -> None:
    """Else the test above would prove nothing."""
    own = [name for name in relations(admin, role) if name.startswith(f"{role}.") and name.partition(".")[2] not in KERNEL]
    with under(admin, role, victim.workspace_id) as conn:
        filled = [name for name in own if count(conn, name)]
    assert filled or not own, f"workspace A has no rows in any of {own}: add some to tenants.build"


@pytest.mark.parametrize("role", CONTEXTS)
def test_a_row_cannot_be_given_to_another_workspace(admin: psycopg.Connection, victim: Tenant, role: str) -> None:
    with under(admin, role, victim.workspace_id) as conn:
        for name in set(relations(admin, role, "UPDATE")) & set(relations(admin, role)):
            give = sql.SQL("UPDATE {} SET {} = %s").format(sql.Identifier(*name.split(".")), column_of(name))
            if count(conn, name):
                with pytest.raises(psycopg.errors.InsufficientPrivilege), conn.transaction():
                    conn.execute(give, (new_id("ws"),))


@pytest.mark.parametrize("role", CONTEXTS)
def test_a_row_cannot_be_planted_in_another_workspace(admin: psycopg.Connection, victim: Tenant, role: str) -> None:
    for name in set(relations(admin, role, "INSERT")) & set(relations(admin, role)):
        table = sql.Identifier(*name.split("."))
        query = sql.SQL("SELECT to_jsonb(t) FROM {} t WHERE {} = %s LIMIT 1").format(table, column_of(name))
        row = admin.execute(query, (victim.workspace_id,)).fetchone()
        if row is None:
            continue
        insert = sql.SQL("INSERT INTO {0} OVERRIDING SYSTEM VALUE SELECT (jsonb_populate_record(NULL::{0}, %s)).*").format(table)
        with pytest.raises(psycopg.errors.InsufficientPrivilege), under(admin, role, new_id("ws")) as conn:
            conn.execute(insert, (Jsonb(row[0]),))


@pytest.mark.parametrize("role", CONTEXTS)
def test_rows_of_another_workspace_are_neither_changed_nor_deleted(admin: psycopg.Connection, victim: Tenant, role: str) -> None:
    refusals = (psycopg.errors.RestrictViolation, psycopg.errors.InsufficientPrivilege)  # of tables that only grow
    with under(admin, role, new_id("ws")) as conn:
        for name in relations(admin, role, "UPDATE"):
            change = sql.SQL("UPDATE {0} SET {1} = {1}").format(sql.Identifier(*name.split(".")), column_of(name))
            with suppress(*refusals), conn.transaction():
                assert conn.execute(change).rowcount == 0, name
        for name in relations(admin, role, "DELETE"):
            with suppress(*refusals), conn.transaction():
                assert conn.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(*name.split(".")))).rowcount == 0, name


@pytest.mark.parametrize("role", CONTEXTS)
def test_functions_do_log_in_as_that_role_and_can_become_no_other(postgres: Postgres, victim: Tenant, role: str) -> None:
    with psycopg.connect(
        host=postgres.host, port=postgres.port, dbname="oppulence", user=role, passfile=str(postgres.passfile), autocommit=True
    ) as conn:
        for other in (f"{role}_owner", f"{role}_sweep", "postgres", *(name for name in CONTEXTS if name != role)):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                conn.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(other)))
        own = [name for name in relations(conn, role) if name.startswith(f"{role}.")]
        assert own and {count(conn, name) for name in own} == {0}


def test_every_table_is_under_forced_row_level_security(admin: psycopg.Connection, victim: Tenant) -> None:
    rows = admin.execute(
        "SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE c.relkind IN ('r', 'p') AND n.nspname = ANY (%s) AND NOT (c.relrowsecurity AND c.relforcerowsecurity)",
        ([*CONTEXTS, *(f"{name}_api" for name in CONTEXTS)],),
    ).fetchall()
    assert {name for (name,) in rows} == set(SHARED)


def test_no_policy_but_the_sweep_roles_shows_more_than_one_workspace(admin: psycopg.Connection, victim: Tenant) -> None:
    rows = admin.execute(
        "SELECT schemaname, roles::text[], qual FROM pg_policies WHERE qual !~ 'app.workspace_id' AND qual !~ 'memberships'"
    ).fetchall()
    assert rows and all(roles == [f"{schema}_sweep"] for schema, roles, _ in rows)


def test_no_role_stands_above_the_policies(admin: psycopg.Connection, victim: Tenant) -> None:
    names = ["contexts", *(f"{name}{suffix}" for name in CONTEXTS for suffix in ("", "_owner", "_sweep"))]
    rows = admin.execute(
        "SELECT rolname, rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication, rolcanlogin"
        " FROM pg_roles WHERE rolname = ANY (%s)",
        (names,),
    ).fetchall()
    assert {name for name, _, _ in rows} == set(names)
    assert [name for name, above, _ in rows if above] == []
    assert {name for name, _, login in rows if login} == set(CONTEXTS)


def test_functions_with_more_rights_than_their_caller_are_narrow(admin: psycopg.Connection, victim: Tenant) -> None:
    """Owned by the sweep role, or by the owner, whom the policies bind; with a fixed search path, and closed to the public."""
    rows = admin.execute(
        "SELECT p.oid::regprocedure::text, n.nspname, r.rolname, coalesce(p.proconfig, '{}'),"
        "       has_function_privilege('public', p.oid, 'EXECUTE')"
        "  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_roles r ON r.oid = p.proowner"
        " WHERE p.prosecdef AND n.nspname !~ '^(pg_|information_schema)'"
    ).fetchall()
    assert len(rows) > len(CONTEXTS)
    for name, schema, owner, settings, public in rows:
        assert owner in (f"{schema}_sweep", f"{schema}_owner"), name
        assert "search_path=pg_catalog" in settings, name
        assert not public, name


def test_functions_that_take_a_workspace_are_known_with_their_reason(admin: psycopg.Connection, victim: Tenant) -> None:
    rows = admin.execute(
        "SELECT DISTINCT n.nspname || '.' || p.proname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace"
        "  CROSS JOIN LATERAL unnest(p.proargnames, p.proargmodes) AS a(name, mode)"
        " WHERE n.nspname = ANY (%s) AND coalesce(a.mode, 'i') IN ('i', 'b') AND a.name ~ 'workspace|wanted|tenant'",
        (CONTEXTS,),
    ).fetchall()
    assert {name for (name,) in rows} == set(TAKE_A_WORKSPACE)


def test_nobody_else_may_create_or_look_into_schemas(admin: psycopg.Connection, victim: Tenant) -> None:
    rows = admin.execute(
        "SELECT n.nspname, r.rolname FROM pg_namespace n, pg_roles r"
        " WHERE n.nspname = ANY (%(names)s) AND r.rolname = ANY (%(roles)s) AND has_schema_privilege(r.oid, n.oid, 'CREATE')",
        {"names": [*CONTEXTS, *(f"{name}_api" for name in CONTEXTS), "public"], "roles": CONTEXTS},
    ).fetchall()
    assert rows == []
