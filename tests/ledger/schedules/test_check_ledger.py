"""The hourly check sees what the database should have refused."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from oppulence.ledger import checks
from oppulence.sync import events
from tests.ledger.facts import fact, tell
from tests.support.entries import entry
from tests.support.world import World


def breaches(capsys: pytest.CaptureFixture[str]) -> float:
    """Run the schedule; returns its metric."""
    capsys.readouterr()
    entry("ledger.schedules.check_ledger")({}, None)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "ledger_breaches_total" in line]
    metric = lines[0]["ledger_breaches_total"]
    return float(metric[0] if isinstance(metric, list) else metric)


@contextmanager
def unlocked(admin: psycopg.Connection) -> Iterator[None]:
    """The books without their guards, as only an administrator who switches triggers off gets them."""
    for table in ("postings", "journal_entries"):
        admin.execute(f"ALTER TABLE ledger.{table} DISABLE TRIGGER immutable".encode())
    yield
    for table in ("postings", "journal_entries"):
        admin.execute(f"ALTER TABLE ledger.{table} ENABLE ALWAYS TRIGGER immutable".encode())


@pytest.fixture
def damaged(world: World, admin: psycopg.Connection) -> Iterator[dict[str, str]]:
    """Two damaged entries, their ids by kind; gone again for the tests that follow."""
    tell(world, fact(events.InvoiceFinalized), fact(events.RefundCreated, object_id="re_1", currency="EUR"))
    query = "SELECT kind, id FROM ledger.journal_entries WHERE workspace_id = %s"
    ids: dict[str, str] = dict(admin.execute(query, (world.workspace_id,)).fetchall())
    with unlocked(admin):
        admin.execute(
            "UPDATE ledger.postings SET amount_minor = amount_minor + 1 WHERE entry_id = %s AND account = 'receivable'",
            (ids["invoice.finalized"],),
        )
        admin.execute("DELETE FROM ledger.postings WHERE entry_id = %s", (ids["refund.created"],))
    yield ids
    with unlocked(admin):
        admin.execute("DELETE FROM ledger.postings WHERE workspace_id = %s", (world.workspace_id,))
        admin.execute("DELETE FROM ledger.journal_entries WHERE workspace_id = %s", (world.workspace_id,))


def test_books_that_balance_raise_no_alarm(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    tell(world, fact(events.InvoiceFinalized))
    assert not world.within("ledger", checks.check)
    assert breaches(capsys) == 0


def test_damage_is_found_named_and_counted(
    world: World, damaged: dict[str, str], capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    assert breaches(capsys) == 3
    alarm = next(record for record in caplog.records if record.message == "ledger_broken").__dict__
    assert (alarm["levelname"], alarm["workspace_id"], alarm["currencies"]) == ("ERROR", world.workspace_id, ["USD"])
    assert sorted(alarm["entries"]) == sorted(
        [f"{damaged['invoice.finalized']} unbalanced in USD", f"{damaged['refund.created']} incomplete"]
    )


def test_every_workspace_with_entries_is_checked(world: World) -> None:
    other = world.workspace()
    world.workspace()
    tell(world, fact(events.InvoiceFinalized))
    tell(world, fact(events.InvoiceFinalized), workspace_id=other)
    rows = world.admin.execute("SELECT ledger.workspace_ids()").fetchall()
    known = world.admin.execute("SELECT DISTINCT workspace_id FROM ledger.journal_entries").fetchall()
    assert sorted(rows) == sorted(known) and {world.workspace_id, other} <= {row[0] for row in rows}
