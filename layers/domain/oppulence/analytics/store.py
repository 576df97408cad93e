"""Statements on the states of subscriptions. Row-level security supplies the workspace."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic_core import to_json

from oppulence.analytics.mrr import COUNTED, left_out
from oppulence.kernel.db import Connection, fetch_rows
from oppulence.sync.api import Ref, SubscriptionState, SubscriptionTerms

Customer = tuple[str, str]
"""Account, and the provider's id of the customer."""


@dataclass(slots=True)
class _State:
    account: str
    subscription_id: str
    at: datetime
    terms: dict[str, Any]


def save_states(conn: Connection, workspace_id: str, states: Sequence[SubscriptionState]) -> None:
    """Write states; a known one is written over, as a late event of the same second may have changed it."""
    conn.execute(
        """
        INSERT INTO analytics.subscription_states AS s (workspace_id, account, subscription_id, at, customer_id, terms, left_out)
        SELECT %s, n.account, n.subscription_id, n.at, n.customer_id, n.terms::jsonb, string_to_array(n.left_out, ' ')
          FROM unnest(%b::text[], %b::text[], %b::timestamptz[], %b::text[], %b::text[], %b::text[])
               AS n (account, subscription_id, at, customer_id, terms, left_out)
        ON CONFLICT (workspace_id, account, subscription_id, at) DO UPDATE
           SET terms = excluded.terms, left_out = excluded.left_out, customer_id = excluded.customer_id
         WHERE (s.terms, s.left_out, s.customer_id) IS DISTINCT FROM (excluded.terms, excluded.left_out, excluded.customer_id)
        """,
        (
            workspace_id, [one.account for one in states], [one.subscription_id for one in states], [one.at for one in states],
            [one.terms.customer_id for one in states], [to_json(one.terms).decode() for one in states],
            [" ".join(left_out(one.terms)) for one in states],
        ),
    )  # fmt: skip


def next_generation(conn: Connection, workspace_id: str, customers: Iterable[Customer]) -> int:
    """Hold the customers until the transaction ends, and number this reckoning of their movements.

    What is read of them after this holds all that earlier generations held.
    """
    wanted = sorted(customers)
    conn.execute(
        """
        SELECT pg_advisory_xact_lock(k.hash)
          FROM (SELECT DISTINCT hashtextextended(concat_ws(chr(31), 'analytics.mrr', %s::text, account, customer_id), 0) AS hash
                  FROM unnest(%b::text[], %b::text[]) AS k (account, customer_id) ORDER BY hash) AS k
        """,
        (workspace_id, [account for account, _ in wanted], [customer for _, customer in wanted]),
    )
    row = conn.execute("SELECT nextval('analytics.generations')").fetchone()
    return int(str(row[0])) if row else 0


def customers_of(conn: Connection, refs: Iterable[Ref]) -> set[Customer]:
    """Whose these subscriptions are, or have been."""
    wanted = list(refs)
    rows = conn.execute(
        """
        SELECT DISTINCT s.account, s.customer_id
          FROM analytics.subscription_states s JOIN unnest(%b::text[], %b::text[]) AS k (account, subscription_id)
         USING (account, subscription_id)
        """,
        ([ref.account for ref in wanted], [ref.id for ref in wanted]),
    ).fetchall()
    return {(str(account), str(customer)) for account, customer in rows}


def states_of(conn: Connection, customers: Iterable[Customer]) -> list[SubscriptionState]:
    """All states of all subscriptions of these customers."""
    wanted = list(customers)
    rows = fetch_rows(
        conn,
        _State,
        """
        SELECT s.account, s.subscription_id, s.at, s.terms
          FROM analytics.subscription_states s
          JOIN unnest(%(accounts)b::text[], %(customers)b::text[]) AS k (account, customer_id) USING (account, customer_id)
        """,
        {"accounts": [account for account, _ in wanted], "customers": [customer for _, customer in wanted]},
    )
    return [
        SubscriptionState(row.account, row.subscription_id, row.at, SubscriptionTerms.model_validate(row.terms)) for row in rows
    ]


def count_left_out(conn: Connection) -> dict[str, int]:
    """Subscriptions that count now, but not with all their items, by reason."""
    rows = conn.execute(
        """
        SELECT reason, count(*)
          FROM (SELECT DISTINCT ON (account, subscription_id) terms, left_out
                  FROM analytics.subscription_states ORDER BY account, subscription_id, at DESC) last, unnest(left_out) AS reason
         WHERE terms->>'status' = ANY (%s) AND NOT (terms->>'paused')::boolean
         GROUP BY reason ORDER BY reason
        """,
        (sorted(COUNTED),),
    ).fetchall()
    return {str(reason): int(str(number)) for reason, number in rows}


def erase(conn: Connection) -> None:
    """Delete the workspace's states."""
    conn.execute("DELETE FROM analytics.subscription_states")
