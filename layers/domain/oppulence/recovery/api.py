"""What higher contexts may ask about cases."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from oppulence.kernel.db import Connection
from oppulence.recovery.cadence import DEFAULT

COHORT = "all"
"""Of cases that take part in no experiment: all, so far."""


@dataclass(frozen=True, slots=True)
class ShownCase:
    """A case as it stands, with the step and instant of each mail that was sent; amounts in minor units of `currency`."""

    id: str
    account: str | None
    invoice_id: str
    customer_id: str | None
    amount_at_risk_minor: int
    recovered_minor: int
    currency: str
    status: str
    close_reason: str | None
    opened_at: datetime
    closed_at: datetime | None
    version: int
    mails: tuple[tuple[str, datetime], ...]
    workflow: str = DEFAULT.name
    cohort: str = COHORT


def cases(conn: Connection, ids: Sequence[str]) -> list[ShownCase]:
    """Cases of the workspace by id."""
    rows = conn.execute(
        """
        SELECT c.id, c.account, c.invoice_id, c.customer_id, c.amount_at_risk_minor, c.recovered_minor, c.currency, c.status,
               c.close_reason, c.opened_at, c.closed_at, c.version,
               ARRAY(SELECT m.step FROM recovery_api.mails m WHERE m.case_id = c.id ORDER BY m.sent_at, m.step),
               ARRAY(SELECT m.sent_at FROM recovery_api.mails m WHERE m.case_id = c.id ORDER BY m.sent_at, m.step)
          FROM recovery_api.cases c
         WHERE c.id = ANY (%s)
         ORDER BY c.id
        """,
        (list(ids),),
    ).fetchall()
    found: list[Any] = [(*case, tuple(zip(steps, sent_at, strict=True))) for *case, steps, sent_at in cast(list[Any], rows)]
    return [ShownCase(*case) for case in found]


def case_ids_after(conn: Connection, after: str, most: int) -> list[str]:
    """Ids of the workspace's cases in their order, those after one."""
    rows = conn.execute("SELECT id FROM recovery_api.cases WHERE id > %s ORDER BY id LIMIT %s", (after, most)).fetchall()
    return [str(row[0]) for row in rows]
