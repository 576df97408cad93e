"""The log in the database: sealing leaves nothing out, tampering shows, and nobody may change a row."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from infra.local.postgres import Postgres
from oppulence.kernel.uow import Scope
from oppulence.tenancy import audit_log
from oppulence.tenancy.audit_log import Verification
from oppulence.tenancy.store import audit as store
from tests.support.api import Api
from tests.support.world import World

SPANNING = Scope("tenancy", None)


def write(world: World, *resources: str) -> None:
    for resource in resources:
        world.within("tenancy", lambda uow, name=resource: uow.audit("test.done", "thing", name, after={"amount": 1.5}))


def verify(world: World) -> Verification:
    found: Verification = world.within("tenancy", audit_log.verify)
    return found


@contextmanager
def tampering(world: World) -> Iterator[psycopg.Connection]:
    """What somebody with the server's superuser could do: triggers off, then on again."""
    for table in ("audit_log", "audit_seals"):
        world.admin.execute(f"ALTER TABLE tenancy.{table} DISABLE TRIGGER ALL".encode())
    yield world.admin
    for table in ("audit_log", "audit_seals"):
        world.admin.execute(f"ALTER TABLE tenancy.{table} ENABLE TRIGGER ALL".encode())


def test_a_sealed_log_verifies_and_fresh_rows_are_reported_as_unsealed(world: World) -> None:
    write(world, "a", "b")
    audit_log.seal_all(SPANNING)
    write(world, "c")
    found = verify(world)
    assert (found.sealed, found.unsealed, found.broken) == (2, 1, None)
    audit_log.seal_all(SPANNING)
    assert (verify(world).sealed, verify(world).unsealed) == (3, 0)


def test_an_empty_log_verifies(world: World) -> None:
    assert verify(world) == Verification(world.workspace_id, 0, 0, None, None)


def test_a_row_of_a_transaction_that_commits_late_is_sealed_later(world: World, postgres: Postgres) -> None:
    write(world, "first")
    with psycopg.connect(postgres.url) as slow:
        slow.execute("SELECT set_config('app.workspace_id', %s, true)", (world.workspace_id,))
        slow.execute("SELECT tenancy.record_audit('aud_slow', 'system', 'system', 'test.done', 'thing', 'slow', '{}', '', now())")
        write(world, "second")
        assert audit_log.seal_all(SPANNING) >= 2
        slow.commit()
    assert (verify(world).sealed, verify(world).unsealed) == (2, 1)
    audit_log.seal_all(SPANNING)
    found = verify(world)
    assert (found.sealed, found.unsealed, found.broken) == (3, 0, None)


def test_while_one_sealer_is_at_it_another_leaves_the_chain_alone(world: World, postgres: Postgres) -> None:
    write(world, "a")
    with psycopg.connect(postgres.url) as other:
        assert store.lock_chain(other, world.workspace_id)
        assert world.within("tenancy", audit_log.seal) == []
    assert len(world.within("tenancy", audit_log.seal)) == 1


def test_workspaces_have_chains_of_their_own(world: World) -> None:
    other = world.workspace()
    write(world, "a")
    world.within("tenancy", lambda uow: uow.audit("test.done", "thing", "b"), workspace_id=other)
    audit_log.seal_all(SPANNING)
    for found in audit_log.verify_all(SPANNING):
        if found.workspace_id in (world.workspace_id, other):
            assert (found.sealed, found.unsealed, found.broken) == (1, 0, None)


def test_more_rows_than_one_sealing_takes_are_sealed_in_several(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_log, "SEAL_MAX", 2)
    monkeypatch.setattr(audit_log, "_VERIFY_BATCH", 2)
    write(world, *"abcde")
    audit_log.seal_all(SPANNING)
    found = verify(world)
    assert (found.sealed, found.unsealed, found.broken) == (5, 0, None)


@pytest.mark.parametrize(
    "change",
    [
        "action = 'other'",
        'changes = \'{"after": {"amount": 1.50}}\'',
        "actor_id = 'somebody'",
        "occurred_at = occurred_at + interval '1 microsecond'",
        "personal = ''",
    ],
)
def test_a_changed_row_is_named(world: World, change: str) -> None:
    write(world, "a", "b", "c")
    audit_log.seal_all(SPANNING)
    with tampering(world) as admin:
        admin.execute(
            f"UPDATE tenancy.audit_log SET {change} WHERE workspace_id = %s AND resource_id = 'b'".encode(), (world.workspace_id,)
        )
    broken = verify(world).broken
    assert broken is not None and (broken.seq, broken.reason) == (2, "the entry or its link was changed")


def test_a_removed_row_is_named(world: World) -> None:
    write(world, "a", "b", "c")
    audit_log.seal_all(SPANNING)
    with tampering(world) as admin:
        admin.execute("DELETE FROM tenancy.audit_log WHERE workspace_id = %s AND resource_id = 'b'", (world.workspace_id,))
    broken = verify(world).broken
    assert broken is not None and (broken.seq, broken.reason) == (2, "the entry is missing")


def test_a_removed_link_is_named(world: World) -> None:
    write(world, "a", "b", "c")
    audit_log.seal_all(SPANNING)
    with tampering(world) as admin:
        admin.execute("DELETE FROM tenancy.audit_seals WHERE workspace_id = %s AND seq = 2", (world.workspace_id,))
    broken = verify(world).broken
    assert broken is not None and (broken.seq, broken.reason) == (2, "link 2 is missing")


def test_a_row_slipped_in_behind_the_sealers_back_is_named(world: World) -> None:
    write(world, "a", "b")
    with tampering(world) as admin:
        admin.execute(
            "INSERT INTO tenancy.audit_log SELECT 'aud_' || id, workspace_id, actor_type, actor_id, action, resource_type,"
            " 'forged', changes, personal, occurred_at, recorded_at - interval '1 day' FROM tenancy.audit_log"
            " WHERE workspace_id = %s AND resource_id = 'a'",
            (world.workspace_id,),
        )
    audit_log.seal_all(SPANNING)
    broken = verify(world).broken
    assert broken is not None and broken.reason == "the entry was never sealed"


@pytest.mark.parametrize("role", ["tenancy", "tenancy_sweep", "tenancy_owner", "ledger", "postgres"])
@pytest.mark.parametrize("table", ["audit_log", "audit_seals"])
@pytest.mark.parametrize(
    "statement", ["UPDATE tenancy.{} SET workspace_id = ''", "DELETE FROM tenancy.{}", "TRUNCATE tenancy.{} CASCADE"]
)
def test_no_role_changes_a_row(world: World, role: str, table: str, statement: str) -> None:
    write(world, "a")
    audit_log.seal_all(SPANNING)
    with pytest.raises(psycopg.errors.InsufficientPrivilege), world.admin.transaction():
        world.admin.execute(f"SET LOCAL ROLE {role}".encode())
        world.admin.execute(statement.format(table).encode())


@pytest.mark.parametrize("role", ["tenancy", "ledger", "sync"])
def test_no_context_writes_a_row_but_by_the_function(world: World, role: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege), world.admin.transaction():
        world.admin.execute(f"SET LOCAL ROLE {role}".encode())
        world.admin.execute("INSERT INTO tenancy.audit_log (id) VALUES ('aud_forged')")


def test_an_entry_belongs_to_the_transactions_workspace(world: World) -> None:
    with pytest.raises(psycopg.errors.NotNullViolation), world.admin.transaction():
        world.admin.execute("SET LOCAL ROLE ledger")
        world.admin.execute("SELECT tenancy.record_audit('aud_x', 'system', 's', 'a', 'b', 'c', '{}', '', now())")


def test_what_other_contexts_do_stands_in_the_same_chain(api: Api, world: World) -> None:
    world.within("ledger", lambda uow: uow.audit("test.done", "thing", "by ledger"))
    audit_log.seal_all(SPANNING)
    assert verify(world).sealed == 1
