"""Queries on feature flags."""

from psycopg.rows import class_row

from oppulence.kernel.db import Connection
from oppulence.kernel.pagination import After
from oppulence.tenancy.models import FeatureFlag

_COLUMNS = "name, enabled, description, updated_at"


def list_flags(conn: Connection, after: After | None, most: int) -> list[FeatureFlag]:
    """Flags by name."""
    (after_name,) = after or (None,)
    with conn.cursor(row_factory=class_row(FeatureFlag)) as cur:
        return cur.execute(
            f"SELECT {_COLUMNS} FROM tenancy.feature_flags WHERE %(after)s::text IS NULL OR name > %(after)s"
            " ORDER BY name LIMIT %(most)s".encode(),
            {"after": after_name, "most": most},
        ).fetchall()


def lock_flag(conn: Connection, name: str) -> FeatureFlag | None:
    """One flag, held until the transaction ends."""
    with conn.cursor(row_factory=class_row(FeatureFlag)) as cur:
        statement = f"SELECT {_COLUMNS} FROM tenancy.feature_flags WHERE name = %s FOR UPDATE"
        return cur.execute(statement.encode(), (name,)).fetchone()


def upsert_flag(conn: Connection, workspace_id: str, flag: FeatureFlag) -> None:
    """Write a flag."""
    conn.execute(
        """
        INSERT INTO tenancy.feature_flags (workspace_id, name, enabled, description, updated_at)
        VALUES (%(workspace_id)s, %(name)s, %(enabled)s, %(description)s, %(updated_at)s)
        ON CONFLICT (workspace_id, name) DO UPDATE
           SET enabled = excluded.enabled, description = excluded.description, updated_at = excluded.updated_at
        """,
        {**flag.model_dump(), "workspace_id": workspace_id},
    )
