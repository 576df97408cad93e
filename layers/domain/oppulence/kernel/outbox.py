"""The outbox: events are rows of the transaction that made them true, and go to the bus after it.

The function publishes its own rows right after commit. What it could not publish, because it died or the bus did not take
it, a sweeper publishes a minute later. So an event is published at least once, and consumers are harmless to repeats.
"""

import json
from dataclasses import dataclass
from functools import cache
from typing import Any

from psycopg import sql
from psycopg.rows import class_row

from oppulence.kernel import environment
from oppulence.kernel.arrays import texts
from oppulence.kernel.db import Connection
from oppulence.kernel.events import MAX_DETAIL_BYTES

_PUT_EVENTS_MAX = 10
_PUT_EVENTS_BYTES = 240_000
_AT_ONCE = 8
SWEEP_MAX = 500


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """One event on its way: `detail` is the envelope's JSON text."""

    id: str
    workspace_id: str
    type: str
    detail: str


def check_size(row: OutboxRow) -> OutboxRow:
    """The row, if the bus will take it: one that it refuses would stay in the outbox for ever.

    Raises:
        ValueError: it holds more than a fact does.
    """
    size = len(row.detail.encode())
    if size > MAX_DETAIL_BYTES:
        raise ValueError(f"event {row.type} has {size} bytes; a fact stays under {MAX_DETAIL_BYTES}")
    return row


def insert(conn: Connection, schema: str, rows: list[OutboxRow]) -> None:
    """Write the rows in the caller's transaction, in one statement."""
    columns = ([r.id for r in rows], [r.workspace_id for r in rows], [r.type for r in rows], [r.detail for r in rows])
    conn.execute(_insertion(schema), [texts(column) for column in columns])


def publish(schema: str, rows: list[OutboxRow]) -> list[str]:
    """Put rows on the domain bus; returns the ids that it took.

    A refusal is not an error here: the row stays, and the sweeper tries it again. A bus that is away is asked once, not once
    for every ten rows: somebody is waiting for the answer. One that answers gets the rest at the same time, not call after call.
    """
    first, *others = _batches(rows)
    taken = _take(schema, first)
    if taken is None:
        return []
    if others:
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(min(_AT_ONCE, len(others))) as pool:
            for more in pool.map(lambda batch: _take(schema, batch), others):
                taken += more or []
    return taken


def drop(conn: Connection, schema: str, ids: list[str]) -> None:
    """Drop published rows, of whatever workspace."""
    conn.execute(_removal(schema), (texts(ids),))


def sweep(conn: Connection, schema: str) -> int:
    """Publish what has waited over 30 seconds, oldest first, and drop what the bus took; returns how many it took.

    Runs in the caller's transaction through the schema's own sweep functions, which see every workspace. Rows that another
    sweeper holds are skipped. A crash between publishing and the commit publishes twice, which consumers are made for.
    """
    with conn.cursor(row_factory=class_row(OutboxRow)) as cur:
        claim = sql.SQL("SELECT id, workspace_id, type, detail FROM {}.claim_outbox(%s)").format(sql.Identifier(schema))
        rows = cur.execute(claim, (SWEEP_MAX,)).fetchall()
    if not rows:
        return 0
    taken = publish(schema, rows)
    drop(conn, schema, taken)
    return len(taken)


@cache
def _insertion(schema: str) -> bytes:
    columns = "(id, workspace_id, type, detail) SELECT * FROM unnest(%b::text[], %b::text[], %b::text[], %b::text[])"
    return sql.SQL("INSERT INTO {}.outbox " + columns).format(sql.Identifier(schema)).as_bytes()


@cache
def _removal(schema: str) -> bytes:
    return sql.SQL("SELECT {}.drop_outbox(%b::text[])").format(sql.Identifier(schema)).as_bytes()


def _entry(schema: str, row: OutboxRow) -> dict[str, Any]:
    return {
        "EventBusName": environment.required("DOMAIN_BUS"), "Source": f"oppulence.{schema}", "DetailType": row.type,
        "Detail": row.detail,
    }  # fmt: skip


def _batches(rows: list[OutboxRow]) -> list[list[OutboxRow]]:
    """Groups that one PutEvents call takes: 10 entries, 256 KB together."""
    batches: list[list[OutboxRow]] = []
    size = 0
    for row in rows:
        size += len(row.detail.encode()) + 200
        if not batches or len(batches[-1]) == _PUT_EVENTS_MAX or size > _PUT_EVENTS_BYTES:
            batches.append([])
            size = len(row.detail.encode()) + 200
        batches[-1].append(row)
    return batches


def _take(schema: str, rows: list[OutboxRow]) -> list[str] | None:
    """Ids of the rows that the bus took; None if it could not be asked."""
    results = _put([_entry(schema, row) for row in rows])
    return None if results is None else [row.id for row, ok in zip(rows, results, strict=True) if ok]


def _put(entries: list[dict[str, Any]]) -> list[bool] | None:
    """Which entries the bus took; None if it could not be asked."""
    from botocore.exceptions import BotoCoreError, ClientError

    from oppulence.kernel import telemetry
    from oppulence.kernel.aws import client

    try:
        answer = client("events").put_events(Entries=entries)
    except (BotoCoreError, ClientError) as error:
        telemetry.logger().warning("outbox_not_published", extra={"reason": str(error), "events": len(entries)})
        return None
    results = [entry.get("ErrorCode") is None for entry in answer["Entries"]]
    if answer["FailedEntryCount"]:
        telemetry.logger().warning("outbox_partly_published", extra={"entries": json.dumps(answer["Entries"], default=str)})
    return results
