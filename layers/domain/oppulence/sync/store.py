"""Statements of mirrored objects. Batches go in as arrays, one round trip whatever their size.

The arrays are binary (`%b`): as text each quote in them would be escaped, and that took longer than writing the rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from psycopg.rows import args_row

from oppulence.kernel.arrays import Array, bigints, booleans, texts, times
from oppulence.kernel.db import Connection

ObjectKey = tuple[str, str, str]
"""Account, type, id."""

_modes: dict[str, str] = {}
_NEVER = datetime.fromtimestamp(0, UTC)


@dataclass(slots=True)
class StoredObject:
    """What is stored of an object, in the order of the statement's columns; `version` 0 is an object not yet seen.

    `arrival` is that of the event whose state it is. An observed state has no `event_id`: then all events up to `arrival` had
    happened before Stripe was asked for it.
    """

    account: str
    type: str
    id: str
    deleted: bool
    event_id: str
    event_created_at: datetime
    version: int
    told: list[str]
    arrival: int

    @property
    def key(self) -> ObjectKey:
        """Its place in the mirror."""
        return self.account, self.type, self.id

    @property
    def is_observed(self) -> bool:
        """Whether Stripe was asked for the state."""
        return self.version > 0 and not self.event_id

    def still(self, told: list[str]) -> "ObjectState":
        """The same state with more told of it."""
        return ObjectState(
            self.key, None, self.deleted, self.event_id, self.event_created_at, self.version, told, self.arrival, ""
        )


@dataclass(slots=True)
class ObjectState:
    """What an object's row becomes. `data` is None when only the told facts grew."""

    key: ObjectKey
    data: str | None
    deleted: bool
    event_id: str
    event_created_at: datetime
    version: int
    told: list[str]
    arrival: int
    connection_id: str


def lock_objects(conn: Connection, workspace_id: str, keys: Sequence[ObjectKey]) -> dict[ObjectKey, StoredObject]:
    """What is stored of the objects, `version` 0 where nothing is; until the transaction ends no other one gets them from here.

    The locks are advisory, so that an object not yet seen has one too; always taken in one order, so none deadlock.
    """
    with conn.cursor(row_factory=args_row(StoredObject)) as cur:
        rows = cur.execute(
            "SELECT * FROM sync.lock_objects(%s, %b::text[], %b::text[], %b::text[])", (workspace_id, *columns(keys))
        ).fetchall()
    known = {row.key: row for row in rows}
    return {key: known.get(key) or StoredObject(*key, False, "", _NEVER, 0, [], 0) for key in keys}


def save_objects(conn: Connection, workspace_id: str, states: Sequence[ObjectState], at: datetime) -> int:
    """Write the objects' new states; returns how many rows that changed."""
    row = conn.execute(
        """
        SELECT sync.save_objects(%s, %s, %b::text[], %b::text[], %b::text[], %b::text[], %b::boolean[], %b::text[],
                                 %b::timestamptz[], %b::bigint[], %b::text[], %b::bigint[], %b::text[])
        """,
        (
            workspace_id, at, *columns([s.key for s in states]), texts([s.data for s in states]),
            booleans([s.deleted for s in states]), texts([s.event_id for s in states]),
            times([s.event_created_at for s in states]), bigints([s.version for s in states]),
            texts([" ".join(s.told) for s in states]), bigints([s.arrival for s in states]),
            texts([s.connection_id for s in states]),
        ),
    ).fetchone()  # fmt: skip
    return int(str(row[0])) if row else 0


def columns(keys: Sequence[ObjectKey]) -> tuple[Array, Array, Array]:
    """Accounts, types and ids, each as an array."""
    return texts([key[0] for key in keys]), texts([key[1] for key in keys]), texts([key[2] for key in keys])


def same_states(conn: Connection, workspace_id: str, states: Sequence[tuple[ObjectKey, str]]) -> set[ObjectKey]:
    """Those of the objects, given with their JSON, that are stored exactly so."""
    rows = conn.execute(
        """
        SELECT account, type, id FROM sync.objects o
          JOIN unnest(%b::text[], %b::text[], %b::text[], %b::text[]) AS n (account, type, id, data) USING (account, type, id)
         WHERE o.workspace_id = %s AND o.data = n.data::jsonb
        """,
        ([k[0] for k, _ in states], [k[1] for k, _ in states], [k[2] for k, _ in states], [data for _, data in states],
         workspace_id),
    ).fetchall()  # fmt: skip
    return {(str(account), str(kind), str(object_id)) for account, kind, object_id in rows}


def object_data(conn: Connection, workspace_id: str, keys: Sequence[ObjectKey]) -> dict[ObjectKey, dict[str, Any]]:
    """The stored states of objects."""
    rows: list[tuple[Any, ...]] = conn.execute(
        """
        SELECT account, type, id, data FROM sync.objects
          JOIN unnest(%b::text[], %b::text[], %b::text[]) AS k (account, type, id) USING (account, type, id)
         WHERE workspace_id = %s
        """,
        ([key[0] for key in keys], [key[1] for key in keys], [key[2] for key in keys], workspace_id),
    ).fetchall()
    return {(account, kind, object_id): data for account, kind, object_id, data in rows}


def workspace_mode(conn: Connection, workspace_id: str) -> str:
    """The workspace's mode: live, test or sandbox. It never changes, so it is asked for once."""
    if workspace_id not in _modes:
        row = conn.execute("SELECT mode FROM tenancy_api.workspace").fetchone()
        if row is None:
            return "test"
        _modes[workspace_id] = str(row[0])
    return _modes[workspace_id]
