"""Statements of facts that are due. What spans workspaces goes through the sweep's functions, which return ids only."""

from collections.abc import Mapping, Sequence
from typing import Any

from oppulence.kernel.uow import UnitOfWork
from oppulence.sync.store import ObjectKey
from oppulence.sync.stripe_events import StripeEvent

Found = tuple[str, str, str, str]
"""Workspace, account, type, id."""

Shown = Mapping[ObjectKey, StripeEvent]
"""Stored states by their object."""


def overdue_invoices(uow: UnitOfWork, most: int) -> list[Found]:
    """Open invoices whose due date is past."""
    return _find(uow, b"SELECT * FROM sync.overdue_invoices(%s, %s)", most)


def expiring_cards(uow: UnitOfWork, most: int) -> list[Found]:
    """Attached cards that expire this month or the next."""
    return _find(uow, b"SELECT * FROM sync.expiring_cards(%s, %s)", most)


def conversions(uow: UnitOfWork, most: int) -> list[Found]:
    """Balance transactions that waited for their source and need wait no longer."""
    return _find(uow, b"SELECT * FROM sync.conversions(%s, %s)", most)


def _find(uow: UnitOfWork, query: bytes, most: int) -> list[Found]:
    rows: list[tuple[Any, ...]] = uow.conn.execute(query, (uow.now, most)).fetchall()
    return [(str(workspace), str(account), str(kind), str(object_id)) for workspace, account, kind, object_id in rows]


def defaults(uow: UnitOfWork, customers: Mapping[ObjectKey, str]) -> set[ObjectKey]:
    """Those of the cards, given with their customer, that it or a subscription which has not ended pays with by default."""
    rows: list[tuple[Any, ...]] = uow.conn.execute(
        """
        WITH cards AS (SELECT * FROM unnest(%b::text[], %b::text[], %b::text[], %b::text[]) AS c (account, type, id, customer))
        SELECT c.account, c.type, c.id FROM cards c
          JOIN sync.objects o ON o.account = c.account AND o.type = 'customer' AND o.id = c.customer
         WHERE o.workspace_id = %s
           AND c.id IN (o.data->'invoice_settings'->>'default_payment_method', o.data->>'default_source')
        UNION
        SELECT c.account, c.type, c.id FROM sync.objects o
         CROSS JOIN LATERAL (VALUES (o.data->>'default_payment_method'), (o.data->>'default_source')) AS by_default (id)
          JOIN cards c ON c.account = o.account AND c.id = by_default.id
         WHERE o.workspace_id = %s AND o.type = 'subscription' AND NOT o.deleted
           AND o.data->>'status' NOT IN ('canceled', 'incomplete_expired')
        """,
        (*_columns(list(customers)), list(customers.values()), uow.workspace_id, uow.workspace_id),
    ).fetchall()
    return {(str(account), str(kind), str(object_id)) for account, kind, object_id in rows}


def sources(uow: UnitOfWork, ids: Sequence[tuple[str, str]]) -> dict[tuple[str, str], dict[str, Any]]:
    """Charges and refunds by (account, id)."""
    rows: list[tuple[Any, ...]] = uow.conn.execute(
        """
        SELECT account, id, data FROM sync.objects JOIN unnest(%b::text[], %b::text[]) AS s (account, id) USING (account, id)
         WHERE workspace_id = %s AND type IN ('charge', 'refund')
        """,
        ([account for account, _ in ids], [object_id for _, object_id in ids], uow.workspace_id),
    ).fetchall()
    return {(str(account), str(object_id)): data for account, object_id, data in rows}


def _columns(keys: Sequence[ObjectKey]) -> tuple[list[str], list[str], list[str]]:
    return [key[0] for key in keys], [key[1] for key in keys], [key[2] for key in keys]
