"""Statements of samples."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from psycopg.rows import args_row
from psycopg.types.json import Jsonb

from oppulence.kernel.db import Connection, fetch_rows
from oppulence.kernel.pagination import After


@dataclass(frozen=True, slots=True)
class Mirrored:
    """What of an object is compared; `amount` in minor units."""

    id: str
    currency: str | None
    amount: int | None


@dataclass(slots=True)
class Comparison:
    """A sample's result: objects of one type created on one day (UTC), listed by the provider and mirrored."""

    connection_id: str
    account: str
    object_type: str
    day: date
    compared_from: datetime
    compared_at: datetime
    listed: int
    mirrored: int
    listed_sums: dict[str, int]
    mirrored_sums: dict[str, int]
    missing: int
    surplus: int
    repaired: int


def mirrored(conn: Connection, what: tuple[str, str | None], window: tuple[datetime, datetime]) -> Sequence[Mirrored]:
    """Objects of (type, field of the amount) created in a window, as the mirror has them.

    A walk over the objects of the type: `created` has no index, since each event would pay for it, and samples are few.
    """
    object_type, field = what
    with conn.cursor(row_factory=args_row(Mirrored)) as cur:
        return cur.execute(
            """
            SELECT id, data->>'currency', (data->>%(field)s::text)::bigint FROM sync.objects
             WHERE account = '' AND type = %(type)s AND NOT deleted AND version > 0
               AND (data->>'created')::bigint >= %(since)s AND (data->>'created')::bigint < %(until)s
            """,
            {
                "type": object_type, "field": field or "", "since": int(window[0].timestamp()),
                "until": int(window[1].timestamp()),
            },
        ).fetchall()  # fmt: skip


def save(conn: Connection, workspace_id: str, found: Comparison) -> None:
    """Keep the latest result of a sample."""
    values: dict[str, Any] = {name: getattr(found, name) for name in Comparison.__slots__}
    values |= {"listed_sums": Jsonb(found.listed_sums), "mirrored_sums": Jsonb(found.mirrored_sums)}
    conn.execute(
        """
        INSERT INTO sync.comparisons (workspace_id, connection_id, account, object_type, day, compared_from, compared_at, listed,
                                      mirrored, listed_sums, mirrored_sums, missing, surplus, repaired)
        VALUES (%(workspace_id)s, %(connection_id)s, %(account)s, %(object_type)s, %(day)s, %(compared_from)s, %(compared_at)s,
                %(listed)s, %(mirrored)s, %(listed_sums)s, %(mirrored_sums)s, %(missing)s, %(surplus)s, %(repaired)s)
        ON CONFLICT (workspace_id, connection_id, account, object_type, day) DO UPDATE
           SET (compared_from, compared_at, listed, mirrored, listed_sums, mirrored_sums, missing, surplus, repaired)
             = (excluded.compared_from, excluded.compared_at, excluded.listed, excluded.mirrored, excluded.listed_sums,
                excluded.mirrored_sums, excluded.missing, excluded.surplus, excluded.repaired)
        """,
        values | {"workspace_id": workspace_id},
    )


def page(conn: Connection, only: tuple[str | None, str | None], after: After | None, most: int) -> list[Comparison]:
    """Results of samples of (connection, type), None being all, the last compared first."""
    names = ", ".join(Comparison.__slots__)
    return fetch_rows(
        conn,
        Comparison,
        f"""
        SELECT {names} FROM sync.comparisons
         WHERE (%(connection)s::text IS NULL OR connection_id = %(connection)s)
           AND (%(type)s::text IS NULL OR object_type = %(type)s)
           AND (%(at)s::timestamptz IS NULL
                OR (compared_at, connection_id, account, object_type, day)
                   < (%(at)s, %(id)s, %(account)s, %(last_type)s, %(day)s::date))
         ORDER BY compared_at DESC, connection_id DESC, account DESC, object_type DESC, day DESC LIMIT %(most)s
        """,
        dict(zip(("at", "id", "account", "last_type", "day"), after or (None,) * 5, strict=True))
        | {"connection": only[0], "type": only[1], "most": most},
    )
