"""What people and programs read of recovery: cases, one case with its timeline, and the sum of it all."""

from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Annotated, Any

from psycopg.rows import class_row
from pydantic import BaseModel, Field
from pydantic.dataclasses import dataclass

from oppulence.kernel.instant import Instant
from oppulence.kernel.money import Currency
from oppulence.kernel.pagination import After, Page, PageQuery, paginate
from oppulence.kernel.uow import UnitOfWork
from oppulence.recovery import store
from oppulence.recovery.errors import CaseNotFound
from oppulence.recovery.models import CaseStatus, CloseReason, EntryKind

TIMELINE_MAX = 500
_RATE_PLACES = Decimal("0.0001")

Since = Annotated[Instant | None, Field(description="Only cases opened at or after this instant (ISO 8601 with offset).")]
Until = Annotated[Instant | None, Field(description="Only cases opened before this instant (ISO 8601 with offset).")]


class CasesQuery(PageQuery):
    """Filters of the list of cases; all given ones must hold."""

    status: CaseStatus | None = None
    currency: Currency | None = None
    customer_id: Annotated[str | None, Field(max_length=255, description="The provider's id of the customer.")] = None
    invoice_id: Annotated[str | None, Field(max_length=255, description="The provider's id of the invoice.")] = None
    since: Since = None
    until: Until = None


class CaseSummary(BaseModel):
    """A case. Amounts are minor units of `currency`."""

    id: str
    account: Annotated[str | None, Field(description="Connected account of the invoice; null for the connection's own.")]
    invoice_id: str
    customer_id: str | None
    status: CaseStatus
    amount_at_risk_minor: Annotated[int, Field(description="Unpaid at the first failure.")]
    recovered_minor: Annotated[int, Field(description="Part of it that was paid in the end.")]
    currency: str
    failures: Annotated[int, Field(description="Failed payments of the invoice.")]
    opened_at: Annotated[datetime, Field(description="When the payment failed for the first time.")]
    closed_at: datetime | None
    close_reason: CloseReason | None
    next_step_at: Annotated[datetime | None, Field(description="When the case is looked at again; null once it is closed.")]
    execution_name: Annotated[str, Field(description="Name of the dunning execution in the Step Functions console.")]


class TimelineEntry(BaseModel):
    """One thing that happened to a case, with its reason."""

    at: datetime
    kind: EntryKind
    step: Annotated[str | None, Field(description="Step of the cadence it is about.")]
    reason: str
    details: dict[str, Any]


class CaseWithTimeline(CaseSummary):
    """A case and all that happened to it, oldest first."""

    execution_arn: str | None
    timeline: Annotated[list[TimelineEntry], Field(description=f"The latest {TIMELINE_MAX} entries.")]


class CurrencyTotal(BaseModel):
    """Cases of one currency; amounts in its minor units."""

    currency: str
    cases: int
    amount_at_risk_minor: int
    recovered_minor: int
    open_minor: Annotated[int, Field(description="At risk in cases still open.")]
    lost_minor: Annotated[int, Field(description="At risk in cases that were lost.")]
    recovery_rate: Annotated[str | None, Field(description="`recovered_minor` / `amount_at_risk_minor`, four decimal places.")]


class RecoverySummary(BaseModel):
    """What recovery came to, over the cases opened in a span of time."""

    cases_opened: int
    cases_open: int
    cases_recovered: int
    cases_lost: int
    mails_sent: int
    recovery_rate: Annotated[
        str | None, Field(description="`cases_recovered` / `cases_opened`, four decimal places; null without cases.")
    ]
    by_currency: list[CurrencyTotal]


@dataclass(frozen=True)
class _Total:
    currency: str
    opened: int
    open: int
    recovered: int
    lost: int
    mails: int
    at_risk_minor: int
    recovered_minor: int
    open_minor: int
    lost_minor: int


def list_cases(uow: UnitOfWork, query: CasesQuery) -> Page[CaseSummary]:
    """A page of cases, the latest opened first."""

    def fetch(after: After | None, most: int) -> list[CaseSummary]:
        at, last_id = after or (None, None)
        filters = query.model_dump(exclude={"cursor", "limit"}) | {"after_at": at, "after_id": last_id, "most": most}
        with uow.conn.cursor(row_factory=class_row(CaseSummary)) as cur:
            return cur.execute(_LIST, filters).fetchall()

    return paginate(uow, query, fetch, lambda case: (case.opened_at, case.id))


def get_case(uow: UnitOfWork, case_id: str) -> CaseWithTimeline:
    """One case with its timeline.

    Raises:
        CaseNotFound: this workspace has none of that id.
    """
    case = store.fetch_case(uow.conn, case_id)
    if case is None:
        raise CaseNotFound(f"No recovery case '{case_id}'. List them with GET /v1/recovery/cases.", param="case_id")
    entries = [
        TimelineEntry(at=one.at, kind=one.kind, step=one.step, reason=one.reason, details=one.details)
        for one in store.timeline(uow.conn, case_id, TIMELINE_MAX)
    ]
    fields = {name: getattr(case, name) for name in (*CaseSummary.model_fields, "execution_arn")}
    return CaseWithTimeline(**fields, timeline=entries)


def summarize(uow: UnitOfWork, since: datetime | None, until: datetime | None) -> RecoverySummary:
    """The sum over cases opened in a span; mails are those sent for these cases, whenever they were sent."""
    with uow.conn.cursor(row_factory=class_row(_Total)) as cur:
        totals = cur.execute(_SUMMARY, {"since": since, "until": until}).fetchall()
    opened, recovered = sum(one.opened for one in totals), sum(one.recovered for one in totals)
    return RecoverySummary(
        cases_opened=opened, cases_open=sum(one.open for one in totals), cases_recovered=recovered,
        cases_lost=sum(one.lost for one in totals), mails_sent=sum(one.mails for one in totals),
        recovery_rate=rate(recovered, opened), by_currency=[_of_currency(one) for one in totals],
    )  # fmt: skip


def rate(part: int, whole: int) -> str | None:
    """A share with four decimal places, rounded half to even; None of nothing."""
    if whole == 0:
        return None
    return str((Decimal(part) / Decimal(whole)).quantize(_RATE_PLACES, ROUND_HALF_EVEN))


def _of_currency(total: _Total) -> CurrencyTotal:
    return CurrencyTotal(
        currency=total.currency, cases=total.opened, amount_at_risk_minor=total.at_risk_minor,
        recovered_minor=total.recovered_minor, open_minor=total.open_minor, lost_minor=total.lost_minor,
        recovery_rate=rate(total.recovered_minor, total.at_risk_minor),
    )  # fmt: skip


_LIST = b"""
    SELECT id, nullif(account, '') AS account, invoice_id, customer_id, status, amount_at_risk_minor, recovered_minor, currency,
           failures, opened_at, closed_at, close_reason, next_step_at, execution_name
      FROM recovery.cases
     WHERE (%(status)s::text IS NULL OR status = %(status)s)
       AND (%(currency)s::text IS NULL OR currency = %(currency)s)
       AND (%(customer_id)s::text IS NULL OR customer_id = %(customer_id)s)
       AND (%(invoice_id)s::text IS NULL OR invoice_id = %(invoice_id)s)
       AND (%(since)s::timestamptz IS NULL OR opened_at >= %(since)s)
       AND (%(until)s::timestamptz IS NULL OR opened_at < %(until)s)
       AND (%(after_id)s::text IS NULL OR (opened_at, id) < (%(after_at)s::timestamptz, %(after_id)s))
     ORDER BY opened_at DESC, id DESC
     LIMIT %(most)s
"""

_SUMMARY = b"""
    SELECT c.currency, count(*) AS opened,
           count(*) FILTER (WHERE c.status = 'open') AS open,
           count(*) FILTER (WHERE c.status = 'recovered') AS recovered,
           count(*) FILTER (WHERE c.status = 'lost') AS lost,
           coalesce(sum(m.sent), 0)::bigint AS mails,
           sum(c.amount_at_risk_minor)::bigint AS at_risk_minor,
           sum(c.recovered_minor)::bigint AS recovered_minor,
           coalesce(sum(c.amount_at_risk_minor) FILTER (WHERE c.status = 'open'), 0)::bigint AS open_minor,
           coalesce(sum(c.amount_at_risk_minor) FILTER (WHERE c.status = 'lost'), 0)::bigint AS lost_minor
      FROM recovery.cases c
      LEFT JOIN (SELECT s.case_id, count(*) AS sent FROM recovery.steps s WHERE s.status = 'sent' GROUP BY s.case_id) m
             ON m.case_id = c.id
     WHERE (%(since)s::timestamptz IS NULL OR c.opened_at >= %(since)s)
       AND (%(until)s::timestamptz IS NULL OR c.opened_at < %(until)s)
     GROUP BY c.currency
     ORDER BY c.currency
"""
