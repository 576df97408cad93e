"""Statements of customers."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from psycopg.errors import UniqueViolation
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from oppulence.customers.models import CustomerRow, CustomerStatus
from oppulence.kernel.db import Connection
from oppulence.kernel.pagination import After

COLUMNS = (
    "id, key, status, merged_into, name, emails, phone, address, tax_ids, currency, locale, time_zone, metadata, version,"
    " created_at, updated_at"
)

_HAS_SUBJECTS = """EXISTS (SELECT FROM customers.subject_owners s WHERE s.customer_id = c.id
                           AND NOT (s.by_key AND s.valid_from = '1900-01-01Z' AND s.replaced_at IS NULL))"""
"""Whether a customer has, or had, more than what is its own by its key alone."""


def insert(conn: Connection, workspace_id: str, row: CustomerRow) -> bool:
    """Save a new customer; False when another one has the key."""
    done = conn.execute(
        f"""
        INSERT INTO customers.customers (workspace_id, {COLUMNS})
        VALUES (%(workspace_id)s, %(id)s, %(key)s, %(status)s, %(merged_into)s, %(name)s, %(emails)s, %(phone)s, %(address)s,
                %(tax_ids)s, %(currency)s, %(locale)s, %(time_zone)s, %(metadata)s, %(version)s, %(created_at)s, %(updated_at)s)
        ON CONFLICT (workspace_id, key) DO NOTHING
        """.encode(),
        _values(row) | {"workspace_id": workspace_id},
    )
    return done.rowcount == 1


def insert_bare(conn: Connection, workspace_id: str, made: Sequence[tuple[str, str | None]], at: datetime) -> set[str]:
    """Save customers of which only (id, key) is known; returns ids of those whose key nobody has."""
    rows = conn.execute(
        """
        INSERT INTO customers.customers (workspace_id, id, key, status, created_at, updated_at)
        SELECT %(workspace_id)s, n.id, n.key, 'active', %(at)s, %(at)s
          FROM unnest(%(ids)s::text[], %(keys)s::text[]) AS n (id, key)
        ON CONFLICT (workspace_id, key) DO NOTHING RETURNING id
        """,
        {"workspace_id": workspace_id, "ids": [one[0] for one in made], "keys": [one[1] for one in made], "at": at},
    ).fetchall()
    return {str(row[0]) for row in rows}


def get(conn: Connection, customer_id: str, *, lock: bool = False) -> CustomerRow | None:
    """One customer, locked for the transaction if asked."""
    with conn.cursor(row_factory=class_row(CustomerRow)) as cur:
        query = f"SELECT {COLUMNS} FROM customers.customers WHERE id = %s{' FOR UPDATE' if lock else ''}"
        return cur.execute(query.encode(), (customer_id,)).fetchone()


def share(conn: Connection, customer_id: str) -> CustomerRow | None:
    """One customer, held as it is for the transaction, beside others who do the same."""
    with conn.cursor(row_factory=class_row(CustomerRow)) as cur:
        return cur.execute(
            f"SELECT {COLUMNS} FROM customers.customers WHERE id = %s FOR SHARE".encode(), (customer_id,)
        ).fetchone()


def ids_by_key(conn: Connection, keys: Iterable[str]) -> dict[str, str]:
    """Ids of the customers that have these keys, or that were made one with those who had them."""
    rows = conn.execute(
        "SELECT key, coalesce(merged_into, id) FROM customers.customers WHERE key = ANY(%s)", (list(keys),)
    ).fetchall()
    return {str(key): str(customer_id) for key, customer_id in rows}


def save(conn: Connection, row: CustomerRow) -> bool:
    """Save a changed customer, whose row the caller has locked; False when another one has its key, and then only refuse."""
    statement = b"""
        UPDATE customers.customers
           SET key = %(key)s, status = %(status)s, merged_into = %(merged_into)s, name = %(name)s, emails = %(emails)s,
               phone = %(phone)s, address = %(address)s, tax_ids = %(tax_ids)s, currency = %(currency)s, locale = %(locale)s,
               time_zone = %(time_zone)s, metadata = %(metadata)s, version = %(version)s, updated_at = %(updated_at)s
         WHERE id = %(id)s
        """
    try:
        conn.execute(statement, _values(row))
    except UniqueViolation:
        return False
    return True


def count_up(conn: Connection, ids: Sequence[str], at: datetime) -> dict[str, int]:
    """Give customers their next version; returns it by id."""
    rows = conn.execute(
        "UPDATE customers.customers SET version = version + 1, updated_at = %s WHERE id = ANY(%s) RETURNING id, version",
        (at, sorted(ids)),
    ).fetchall()
    return {str(customer_id): int(str(version)) for customer_id, version in rows}


def delete_unused(conn: Connection, customer_id: str) -> bool:
    """Delete a customer to which nothing refers, with what it has by its key; False when something does."""
    done = conn.execute(
        f"""
        WITH unused AS (
          SELECT c.id FROM customers.customers c
           WHERE c.id = %s AND c.used_at IS NULL AND NOT {_HAS_SUBJECTS}
             AND NOT EXISTS (SELECT FROM customers.links l WHERE l.customer_id = c.id)
             AND NOT EXISTS (SELECT FROM customers.merges m WHERE m.into_id = c.id)
        ), points AS (
          DELETE FROM customers.subject_owners s USING unused WHERE s.customer_id = unused.id
        )
        DELETE FROM customers.customers c USING unused WHERE c.id = unused.id
        """.encode(),
        (customer_id,),
    )
    return done.rowcount == 1


def is_used(conn: Connection, customer_id: str) -> bool:
    """Whether a higher context refers to a customer, or it has, or had, a usage subject beside its key."""
    query = f"SELECT c.used_at IS NOT NULL OR {_HAS_SUBJECTS} FROM customers.customers c WHERE c.id = %s"
    row = conn.execute(query.encode(), (customer_id,)).fetchone()
    return row is not None and row[0] is True


def merged_into(conn: Connection, customer_id: str) -> list[CustomerRow]:
    """Tombstones of the customers that were merged into one, by id."""
    with conn.cursor(row_factory=class_row(CustomerRow)) as cur:
        query = f"SELECT {COLUMNS} FROM customers.customers WHERE merged_into = %s ORDER BY id"
        return cur.execute(query.encode(), (customer_id,)).fetchall()


def redirect(conn: Connection, old: str, new: str) -> None:
    """What was merged into one customer is now merged into another, so that no tombstone leads to a tombstone."""
    conn.execute("UPDATE customers.customers SET merged_into = %s WHERE merged_into = %s", (new, old))


def note_merge(conn: Connection, workspace_id: str, ended: str, kept: str, at: datetime) -> None:
    """Note what was merged into what, and when."""
    conn.execute(
        "INSERT INTO customers.merges (workspace_id, customer_id, into_id, merged_at) VALUES (%s, %s, %s, %s)",
        (workspace_id, ended, kept, at),
    )


def page(conn: Connection, status: CustomerStatus, key: str | None, after: After | None, most: int) -> list[CustomerRow]:
    """Customers of a status, the newest first."""
    with conn.cursor(row_factory=class_row(CustomerRow)) as cur:
        return cur.execute(
            f"""
            SELECT {COLUMNS} FROM customers.customers
             WHERE status = %(status)s AND (%(key)s::text IS NULL OR key = %(key)s)
               AND (%(at)s::timestamptz IS NULL OR (created_at, id) < (%(at)s, %(id)s))
             ORDER BY created_at DESC, id DESC LIMIT %(most)s
            """.encode(),
            {"status": status, "key": key, "at": after and after[0], "id": after and after[1], "most": most},
        ).fetchall()


def time_zones(conn: Connection) -> frozenset[str]:
    """Names of the IANA database; PostgreSQL carries it, the runtime of functions does not."""
    return frozenset(str(row[0]) for row in conn.execute("SELECT name FROM pg_timezone_names").fetchall())


ERASING = (
    *(
        f"DELETE FROM customers.{table} WHERE ctid = ANY (ARRAY(SELECT ctid FROM customers.{table} LIMIT %s))"
        for table in ("links", "subject_owners", "terms", "merges")
    ),
    "UPDATE customers.customers SET status = 'erased', merged_into = NULL"
    " WHERE ctid = ANY (ARRAY(SELECT ctid FROM customers.customers WHERE status = 'merged' LIMIT %s))",
    "DELETE FROM customers.customers WHERE ctid = ANY (ARRAY(SELECT ctid FROM customers.customers LIMIT %s))",
)
"""Each, said until it finds nothing more, in this order, deletes all that the context has of a workspace."""


def erase_some(conn: Connection, statement: str, most: int) -> int:
    """One of `ERASING` on so many rows; returns on how many there were."""
    return conn.execute(statement.encode(), (most,)).rowcount


def _values(row: CustomerRow) -> dict[str, Any]:
    values = row.model_dump()
    return values | {
        "address": Jsonb(values["address"]) if row.address else None,
        "tax_ids": Jsonb(values["tax_ids"]),
        "metadata": Jsonb(values["metadata"]),
    }
