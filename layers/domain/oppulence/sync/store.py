"""Statements of mirrored objects. Batches go in as arrays, one round trip whatever their size.

The arrays are binary (`%b`): as text each quote in them would be escaped, and that took longer than writing the rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from psycopg.rows import args_row

from oppulence.kernel.db import Connection

ObjectKey = tuple[str, str, str]
"""Account, type, id."""

_NEVER = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
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
    arrays = ([key[0] for key in keys], [key[1] for key in keys], [key[2] for key in keys])
    conn.execute(
        """
        SELECT pg_advisory_xact_lock(k.hash)
          FROM (SELECT DISTINCT hashtextextended(concat_ws(chr(31), 'sync.objects', %s::text, account, type, id), 0) AS hash
                  FROM unnest(%b::text[], %b::text[], %b::text[]) AS k (account, type, id) ORDER BY hash) AS k
        """,
        (workspace_id, *arrays),
    )
    with conn.cursor(row_factory=args_row(StoredObject)) as cur:
        rows = cur.execute(
            """
            SELECT account, type, id, deleted, event_id, event_created_at, version, told, arrival
              FROM sync.objects JOIN unnest(%b::text[], %b::text[], %b::text[]) AS k (account, type, id) USING (account, type, id)
             WHERE workspace_id = %s
            """,
            (*arrays, workspace_id),
        ).fetchall()
    known = {row.key: row for row in rows}
    return {key: known.get(key) or StoredObject(*key, False, "", _NEVER, 0, [], 0) for key in keys}


def save_objects(conn: Connection, workspace_id: str, states: Sequence[ObjectState], at: datetime) -> int:
    """Write the objects' new states; returns how many rows that changed."""
    return conn.execute(
        """
        INSERT INTO sync.objects AS o (workspace_id, updated_at, account, type, id, data, deleted, event_id, event_created_at,
                                       version, told, arrival, connection_id)
        SELECT %s, %s, n.account, n.type, n.id, n.data::jsonb, n.deleted, n.event_id, n.event_created_at, n.version,
               string_to_array(n.told, ' '), n.arrival, n.connection_id
          FROM unnest(%b::text[], %b::text[], %b::text[], %b::text[], %b::boolean[], %b::text[], %b::timestamptz[], %b::bigint[],
                      %b::text[], %b::bigint[], %b::text[])
               AS n (account, type, id, data, deleted, event_id, event_created_at, version, told, arrival, connection_id)
        ON CONFLICT (workspace_id, account, type, id) DO UPDATE
           SET data = excluded.data, deleted = excluded.deleted, event_id = excluded.event_id,
               event_created_at = excluded.event_created_at, version = excluded.version, told = excluded.told,
               arrival = excluded.arrival, connection_id = excluded.connection_id,
               updated_at = CASE WHEN (o.version, o.data) IS DISTINCT FROM (excluded.version, excluded.data)
                                 THEN excluded.updated_at ELSE o.updated_at END
         WHERE (o.version, o.told, o.event_created_at, o.arrival, o.data)
               IS DISTINCT FROM (excluded.version, excluded.told, excluded.event_created_at, excluded.arrival, excluded.data)
        """,
        (
            workspace_id, at, [s.key[0] for s in states], [s.key[1] for s in states], [s.key[2] for s in states],
            [s.data for s in states], [s.deleted for s in states], [s.event_id for s in states],
            [s.event_created_at for s in states], [s.version for s in states], [" ".join(s.told) for s in states],
            [s.arrival for s in states], [s.connection_id for s in states],
        ),
    ).rowcount  # fmt: skip


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


def save_told(conn: Connection, workspace_id: str, states: Sequence[ObjectState]) -> int:
    """Write which facts were told of objects whose state stays; returns how many rows that changed."""
    return conn.execute(
        """
        UPDATE sync.objects o SET told = string_to_array(n.told, ' ')
          FROM unnest(%b::text[], %b::text[], %b::text[], %b::text[]) AS n (account, type, id, told)
         WHERE o.workspace_id = %s AND o.account = n.account AND o.type = n.type AND o.id = n.id
           AND o.told IS DISTINCT FROM string_to_array(n.told, ' ')
        """,
        (
            [s.key[0] for s in states], [s.key[1] for s in states], [s.key[2] for s in states],
            [" ".join(s.told) for s in states], workspace_id,
        ),
    ).rowcount  # fmt: skip


def workspace_mode(conn: Connection) -> str:
    """The workspace's mode: live, test or sandbox."""
    row = conn.execute("SELECT mode FROM tenancy_api.workspace").fetchone()
    return str(row[0]) if row else "test"
