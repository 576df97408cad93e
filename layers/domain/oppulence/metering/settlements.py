"""Statements of batches, settlements and leases, which span workspaces: each is a function of the sweep role."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from oppulence.kernel.db import Connection, fetch_rows
from oppulence.metering import store
from oppulence.metering.models import MeterVersion
from oppulence.metering.reckoning import Counted, Counting

MOST_BATCHES = 2_000
"""Of a settlement: their ids are one parameter, of which a server takes 128 KB."""

_VERSION = tuple(name for name in MeterVersion.model_fields)


@dataclass(slots=True)
class Intent:
    """A settlement that was intended: of batches, or a fill of a version with events of the settlements in (since, until].

    `again`: some of its rows may have been written already.
    """

    number: int
    workspace_id: str | None
    meter_id: str | None
    version: int | None
    since: int | None
    until: int | None
    again: bool


@dataclass(slots=True)
class Landed:
    """A batch of a settlement. `revision`: versions up to it are reckoned in it."""

    workspace_id: str
    id: str
    events: int
    revision: int


@dataclass(frozen=True, slots=True)
class NewBatch:
    """A batch that has landed. `size`: bytes of its events' data; `archive`: the object that holds it."""

    workspace_id: str
    id: str
    events: int
    size: int
    latest: datetime
    revision: int
    archive: str


@dataclass(slots=True)
class Waiting:
    """What a shard waits for: landed batches, since how many seconds; `unfinished`: an intent, or a version to fill."""

    shard: int
    batches: int
    events: int
    oldest_s: float
    unfinished: bool


def open_workspaces(conn: Connection, ids: Collection[str]) -> dict[str, tuple[int, int]]:
    """Shard and revision of workspaces, made where they are new; erased ones are left out."""
    wanted = sorted(ids)
    rows = conn.execute(
        "SELECT workspace_id, shard, revision FROM metering.open_workspaces(%s, %s::smallint[])",
        (wanted, [store.shard_of(one) for one in wanted]),
    ).fetchall()
    return {str(workspace_id): (_int(shard), _int(revision)) for workspace_id, shard, revision in rows}


def known_batches(conn: Connection, batches: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
    """Which of these (workspace, batch) are registered."""
    rows = conn.execute("SELECT * FROM metering.known_batches(%s, %s)", _lists(batches, 2)).fetchall()
    return {(str(workspace_id), str(id_)) for workspace_id, id_ in rows}


def counting(conn: Connection, workspaces: Collection[str]) -> dict[str, Counting]:
    """What workspaces count, archived meters too; erased workspaces are left out."""
    if not workspaces:
        return {}
    rows = conn.execute(
        f"""
        SELECT workspace_id, revision, since_revision, filled, {", ".join(_VERSION)}
          FROM metering.versions_of(%s) ORDER BY workspace_id, meter_id, version
        """.encode(),
        (sorted(workspaces),),
    ).fetchall()
    found: dict[str, Counting] = {}
    for (workspace_id, revision), group in groupby(rows, key=lambda row: (row[0], row[1])):
        found[str(workspace_id)] = Counting(_int(revision), tuple(_counted(row) for row in group if row[4] is not None))
    return found


def register(conn: Connection, batches: Sequence[NewBatch]) -> int:
    """Say that batches have landed; returns how many were not registered before."""
    row = conn.execute(
        "SELECT metering.register_batches(%s, %s, %s::integer[], %s::bigint[], %s::timestamptz[], %s::bigint[], %s)",
        _lists([(b.workspace_id, b.id, b.events, b.size, b.latest, b.revision, b.archive) for b in batches], 7),
    ).fetchone()
    return _int(row[0]) if row else 0


def generations(conn: Connection, shards: Collection[int]) -> dict[int, int]:
    """The generations of shards' rows, which stay as they are until the transaction ends."""
    rows = conn.execute("SELECT shard, generation FROM metering.generations(%s::smallint[])", (sorted(shards),)).fetchall()
    return {_int(shard): _int(generation) for shard, generation in rows}


def mark_counted(conn: Connection, meters: Iterable[tuple[str, str]], at: datetime) -> None:
    """Say of (workspace, meter) that something was counted for them."""
    if marked := sorted(meters):
        conn.execute("SELECT metering.mark_counted(%s, %s, %s)", (*_lists(marked, 2), at))


def hold(conn: Connection, shard: int, holder: str, seconds: int) -> int | None:
    """Take or prolong the lease of a shard, which stays locked until the transaction ends; its generation. None: another one has
    it, or a rebuild that was broken off is to be repeated.
    """
    row = conn.execute("SELECT metering.hold_shard(%s::smallint, %s, %s)", (shard, holder, seconds)).fetchone()
    return _int(row[0]) if row and row[0] is not None else None


def hold_to_rebuild(conn: Connection, shard: int, holder: str, seconds: int) -> int | None:
    """Take the lease of a shard that is not whole from now on, until `end_rebuild`; its generation, or None: another's."""
    row = conn.execute("SELECT metering.hold_shard_to_rebuild(%s::smallint, %s, %s)", (shard, holder, seconds)).fetchone()
    return _int(row[0]) if row and row[0] is not None else None


def end_rebuild(conn: Connection, shard: int, holder: str) -> None:
    """Say that a shard that is held is whole again."""
    conn.execute("SELECT metering.end_rebuild(%s::smallint, %s)", (shard, holder))


def leave(conn: Connection, shard: int, holder: str) -> None:
    """Give a lease back."""
    conn.execute("SELECT metering.leave_shard(%s::smallint, %s)", (shard, holder))


def renew(conn: Connection, shard: int, holder: str) -> int:
    """Begin a new generation of a shard's rows, which is held in this transaction."""
    row = conn.execute("SELECT metering.renew_shard(%s::smallint, %s)", (shard, holder)).fetchone()
    return _int(row[0]) if row else 0


def waiting(conn: Connection) -> list[Waiting]:
    """What waits in each shard."""
    return fetch_rows(conn, Waiting, "SELECT shard, batches, events, oldest_s, unfinished FROM metering.waiting()", {})


def intend(conn: Connection, shard: int, most_events: int, most_bytes: int) -> Intent | None:
    """The settlement to carry out next, an unfinished one first; None: nothing waits."""
    found = fetch_rows(
        conn, Intent,
        "SELECT number, workspace_id, meter_id, version, since, until, again"
        "  FROM metering.intend(%(shard)s::smallint, %(events)s, %(batches)s, %(bytes)s)",
        {"shard": shard, "events": most_events, "batches": MOST_BATCHES, "bytes": most_bytes},
    )  # fmt: skip
    return found[0] if found else None


def settled_after(conn: Connection, shard: int, number: int, most: int) -> list[Intent]:
    """Settlements of a shard that are done, after a number, in order."""
    return fetch_rows(
        conn, Intent,
        "SELECT number, workspace_id, meter_id, version, since, until, again"
        "  FROM metering.settlements_after(%(shard)s::smallint, %(number)s, %(most)s)",
        {"shard": shard, "number": number, "most": most},
    )  # fmt: skip


def batches_of(conn: Connection, shard: int, number: int) -> list[Landed]:
    """The batches that a settlement settles."""
    return fetch_rows(
        conn, Landed, "SELECT workspace_id, id, events, revision FROM metering.batches_of(%(shard)s::smallint, %(number)s)",
        {"shard": shard, "number": number},
    )  # fmt: skip


def reckoned(conn: Connection, batches: Sequence[tuple[str, str, int]]) -> None:
    """Say up to which revision versions are reckoned in (workspace, batch)."""
    conn.execute("SELECT metering.reckoned(%s, %s, %s::bigint[])", _lists(batches, 3))


def finish(conn: Connection, shard: int, number: int, at: datetime) -> None:
    """Say that a settlement is done. The shard is held in this transaction, and `at` was read after that."""
    conn.execute("SELECT metering.finish(%s::smallint, %s, %s)", (shard, number, at))


def workspaces_after(conn: Connection, shard: int, after: str, most: int, erased_since: datetime | None = None) -> list[str]:
    """Workspaces of a shard, after one: those that stand, or those that were erased since."""
    rows = conn.execute(
        "SELECT * FROM metering.workspaces_after(%s::smallint, %s, %s, %s)", (shard, after, most, erased_since)
    ).fetchall()
    return [str(row[0]) for row in rows]


def _counted(row: Sequence[Any]) -> Counted:
    fields = dict(zip(_VERSION, row[4:], strict=True))
    return Counted(MeterVersion.model_validate(fields), _int(row[2]), row[3], tuple(sorted(fields["group_by"])))


def _lists(rows: Sequence[tuple[Any, ...]], width: int) -> tuple[list[Any], ...]:
    """Rows as lists of their columns."""
    return tuple([row[n] for row in rows] for n in range(width))


def _int(value: object) -> int:
    return int(str(value))
