"""The database keeps the books by itself: balanced, complete, never changed, one workspace apart from another."""

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from oppulence.kernel.uow import UnitOfWork
from oppulence.sync import events
from tests.ledger.facts import fact, tell
from tests.support.world import World

ENTRY = (
    "INSERT INTO ledger.journal_entries (workspace_id, id, posted_at, recorded_at, kind, description, object_id, source_event_id,"
    " posting_count) VALUES (%(workspace)s, 'je_1', '2026-01-01Z', now(), 'test', 'test', 'in_9', 'evt_9', %(count)s)"
)
POSTING = (
    "INSERT INTO ledger.postings (workspace_id, entry_id, posted_at, account, direction, amount_minor, currency)"
    " VALUES (%(workspace)s, 'je_1', '2026-01-01Z', %(account)s, %(direction)s, %(amount)s, %(currency)s)"
)
Row = tuple[str, str, int, str]
BALANCED: list[Row] = [("bank", "debit", 5, "USD"), ("revenue", "credit", 5, "USD")]


def write(world: World, postings: list[Row], count: int | None = None, then: Callable[[UnitOfWork], Any] | None = None) -> None:
    """Write an entry as the context's role would, and commit."""

    def work(uow: UnitOfWork) -> None:
        uow.conn.execute(ENTRY, {"workspace": uow.workspace_id, "count": len(postings) if count is None else count})
        add(uow, postings)
        if then:
            then(uow)

    world.within("ledger", work)


def add(uow: UnitOfWork, postings: list[Row]) -> None:
    for account, direction, amount, currency in postings:
        row = {"account": account, "direction": direction, "amount": amount, "currency": currency}
        uow.conn.execute(POSTING, {"workspace": uow.workspace_id, **row})


def test_a_balanced_entry_is_taken(world: World) -> None:
    write(world, BALANCED)
    assert (world.count("ledger.journal_entries"), world.count("ledger.postings")) == (1, 2)


@pytest.mark.parametrize(
    "postings",
    [
        [("bank", "debit", 5, "USD"), ("revenue", "credit", 4, "USD")],
        [("bank", "debit", 5, "USD"), ("revenue", "debit", 5, "USD")],
        [("bank", "debit", 5, "USD"), ("revenue", "credit", 5, "EUR")],
        [*BALANCED, ("bank", "debit", 1, "EUR")],
        [("bank", "debit", 5, "USD")],
        [("bank", "debit", 0, "USD"), ("revenue", "credit", 0, "USD")],
        [("bank", "debit", -5, "USD"), ("revenue", "credit", -5, "USD")],
        [("bank", "debit", 5, "USD"), ("unheard_of", "credit", 5, "USD")],
        [("bank", "debit", 5, "usd"), ("revenue", "credit", 5, "usd")],
        [("bank", "debit", 5, "USD"), ("bank", "credit", 5, "USD")],
        [],
    ],
)
def test_what_is_no_double_entry_is_refused(world: World, postings: list[Row]) -> None:
    with pytest.raises(psycopg.errors.IntegrityError):
        write(world, postings)
    assert (world.count("ledger.journal_entries"), world.count("ledger.postings")) == (0, 0)


def test_an_entry_must_have_the_postings_it_promised(world: World) -> None:
    with pytest.raises(psycopg.errors.CheckViolation, match="has 2 postings, not 3"):
        write(world, BALANCED, count=3)


def test_nothing_is_added_to_an_entry_later_even_if_it_balances(world: World) -> None:
    write(world, BALANCED)
    more: list[Row] = [("bank", "debit", 7, "EUR"), ("revenue", "credit", 7, "EUR")]
    with pytest.raises(psycopg.errors.CheckViolation, match="has 4 postings, not 2"):
        world.within("ledger", lambda uow: add(uow, more))


def test_leaving_the_workspace_before_the_commit_does_not_get_past_the_check(world: World) -> None:
    def leave(uow: UnitOfWork) -> None:
        uow.conn.execute("SELECT set_config('app.workspace_id', 'ws_other', true)")

    with pytest.raises(psycopg.errors.CheckViolation):
        write(world, [("bank", "debit", 5, "USD"), ("revenue", "credit", 4, "USD")], then=leave)


CHANGES = [
    "UPDATE ledger.journal_entries SET description = 'x'",
    "UPDATE ledger.journal_entries SET description = 'x' WHERE false",
    "UPDATE ledger.postings SET amount_minor = amount_minor + 1",
    "DELETE FROM ledger.postings",
    "DELETE FROM ledger.journal_entries",
    "TRUNCATE ledger.postings",
    "TRUNCATE ledger.journal_entries CASCADE",
]


@pytest.mark.parametrize("statement", [*CHANGES, "UPDATE ledger.accounts SET type = 'asset'", "DELETE FROM ledger.accounts"])
def test_the_contexts_role_may_not_change_the_books(world: World, statement: str) -> None:
    write(world, BALANCED)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        world.within("ledger", lambda uow: uow.conn.execute(statement.encode()))


@pytest.mark.parametrize("statement", CHANGES)
@pytest.mark.parametrize("role", ["ledger_owner", "postgres"])
def test_not_even_their_owner_or_an_administrator_changes_the_books(world: World, role: str, statement: str) -> None:
    write(world, BALANCED)
    with pytest.raises(psycopg.errors.RestrictViolation), world.admin.transaction():
        world.admin.execute(f"SET LOCAL ROLE {role}".encode())
        world.admin.execute(b"SELECT set_config('app.workspace_id', %s, true)", (world.workspace_id,))
        world.admin.execute(statement.encode())
    assert world.count("ledger.postings") == 2


def test_replication_mode_does_not_open_the_books(world: World) -> None:
    with pytest.raises(psycopg.errors.RestrictViolation), world.admin.transaction():
        world.admin.execute("SET LOCAL session_replication_role = replica")
        world.admin.execute("DELETE FROM ledger.postings")


def test_another_workspaces_books_are_invisible_and_closed(world: World) -> None:
    other = world.workspace()
    tell(world, fact(events.InvoiceFinalized), workspace_id=other)

    def look(uow: UnitOfWork) -> list[tuple[object, ...]]:
        tables = "SELECT id FROM ledger.journal_entries UNION ALL SELECT entry_id FROM ledger.postings"
        return uow.conn.execute(tables).fetchall()

    def intrude(uow: UnitOfWork) -> None:
        uow.conn.execute(ENTRY, {"workspace": other, "count": 2})

    assert world.within("ledger", look) == []
    assert len(world.within("ledger", look, workspace_id=other)) == 4
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
        world.within("ledger", intrude)


def test_an_entry_cannot_take_back_another_workspaces_entry(world: World) -> None:
    other = world.workspace()
    tell(world, fact(events.InvoiceFinalized), workspace_id=other)
    row = world.admin.execute("SELECT id FROM ledger.journal_entries WHERE workspace_id = %s", (other,)).fetchone()
    assert row is not None
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        world.within(
            "ledger", lambda uow: uow.conn.execute(
                ENTRY.replace("posting_count)", "posting_count, reverses_id)").replace("%(count)s)", "2, %(reverses)s)"),
                {"workspace": uow.workspace_id, "reverses": row[0]},
            ),
        )  # fmt: skip
