"""Statements of links to provider customers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.rows import class_row

from oppulence.customers.models import ProviderLink
from oppulence.kernel.db import Connection


@dataclass(frozen=True, slots=True)
class LinkRow:
    """A link as it is stored; `account` is '' for the connection's own."""

    provider: str
    account: str
    provider_customer_id: str
    customer_id: str
    provider_version: int
    deleted: bool

    @property
    def place(self) -> tuple[str, str, str]:
        """Whom it is about."""
        return self.provider, self.account, self.provider_customer_id


def lock(conn: Connection, workspace_id: str) -> None:
    """Wait for others who make links in the workspace, and keep them waiting until the transaction ends."""
    conn.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 3))", (workspace_id,))


def find(conn: Connection, provider: str, places: Sequence[tuple[str, str]]) -> list[LinkRow]:
    """Links of provider customers, given as (account, id)."""
    with conn.cursor(row_factory=class_row(LinkRow)) as cur:
        return cur.execute(
            """
            SELECT l.provider, l.account, l.provider_customer_id, l.customer_id, l.provider_version, l.deleted
              FROM customers.links l
              JOIN unnest(%s::text[], %s::text[]) AS k (account, provider_customer_id) USING (account, provider_customer_id)
             WHERE l.provider = %s
            """,
            ([account for account, _ in places], [one for _, one in places], provider),
        ).fetchall()


def upsert(conn: Connection, workspace_id: str, rows: Sequence[LinkRow], at: datetime) -> None:
    """Save links: new ones, and what is new of known ones. A removal is never undone."""
    names = ("provider", "account", "provider_customer_id", "customer_id", "provider_version", "deleted")
    columns: list[Any] = [[getattr(row, name) for row in rows] for name in names]
    conn.execute(
        """
        INSERT INTO customers.links AS l (workspace_id, linked_at, provider, account, provider_customer_id, customer_id,
                                          provider_version, deleted)
        SELECT %s, %s, * FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::bigint[], %s::boolean[])
        ON CONFLICT (workspace_id, provider, account, provider_customer_id) DO UPDATE
           SET provider_version = greatest(l.provider_version, excluded.provider_version), deleted = l.deleted OR excluded.deleted
        """,
        [workspace_id, at, *columns],
    )


def of_customers(conn: Connection, ids: Sequence[str]) -> dict[str, list[ProviderLink]]:
    """The links of each of these customers, the oldest first."""
    rows = conn.execute(
        """
        SELECT customer_id, provider, account, provider_customer_id, deleted, linked_at FROM customers.links
         WHERE customer_id = ANY(%s) ORDER BY linked_at, provider_customer_id
        """,
        (list(ids),),
    ).fetchall()
    found: dict[str, list[ProviderLink]] = {}
    for customer_id, provider, account, provider_customer_id, deleted, linked_at in rows:
        link = ProviderLink.model_validate(
            {
                "provider": provider, "account": account or None, "provider_customer_id": provider_customer_id,
                "deleted": deleted, "linked_at": linked_at,
            }
        )  # fmt: skip
        found.setdefault(str(customer_id), []).append(link)
    return found


def give_all(conn: Connection, old: str, new: str) -> None:
    """Make all links of a customer another one's."""
    conn.execute("UPDATE customers.links SET customer_id = %s WHERE customer_id = %s", (new, old))
