"""Statements of meters and their versions."""

import zlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any, LiteralString, cast

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from oppulence.kernel.db import Connection
from oppulence.kernel.pagination import After
from oppulence.metering.models import Meter, MeterQuery, MeterStatus, MeterVersion

SHARDS = 16
"""A shard's workspaces are settled together; a workspace's is fixed for its life."""

_METERS = """
    SELECT m.id, m.slug, m.name, m.description, m.unit, m.metadata, m.aggregation, m.percentile, m.carry_over, m.prorated,
           CASE WHEN m.archived_at IS NULL THEN 'active' ELSE 'archived' END AS status, m.version, m.used_at, m.revision,
           m.created_at, m.updated_at, m.archived_at, v.event_type, v.value_property, v.operation_property, v.group_by, v.filter,
           v.rounding, v.effective_from
      FROM metering.meters m
      JOIN metering.meter_versions v ON v.workspace_id = m.workspace_id AND v.meter_id = m.id AND v.version = m.version
"""
_VERSIONS = """
    SELECT v.meter_id, m.slug, v.version, m.aggregation, m.percentile, m.carry_over, m.prorated, v.event_type,
           v.value_property, v.operation_property, v.group_by, v.filter, v.rounding, v.effective_from,
           least(lead(v.effective_from) OVER (PARTITION BY v.meter_id ORDER BY v.version), m.archived_at) AS effective_until
      FROM metering.meter_versions v JOIN metering.meters m ON m.workspace_id = v.workspace_id AND m.id = v.meter_id
"""


def insert(conn: Connection, workspace_id: str, meter: Meter) -> bool:
    """Save a new meter with its version; False when another active one has the slug."""
    done = conn.execute(
        """
        INSERT INTO metering.meters (workspace_id, id, slug, name, description, unit, metadata, aggregation, percentile,
                                     carry_over, prorated, version, revision, created_at, updated_at)
        VALUES (%(workspace_id)s, %(id)s, %(slug)s, %(name)s, %(description)s, %(unit)s, %(metadata)s, %(aggregation)s,
                %(percentile)s, %(carry_over)s, %(prorated)s, %(version)s, %(revision)s, %(created_at)s, %(updated_at)s)
        ON CONFLICT (workspace_id, slug) WHERE archived_at IS NULL DO NOTHING
        """,
        _values(meter) | {"workspace_id": workspace_id},
    )
    if done.rowcount:
        insert_version(conn, workspace_id, meter)
    return bool(done.rowcount)


def insert_version(conn: Connection, workspace_id: str, meter: Meter) -> None:
    """Save what a meter counts by now as its version of that number."""
    revision = raise_revision(conn, workspace_id)
    conn.execute(
        """
        INSERT INTO metering.meter_versions (workspace_id, meter_id, version, event_type, value_property, operation_property,
                                             group_by, filter, rounding, effective_from, created_at, revision)
        VALUES (%(workspace_id)s, %(id)s, %(version)s, %(event_type)s, %(value_property)s, %(operation_property)s,
                %(group_by)s, %(filter)s, %(rounding)s, %(effective_from)s, %(updated_at)s,
                %(workspace_revision)s)
        """,
        _values(meter) | {"workspace_id": workspace_id, "workspace_revision": revision},
    )


def raise_revision(conn: Connection, workspace_id: str) -> int:
    """Say that what the workspace's meters count changes with this transaction; others that say so wait for its end."""
    row = conn.execute(
        """
        INSERT INTO metering.workspaces AS w (workspace_id, shard, revision) VALUES (%s, %s, 1)
        ON CONFLICT (workspace_id) DO UPDATE SET revision = w.revision + 1 RETURNING revision
        """,
        (workspace_id, shard_of(workspace_id)),
    ).fetchone()
    return int(str(row[0])) if row else 0


def shard_of(workspace_id: str) -> int:
    """The shard in which a workspace is settled."""
    return zlib.crc32(workspace_id.encode()) % SHARDS


def save(conn: Connection, meter: Meter) -> None:
    """Save what changed of a meter, whose row the caller has locked; versions are inserted, not changed."""
    conn.execute(
        """
        UPDATE metering.meters
           SET name = %(name)s, description = %(description)s, unit = %(unit)s, metadata = %(metadata)s, version = %(version)s,
               revision = %(revision)s, updated_at = %(updated_at)s, archived_at = %(archived_at)s
         WHERE id = %(id)s
        """,
        _values(meter),
    )


def get(conn: Connection, id_or_slug: str, *, lock: bool = False) -> Meter | None:
    """A meter by its id, or an active one by its slug; locked for the transaction if asked."""
    with conn.cursor(row_factory=class_row(Meter)) as cur:
        return cur.execute(
            f"""
            {_METERS} WHERE m.id = %(key)s OR (m.slug = %(key)s AND m.archived_at IS NULL){" FOR UPDATE OF m" if lock else ""}
            """.encode(),
            {"key": id_or_slug},
        ).fetchone()


def page(conn: Connection, query: MeterQuery, after: After | None, most: int) -> list[Meter]:
    """Meters, the newest first."""
    values: dict[str, Any] = {
        "event_type": query.event_type, "aggregation": query.aggregation, "created_at": after and after[0],
        "id": after and after[1], "most": most,
    }  # fmt: skip
    with conn.cursor(row_factory=class_row(Meter)) as cur:
        return cur.execute(
            f"""
            {_METERS}
             WHERE m.archived_at IS {"NULL" if query.status is MeterStatus.ACTIVE else "NOT NULL"}
               AND (%(event_type)s::text IS NULL OR v.event_type = %(event_type)s)
               AND (%(aggregation)s::text IS NULL OR m.aggregation = %(aggregation)s)
               AND (%(id)s::text IS NULL OR (m.created_at, m.id) < (%(created_at)s::timestamptz, %(id)s))
             ORDER BY m.created_at DESC, m.id DESC LIMIT %(most)s
            """.encode(),
            values,
        ).fetchall()


def numbered_page(conn: Connection, order: LiteralString, archived_too: bool, page: int, size: int) -> list[Meter]:
    """A page by its number, for callers who know no other pages: it costs as much as all pages before it."""
    with conn.cursor(row_factory=class_row(Meter)) as cur:
        return cur.execute(
            f"{_METERS} WHERE %s OR m.archived_at IS NULL ORDER BY {order}, m.id LIMIT %s OFFSET %s".encode(),
            (archived_too, size, (page - 1) * size),
        ).fetchall()


def count_of_type(conn: Connection, event_type: str) -> int:
    """How many active meters count events of a type, by their newest versions."""
    row = conn.execute(
        """
        SELECT count(*) FROM metering.meters m
          JOIN metering.meter_versions v ON v.workspace_id = m.workspace_id AND v.meter_id = m.id AND v.version = m.version
         WHERE m.archived_at IS NULL AND v.event_type = %s
        """,
        (event_type,),
    ).fetchone()
    return int(str(row[0])) if row else 0


def beginnings(conn: Connection, meter_ids: Sequence[str]) -> dict[str, datetime | None]:
    """Since when meters count, by their ids: when their first version begins."""
    rows = conn.execute(
        "SELECT meter_id, effective_from FROM metering.meter_versions WHERE version = 1 AND meter_id = ANY(%s)",
        (list(meter_ids),),
    ).fetchall()
    return {str(meter_id): cast("datetime | None", since) for meter_id, since in rows}


def versions(conn: Connection) -> list[MeterVersion]:
    """All versions of all meters, archived ones too."""
    with conn.cursor(row_factory=class_row(MeterVersion)) as cur:
        return cur.execute(f"{_VERSIONS} ORDER BY v.meter_id, v.version".encode()).fetchall()


def versions_of(conn: Connection, meter_id: str, after: int, most: int) -> list[MeterVersion]:
    """A meter's versions that come after a number, in order."""
    with conn.cursor(row_factory=class_row(MeterVersion)) as cur:
        return cur.execute(
            f"SELECT * FROM ({_VERSIONS} WHERE v.meter_id = %s) f WHERE f.version > %s ORDER BY f.version LIMIT %s".encode(),
            (meter_id, after, most),
        ).fetchall()


def dimensions(conn: Connection, meter_ids: Sequence[str]) -> dict[str, set[str]]:
    """The names of all dimensions that meters ever had, by their ids; those that had none are left out."""
    rows = conn.execute(
        """
        SELECT v.meter_id, array_agg(DISTINCT n.name) FROM metering.meter_versions v, jsonb_object_keys(v.group_by) AS n (name)
         WHERE v.meter_id = ANY(%s) GROUP BY v.meter_id
        """,
        (list(meter_ids),),
    ).fetchall()
    return {str(meter_id): set(cast("list[str]", names)) for meter_id, names in rows}


def being_filled(conn: Connection, ids_or_slugs: Sequence[str]) -> bool:
    """Whether versions of these meters do not count all yet that was settled before they came."""
    row = conn.execute(
        """
        SELECT EXISTS (SELECT FROM metering.meter_versions v
                         JOIN metering.meters m ON m.workspace_id = v.workspace_id AND m.id = v.meter_id
                        WHERE (v.filled IS NULL OR v.filled_to < v.filled)
                          AND (m.id = ANY(%(keys)s) OR m.slug = ANY(%(keys)s) AND m.archived_at IS NULL))
        """,
        {"keys": list(ids_or_slugs)},
    ).fetchone()
    return bool(row and row[0])


def unfilled(conn: Connection, id_or_slug: str, reckoned: int | None) -> list[tuple[str, datetime | None, datetime]]:
    """(event type, since when it counts, when it came) of a meter's versions that do not count all yet that came before them.

    `reckoned`: as in a `Snapshot`.
    """
    rows = conn.execute(
        """
        SELECT v.event_type, v.effective_from, v.created_at FROM metering.meter_versions v
          JOIN metering.meters m ON m.workspace_id = v.workspace_id AND m.id = v.meter_id
         WHERE (v.filled IS NULL OR v.filled_to < v.filled OR v.revision > %(reckoned)s::bigint)
           AND (m.id = %(key)s OR m.slug = %(key)s AND m.archived_at IS NULL)
        """,
        {"key": id_or_slug, "reckoned": reckoned},
    ).fetchall()
    return cast("list[tuple[str, datetime | None, datetime]]", rows)


def mark_used(conn: Connection, meter_ids: Sequence[str], at: datetime) -> None:
    """Say of meters that something was counted for them."""
    conn.execute("UPDATE metering.meters SET used_at = %s WHERE id = ANY(%s) AND used_at IS NULL", (at, sorted(meter_ids)))


def delete_unused(conn: Connection, meter_id: str) -> bool:
    """Delete a meter that counted nothing; False when it did."""
    return conn.execute("DELETE FROM metering.meters WHERE id = %s AND used_at IS NULL", (meter_id,)).rowcount == 1


def delete_all(conn: Connection, workspace_id: str, at: datetime) -> None:
    """Delete the workspace's meters, with their versions, and its batches; no others are taken in from now on."""
    conn.execute(
        """
        INSERT INTO metering.workspaces AS w (workspace_id, shard, erased_at) VALUES (%s, %s, %s)
        ON CONFLICT (workspace_id) DO UPDATE SET erased_at = coalesce(w.erased_at, excluded.erased_at)
        """,
        (workspace_id, shard_of(workspace_id), at),
    )
    conn.execute("DELETE FROM metering.batches")
    conn.execute("DELETE FROM metering.meters")


def _values(meter: Meter) -> dict[str, Any]:
    values = meter.model_dump()
    for name in ("metadata", "group_by"):
        values[name] = Jsonb(values[name])
    for name, part in (("filter", meter.filter), ("rounding", meter.rounding)):
        values[name] = None if part is None else Jsonb(part.model_dump(mode="json", by_alias=True, exclude_unset=True))
    return values
