"""What higher contexts may ask of the books."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from oppulence.kernel.db import Connection, fetch_rows


@dataclass(slots=True)
class ShownEntry:
    """A journal entry; `postings` have account, direction, amount_minor and currency."""

    id: str
    account: str | None
    posted_at: datetime
    kind: str
    object_id: str
    source_event_id: str
    reverses_id: str | None
    postings: list[dict[str, Any]]


def entries(conn: Connection, ids: Sequence[str]) -> list[ShownEntry]:
    """Entries of the workspace by id."""
    return fetch_rows(
        conn,
        ShownEntry,
        """
        SELECT e.id, e.account, e.posted_at, e.kind, e.object_id, e.source_event_id, e.reverses_id,
               (SELECT json_agg(json_build_object('account', p.account, 'direction', p.direction, 'amount_minor', p.amount_minor,
                                                  'currency', p.currency) ORDER BY p.direction DESC, p.account, p.currency)
                  FROM ledger_api.postings p WHERE p.entry_id = e.id) AS postings
          FROM ledger_api.entries e
         WHERE e.id = ANY (%(ids)s)
         ORDER BY e.id
        """,
        {"ids": list(ids)},
    )


def entry_ids_after(conn: Connection, after: str, most: int) -> list[str]:
    """Ids of the workspace's entries in their order, those after one."""
    rows = conn.execute("SELECT id FROM ledger_api.entries WHERE id > %s ORDER BY id LIMIT %s", (after, most)).fetchall()
    return [str(row[0]) for row in rows]
