"""The mirror as analytics reads it: which objects an announcement is about, transactions, and all states of subscriptions.

Runs as the asking context, through the views of `sync_api`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.rows import class_row
from pydantic import BaseModel, ConfigDict

from oppulence.kernel.db import Connection, fetch_rows
from oppulence.sync import subscription_facts, transactions
from oppulence.sync.events import Coupon, Discount, SubscriptionItem
from oppulence.sync.ordering import Seen, decide
from oppulence.sync.stripe_events import read
from oppulence.sync.transactions import KINDS, LINKS, PaymentInvoice, Transaction


@dataclass(frozen=True, slots=True, order=True)
class Ref:
    """An object in the mirror; `account` is '' for the connection's own."""

    account: str
    type: str
    id: str


@dataclass(slots=True)
class Shown:
    """An object as it stands."""

    account: str
    type: str
    id: str
    version: int
    event_created_at: datetime
    data: dict[str, Any]


class SubscriptionTerms(BaseModel):
    """What decides a subscription's price at one time; as in `sync.subscription.updated`, whose fields these are."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    currency: str
    customer_id: str
    status: str
    paused: bool
    items: list[SubscriptionItem]
    items_complete: bool
    discounts: list[Discount]
    started_at: datetime | None
    trial_end_at: datetime | None
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class SubscriptionState:
    """The last state that a subscription had in a second."""

    account: str
    subscription_id: str
    at: datetime
    terms: SubscriptionTerms


@dataclass(frozen=True, slots=True)
class KnownDiscount:
    """A discount with its coupon's terms; `coupon` is None while the mirror does not know them."""

    ends_at: datetime | None
    coupon: Coupon | None


def refs_of_events(conn: Connection, keys: Sequence[tuple[str, str]]) -> set[Ref]:
    """The objects that stored events, by (account, event id), are about."""
    rows = conn.execute(
        """
        SELECT DISTINCT e.account, e.object_type, e.object_id
          FROM sync_api.event_objects e JOIN unnest(%b::text[], %b::text[]) AS k (account, event_id) USING (account, event_id)
        """,
        ([account for account, _ in keys], [event_id for _, event_id in keys]),
    ).fetchall()
    return {Ref(str(account), str(kind), str(object_id)) for account, kind, object_id in rows}


def refs_after(conn: Connection, object_type: str, after: Ref | None, most: int) -> list[Ref]:
    """Objects of a type in order of account and id, those after one."""
    rows = conn.execute(
        """
        SELECT account, type, id FROM sync_api.objects
         WHERE type = %(type)s AND (%(account)s::text IS NULL OR (account, id) > (%(account)s, %(id)s))
         ORDER BY account, id LIMIT %(most)s
        """,
        {"type": object_type, "account": after and after.account, "id": after and after.id, "most": most},
    ).fetchall()
    return [Ref(str(account), str(kind), str(object_id)) for account, kind, object_id in rows]


def transactions_of(conn: Connection, refs: Sequence[Ref]) -> list[Transaction]:
    """Those of the objects that move money, as transactions."""
    shown = _objects(conn, [ref for ref in refs if ref.type in KINDS])
    return [row for one in shown if (row := transactions.transaction(one.account, one.type, one.data, one.version))]


def payment_invoices_of(conn: Connection, refs: Sequence[Ref]) -> list[PaymentInvoice]:
    """Which payments pay which invoices, where the objects say it."""
    shown = _objects(conn, [ref for ref in refs if ref.type in LINKS])
    return [row for one in shown if (row := transactions.payment_invoice(one.account, one.type, one.data, one.version))]


def subscription_states(conn: Connection, refs: Sequence[Ref]) -> list[SubscriptionState]:
    """Every state in which subscriptions were shown, one a second: by events, and as they stand now.

    Of several events of one second the mirror's own rule decides. The present state is right for its second whatever came.
    """
    wanted = [ref for ref in refs if ref.type == "subscription"]
    seen: dict[tuple[str, str, datetime], list[Seen]] = {}
    for account, object_id, created_at, arrival, body in _subscription_events(conn, wanted):
        seen.setdefault((account, object_id, created_at), []).append(Seen(read(body), arrival))
    states = {key: decide(rivals).winner.event.object for key, rivals in seen.items()}
    states |= {(one.account, one.id, one.event_created_at): one.data for one in _objects(conn, wanted)}
    return [
        SubscriptionState(account, object_id, at, SubscriptionTerms.model_validate(subscription_facts.subscription(shown)))
        for (account, object_id, at), shown in sorted(states.items(), key=lambda one: one[0])
        if shown.get("customer")
    ]


def customers_of_discounts(conn: Connection, refs: Sequence[Ref]) -> set[tuple[str, str]]:
    """(account, customer) of whoever has these discounts, or discounts of these coupons."""
    discounts = _objects(conn, [ref for ref in refs if ref.type == "discount"])
    coupons = [ref for ref in refs if ref.type == "coupon"]
    with conn.cursor(row_factory=class_row(Shown)) as cur:
        if coupons:
            discounts += cur.execute(
                """
                SELECT o.account, o.type, o.id, o.version, o.event_created_at, o.data
                  FROM sync_api.objects o JOIN unnest(%b::text[], %b::text[]) AS k (account, coupon)
                    ON k.account = o.account AND k.coupon IN (o.data->'source'->>'coupon', o.data->'coupon'->>'id')
                 WHERE o.type = 'discount'
                """,
                ([ref.account for ref in coupons], [ref.id for ref in coupons]),
            ).fetchall()
    found = {(one.account, subscription_facts.discount(one.data)["customer_id"]) for one in discounts}
    return {(account, customer) for account, customer in found if customer}


def known_discounts(conn: Connection, wanted: Sequence[tuple[str, str]]) -> dict[tuple[str, str], KnownDiscount]:
    """Discounts by (account, id), also those that were taken away, with the terms of their coupons."""
    discounts = _objects(conn, [Ref(account, "discount", discount_id) for account, discount_id in set(wanted)])
    references = {(one.account, one.id): subscription_facts.coupon_of(one.data) for one in discounts}
    by_id = {Ref(account, "coupon", found) for (account, _), found in references.items() if isinstance(found, str)}
    coupons = {(one.account, one.id): one.data for one in _objects(conn, sorted(by_id))}
    known: dict[tuple[str, str], KnownDiscount] = {}
    for one in discounts:
        reference = references[(one.account, one.id)]
        shown = coupons.get((one.account, reference)) if isinstance(reference, str) else reference
        terms = subscription_facts.coupon_terms(shown) if shown else None
        coupon = Coupon.model_validate(terms) if terms else None
        known[(one.account, one.id)] = KnownDiscount(subscription_facts.discount(one.data)["ends_at"], coupon)
    return known


def _objects(conn: Connection, refs: Sequence[Ref]) -> list[Shown]:
    if not refs:
        return []
    return fetch_rows(
        conn,
        Shown,
        """
        SELECT o.account, o.type, o.id, o.version, o.event_created_at, o.data
          FROM sync_api.objects o
          JOIN unnest(%(accounts)b::text[], %(types)b::text[], %(ids)b::text[]) AS k (account, type, id) USING (account, type, id)
        """,
        {"accounts": [ref.account for ref in refs], "types": [ref.type for ref in refs], "ids": [ref.id for ref in refs]},
    )


def _subscription_events(conn: Connection, refs: Sequence[Ref]) -> Iterator[tuple[str, str, datetime, int, bytes]]:
    if not refs:
        return iter(())
    return iter(
        conn.execute(  # type: ignore[arg-type]  # the columns are of these types
            """
            SELECT e.account, e.object_id, e.created_at, e.arrival, e.body
              FROM sync_api.subscription_events e
              JOIN unnest(%b::text[], %b::text[]) AS k (account, object_id) USING (account, object_id)
            """,
            ([ref.account for ref in refs], [ref.id for ref in refs]),
        ).fetchall()
    )
