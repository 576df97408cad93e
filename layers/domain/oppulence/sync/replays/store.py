"""Statements of replays, and of the stored events that they select."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from psycopg.rows import class_row, dict_row
from psycopg.types.json import Jsonb

from oppulence.kernel.db import Connection
from oppulence.kernel.pagination import After
from oppulence.sync.raw_store import Stored
from oppulence.sync.replays.models import Export, Plan, ReplayView, Selection, Status

_COLUMNS = (
    "id, status, selection::text AS selection, plan, events_done, objects_changed, requested_by, created_at, updated_at, ended_at"
)
_SELECTED = """
    status IN ('applied', 'superseded') AND arrival <= %(last_arrival)s
    AND (cardinality(%(event_ids)s::text[]) = 0 OR event_id = ANY (%(event_ids)s))
    AND (%(type)s::text IS NULL OR type = %(type)s)
    AND (%(object_type)s::text IS NULL OR object_type = %(object_type)s)
    AND (%(object_id)s::text IS NULL OR object_id = %(object_id)s)
    AND (%(created_since)s::timestamptz IS NULL OR created_at >= %(created_since)s)
    AND (%(created_until)s::timestamptz IS NULL OR created_at < %(created_until)s)
    AND (%(received_since)s::timestamptz IS NULL OR received_at >= %(received_since)s)
    AND (%(received_until)s::timestamptz IS NULL OR received_at < %(received_until)s)
"""
Place = tuple[datetime, str, str]
"""Of a stored event, in the order in which events are replayed: when it was received, its id, its account."""


@dataclass(frozen=True, slots=True)
class Running:
    """What a step needs of its replay."""

    id: str
    status: str
    selection: str
    last_arrival: int
    steps: int
    after_received_at: datetime | None
    after_event_id: str | None
    after_account: str | None

    @property
    def place(self) -> Place | None:
        """Of the last event that was replayed."""
        if self.after_received_at is None or self.after_event_id is None or self.after_account is None:
            return None
        return self.after_received_at, self.after_event_id, self.after_account


@dataclass(frozen=True, slots=True)
class Placed(Stored):
    """A stored event and when it was received."""

    received_at: datetime

    @property
    def place(self) -> Place:
        """Where it stands."""
        return self.received_at, self.event_id, self.account


def plan(conn: Connection, chosen: Selection, last_arrival: int) -> Plan:
    """Count what a selection holds, and find the exports that may hold more."""
    rows = conn.execute(
        f"SELECT type, count(*), min(created_at), max(created_at) FROM sync.raw_events WHERE {_SELECTED}"
        " GROUP BY type ORDER BY count(*) DESC, type".encode(),
        _parameters(chosen, last_arrival),
    ).fetchall()
    found: list[tuple[Any, ...]] = list(rows)
    return Plan(
        events=sum(row[1] for row in found), by_type={row[0]: row[1] for row in found},
        first_created_at=min((row[2] for row in found), default=None),
        last_created_at=max((row[3] for row in found), default=None), exports=_exports(conn, chosen),
    )  # fmt: skip


def page(conn: Connection, chosen: Selection, last_arrival: int, after: Place | None, most: int) -> list[Placed]:
    """The next events of a selection, in the order of their places."""
    at, event_id, account = after or (None, None, None)
    with conn.cursor(row_factory=class_row(Placed)) as cur:
        return cur.execute(
            f"""
            SELECT account, event_id, arrival, connection_id, body, received_at FROM sync.raw_events
             WHERE {_SELECTED}
               AND (%(at)s::timestamptz IS NULL OR (received_at, event_id, account) > (%(at)s, %(id)s, %(account)s))
             ORDER BY received_at, event_id, account LIMIT %(most)s
            """.encode(),
            _parameters(chosen, last_arrival) | {"at": at, "id": event_id, "account": account, "most": most},
        ).fetchall()


def insert(conn: Connection, workspace_id: str, replay: ReplayView, last_arrival: int) -> bool:
    """Add a replay; False when another one is running."""
    return (
        conn.execute(
            """
            INSERT INTO sync.replays (id, workspace_id, status, selection, plan, last_arrival, requested_by, created_at,
                                      updated_at)
            VALUES (%(id)s, %(workspace_id)s, %(status)s, %(selection)s, %(plan)s, %(last)s, %(by)s, %(at)s, %(at)s)
            ON CONFLICT (workspace_id) WHERE status = 'running' DO NOTHING
            """,
            {
                "id": replay.id, "workspace_id": workspace_id, "status": replay.status, "last": last_arrival,
                "selection": Jsonb(replay.selection.model_dump(mode="json")), "plan": Jsonb(replay.plan.model_dump(mode="json")),
                "by": replay.requested_by, "at": replay.created_at,
            },
        ).rowcount
        == 1
    )  # fmt: skip


def find(conn: Connection, replay_id: str) -> ReplayView | None:
    """One replay."""
    with conn.cursor(row_factory=dict_row) as cur:
        row = cur.execute(f"SELECT {_COLUMNS} FROM sync.replays WHERE id = %s".encode(), (replay_id,)).fetchone()
    return _shown(row) if row else None


def list_replays(conn: Connection, status: Status | None, after: After | None, most: int) -> list[ReplayView]:
    """Replays, the latest first."""
    after_at, after_id = after or (None, None)
    with conn.cursor(row_factory=dict_row) as cur:
        rows = cur.execute(
            f"""
            SELECT {_COLUMNS} FROM sync.replays WHERE (%(status)s::text IS NULL OR status = %(status)s)
               AND (%(after_at)s::timestamptz IS NULL OR (created_at, id) < (%(after_at)s::timestamptz, %(after_id)s))
             ORDER BY created_at DESC, id DESC LIMIT %(most)s
            """.encode(),
            {"status": status, "after_at": after_at, "after_id": after_id, "most": most},
        ).fetchall()
    return [_shown(row) for row in rows]


def lock(conn: Connection, replay_id: str) -> Running | None:
    """What a step needs, held until the transaction ends."""
    with conn.cursor(row_factory=class_row(Running)) as cur:
        return cur.execute(
            "SELECT id, status, selection::text AS selection, last_arrival, steps, after_received_at, after_event_id,"
            " after_account FROM sync.replays WHERE id = %s FOR UPDATE",
            (replay_id,),
        ).fetchone()


def advance(conn: Connection, replay_id: str, done: tuple[int, int], place: Place | None, at: datetime) -> None:
    """Note a step: events and changed objects, and the place of its last event; without one the replay is through."""
    received_at, event_id, account = place or (None, None, None)
    conn.execute(
        """
        UPDATE sync.replays
           SET steps = steps + 1, events_done = events_done + %(events)s, objects_changed = objects_changed + %(changed)s,
               after_received_at = %(received_at)s, after_event_id = %(event_id)s, after_account = %(account)s,
               updated_at = %(at)s
         WHERE id = %(id)s
        """,
        {"id": replay_id, "events": done[0], "changed": done[1], "received_at": received_at, "event_id": event_id,
         "account": account, "at": at},
    )  # fmt: skip


def end(conn: Connection, replay_id: str, status: Status, at: datetime) -> None:
    """End a replay."""
    conn.execute("UPDATE sync.replays SET status = %s, ended_at = %s, updated_at = %s WHERE id = %s", (status, at, at, replay_id))


def workspaces_with_events(conn: Connection) -> list[str]:
    """Workspaces that have stored events, of all."""
    return [str(row[0]) for row in conn.execute("SELECT sync.workspaces_with_events()")]


def _shown(row: dict[str, Any]) -> ReplayView:
    """JSON holds the selection's instants as text, which its model takes from JSON only."""
    return ReplayView.model_validate(row | {"selection": Selection.model_validate_json(row["selection"])})


def _exports(conn: Connection, chosen: Selection) -> list[Export]:
    """Exports of months, and of times of receiving, that the selection may reach into."""
    rows = conn.execute(
        """
        SELECT s3_key, month, events FROM sync.raw_exports
         WHERE (%(created_since)s::timestamptz IS NULL OR month >= date_trunc('month', %(created_since)s AT TIME ZONE 'UTC'))
           AND (%(created_until)s::timestamptz IS NULL OR month < %(created_until)s AT TIME ZONE 'UTC')
           AND (%(received_since)s::timestamptz IS NULL OR last_received_at >= %(received_since)s)
           AND (%(received_until)s::timestamptz IS NULL OR first_received_at < %(received_until)s)
         ORDER BY month, s3_key
        """,
        chosen.model_dump(),
    ).fetchall()
    return [Export(key=str(key), month=_month(month), events=int(str(events))) for key, month, events in rows]


def _month(of: object) -> str:
    assert isinstance(of, date)
    return of.strftime("%Y-%m")


def _parameters(chosen: Selection, last_arrival: int) -> dict[str, Any]:
    return chosen.model_dump() | {"last_arrival": last_arrival}
