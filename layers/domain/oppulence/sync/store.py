"""Statements of the mirror. Batches go in as arrays, one round trip whatever their size.

The arrays are binary (`%b`): as text each quote in them would be escaped, and that took longer than writing the rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from psycopg.rows import args_row, class_row

from oppulence.kernel.db import Connection

ObjectKey = tuple[str, str, str]
"""Account, type, id."""

EventKey = tuple[str, str]
"""Account, event id."""

_NEVER = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True, slots=True)
class RawEvent:
    """One webhook as it is to be stored."""

    event_id: str
    account: str
    connection_id: str
    type: str
    object_type: str
    object_id: str
    created_at: datetime
    received_at: datetime
    status: str
    error: str | None
    body: bytes
    deliveries: int = 1

    @property
    def key(self) -> EventKey:
        """Its place among a workspace's events."""
        return self.account, self.event_id


@dataclass(frozen=True, slots=True)
class StoredObject:
    """What is stored of an object, in the order of the statement's columns; `version` 0 is an object not yet seen."""

    account: str
    type: str
    id: str
    deleted: bool
    event_id: str
    event_created_at: datetime
    version: int
    told: list[str]

    @property
    def key(self) -> ObjectKey:
        """Its place in the mirror."""
        return self.account, self.type, self.id


@dataclass(frozen=True, slots=True)
class Sibling:
    """A stored event of a given object and second."""

    account: str
    event_id: str
    arrival: int
    body: bytes


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


def insert_raw(conn: Connection, workspace_id: str, rows: Sequence[RawEvent]) -> dict[EventKey, int]:
    """Store events; a known one only counts its delivery. Returns the new ones' arrival by (account, event id)."""
    columns: list[Any] = [
        [getattr(row, name) for row in rows]
        for name in ("event_id", "account", "connection_id", "type", "object_type", "object_id", "created_at", "received_at",
                     "status", "error", "body", "deliveries")
    ]  # fmt: skip
    found = conn.execute(
        """
        INSERT INTO sync.raw_events AS r (workspace_id, event_id, account, connection_id, type, object_type, object_id,
                                          created_at, received_at, status, error, body, deliveries)
        SELECT %s, * FROM unnest(%b::text[], %b::text[], %b::text[], %b::text[], %b::text[], %b::text[], %b::timestamptz[],
                                 %b::timestamptz[], %b::text[], %b::text[], %b::bytea[], %b::integer[])
        ON CONFLICT (workspace_id, account, event_id) DO UPDATE SET deliveries = r.deliveries + excluded.deliveries
        RETURNING account, event_id, arrival, xmax = 0
        """,
        [workspace_id, *columns],
    ).fetchall()
    return {(str(account), str(event_id)): int(str(arrival)) for account, event_id, arrival, is_new in found if is_new}


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
            SELECT account, type, id, deleted, event_id, event_created_at, version, told
              FROM sync.objects JOIN unnest(%b::text[], %b::text[], %b::text[]) AS k (account, type, id) USING (account, type, id)
             WHERE workspace_id = %s
            """,
            (*arrays, workspace_id),
        ).fetchall()
    known = {row.key: row for row in rows}
    return {key: known.get(key) or StoredObject(*key, False, "", _NEVER, 0, []) for key in keys}


def siblings(conn: Connection, workspace_id: str, moments: Sequence[tuple[ObjectKey, datetime]]) -> list[Sibling]:
    """All stored events of these objects in these seconds."""
    with conn.cursor(row_factory=class_row(Sibling)) as cur:
        return cur.execute(
            """
            SELECT r.account, r.event_id, r.arrival, r.body
              FROM sync.raw_events r
              JOIN unnest(%b::text[], %b::text[], %b::text[], %b::timestamptz[])
                   AS k (account, object_type, object_id, created_at)
             USING (account, object_type, object_id, created_at)
             WHERE r.workspace_id = %s AND r.status IN ('applied', 'superseded')
            """,
            (
                [key[0] for key, _ in moments], [key[1] for key, _ in moments], [key[2] for key, _ in moments],
                [at for _, at in moments], workspace_id,
            ),
        ).fetchall()  # fmt: skip


def save_objects(conn: Connection, workspace_id: str, states: Sequence[ObjectState], at: datetime) -> int:
    """Write the objects' new states; returns how many rows that changed."""
    return conn.execute(
        """
        INSERT INTO sync.objects AS o (workspace_id, updated_at, account, type, id, data, deleted, event_id, event_created_at,
                                       version, told)
        SELECT %s, %s, n.account, n.type, n.id, n.data::jsonb, n.deleted, n.event_id, n.event_created_at, n.version,
               string_to_array(n.told, ' ')
          FROM unnest(%b::text[], %b::text[], %b::text[], %b::text[], %b::boolean[], %b::text[], %b::timestamptz[], %b::bigint[],
                      %b::text[]) AS n (account, type, id, data, deleted, event_id, event_created_at, version, told)
        ON CONFLICT (workspace_id, account, type, id) DO UPDATE
           SET data = excluded.data, deleted = excluded.deleted, event_id = excluded.event_id,
               event_created_at = excluded.event_created_at, version = excluded.version, told = excluded.told,
               updated_at = CASE WHEN (o.version, o.data) IS DISTINCT FROM (excluded.version, excluded.data)
                                 THEN excluded.updated_at ELSE o.updated_at END
         WHERE (o.version, o.told, o.event_created_at, o.data)
               IS DISTINCT FROM (excluded.version, excluded.told, excluded.event_created_at, excluded.data)
        """,
        (
            workspace_id, at, [s.key[0] for s in states], [s.key[1] for s in states], [s.key[2] for s in states],
            [s.data for s in states], [s.deleted for s in states], [s.event_id for s in states],
            [s.event_created_at for s in states], [s.version for s in states], [" ".join(s.told) for s in states],
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


def set_status(conn: Connection, workspace_id: str, events: Sequence[EventKey], status: str) -> None:
    """Say of stored events whether they were applied or a later state was known already."""
    conn.execute(
        """
        UPDATE sync.raw_events r SET status = %s
          FROM unnest(%b::text[], %b::text[]) AS k (account, event_id)
         WHERE r.workspace_id = %s AND r.account = k.account AND r.event_id = k.event_id
        """,
        (status, [account for account, _ in events], [event_id for _, event_id in events], workspace_id),
    )


def workspace_mode(conn: Connection) -> str:
    """The workspace's mode: live, test or sandbox."""
    row = conn.execute("SELECT mode FROM tenancy_api.workspace").fetchone()
    return str(row[0]) if row else "test"


def raw_bodies(conn: Connection, keys: Sequence[tuple[str, str]]) -> list[Sibling]:
    """Stored events by (account, event id)."""
    with conn.cursor(row_factory=class_row(Sibling)) as cur:
        return cur.execute(
            """
            SELECT r.account, r.event_id, r.arrival, r.body
              FROM sync.raw_events r JOIN unnest(%b::text[], %b::text[]) AS k (account, event_id) USING (account, event_id)
            """,
            ([account for account, _ in keys], [event_id for _, event_id in keys]),
        ).fetchall()


_SELECTED = """
    (cardinality(%(ids)s::text[]) = 0 OR event_id = ANY(%(ids)s)) AND (%(type)s::text IS NULL OR type = %(type)s)
    AND (%(since)s::timestamptz IS NULL OR received_at >= %(since)s)
    AND (%(until)s::timestamptz IS NULL OR received_at < %(until)s)
    AND status IN ('applied', 'superseded')
"""
Window = tuple[datetime | None, datetime | None]


def count_selected(conn: Connection, event_ids: Sequence[str], type: str | None, window: Window) -> int:
    """How many stored events fit."""
    row = conn.execute(f"SELECT count(*) FROM sync.raw_events WHERE {_SELECTED}".encode(), _selection(event_ids, type, window))
    return int(str((row.fetchone() or (0,))[0]))


def select_raw(
    conn: Connection, event_ids: Sequence[str], type: str | None, window: Window, page: tuple[int, int]
) -> list[Sibling]:
    """The next stored events that fit, after an arrival, in the order of arrival."""
    with conn.cursor(row_factory=class_row(Sibling)) as cur:
        return cur.execute(
            f"""
            SELECT account, event_id, arrival, body FROM sync.raw_events
             WHERE {_SELECTED} AND arrival > %(after)s ORDER BY arrival LIMIT %(most)s
            """.encode(),
            _selection(event_ids, type, window) | {"after": page[0], "most": page[1]},
        ).fetchall()


def _selection(event_ids: Sequence[str], type: str | None, window: Window) -> dict[str, Any]:
    return {"ids": list(event_ids), "type": type, "since": window[0], "until": window[1]}
