"""What reports are asked and what they answer. Amounts are exact minor units of the row's currency; no row spans currencies."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, Field

from oppulence.analytics.buckets import Granularity
from oppulence.kernel.instant import Instant
from oppulence.kernel.money import AmountMinor, Currency
from oppulence.kernel.pagination import PageQuery, Pagination

Rate = Annotated[
    str | None, Field(description="Decimal text with six places, rounded half to even; null when nothing could have happened.")
]


class Group(StrEnum):
    """By what a report may be cut beside time and currency."""

    DECLINE_CODE = "decline_code"
    CARD_BRAND = "card_brand"
    COUNTRY = "country"
    WORKFLOW = "workflow"
    COHORT = "cohort"


class ReportQuery(PageQuery):
    """Which part of a report. Without `since` and `until`: the last 30 days."""

    since: Annotated[Instant | None, Field(description="From this instant on; 30 days before `until`, if left out.")] = None
    until: Annotated[Instant | None, Field(description="Until before this instant; now, if left out.")] = None
    granularity: Annotated[Granularity, Field(description="Length of a row's period; a week begins on Monday.")] = Granularity.DAY
    time_zone: Annotated[str, Field(max_length=64, description="IANA zone whose clocks periods follow.")] = "UTC"
    currency: Annotated[Currency | None, Field(description="Only this currency; else each has rows of its own.")] = None
    account: Annotated[
        str | None, Field(max_length=255, description="Only this connected account of the provider; all, if left out.")
    ] = None
    group_by: Annotated[Group | None, Field(description="Cut rows further; see the report's `groups`.")] = None


class ReportRow(BaseModel):
    """One period of one currency and group; periods in which nothing happened have rows of zeros."""

    start: datetime
    end: Annotated[datetime, Field(description="The period ends before this instant.")]
    currency: str
    group: Annotated[str | None, Field(description="Value of `group_by`, `unknown` where there is none; null without it.")]


class MrrRow(ReportRow):
    """Monthly recurring revenue at the end of the period."""

    mrr_minor: AmountMinor
    customers: Annotated[int, Field(description="Customers with an MRR above zero at the end of the period.")]


class MovementsRow(ReportRow):
    """How MRR moved: `opening_minor` and the five kinds make `closing_minor`."""

    opening_minor: AmountMinor
    new_minor: AmountMinor
    expansion_minor: AmountMinor
    contraction_minor: Annotated[int, Field(description="Zero or below.")]
    churn_minor: Annotated[int, Field(description="Zero or below.")]
    reactivation_minor: AmountMinor
    closing_minor: AmountMinor
    new_customers: int
    churned_customers: int
    reactivated_customers: int


class FailedPaymentsRow(ReportRow):
    """Payments that were declined, of those that were tried in the period. Each charge is one try."""

    attempts: Annotated[int, Field(description="Tries that came to an end; by decline code, those of the whole period.")]
    failed: int
    rate: Rate
    attempted_minor: AmountMinor
    failed_minor: AmountMinor


class DisputesRow(ReportRow):
    """Disputes opened in the period, beside the payments that succeeded in it."""

    payments: Annotated[int, Field(description="Payments that succeeded; by decline code, those of the whole period.")]
    disputes: int
    rate: Rate
    paid_minor: AmountMinor
    disputed_minor: AmountMinor


class RecoveryRow(ReportRow):
    """Recovery cases that began in the period, and what became of them by now."""

    started: int
    recovered: int
    lost: int
    open: int
    rate: Rate
    at_risk_minor: AmountMinor
    recovered_minor: AmountMinor
    amount_rate: Rate


class PaymentsRow(ReportRow):
    """Payments that succeeded, by when they were made; what was captured of them."""

    payments: int
    paid_minor: AmountMinor


class RevenueRow(ReportRow):
    """What came in and went out again; `net_minor` is their sum. Payouts are not part of it."""

    payments_minor: AmountMinor
    refunds_minor: Annotated[int, Field(description="Zero or below.")]
    disputes_minor: Annotated[int, Field(description="What disputes took, less what they gave back; by when they were opened.")]
    fees_minor: Annotated[int, Field(description="Known of balance transactions that were listed: after a backfill.")]
    net_minor: AmountMinor


AnyRow = MrrRow | MovementsRow | FailedPaymentsRow | DisputesRow | RecoveryRow | PaymentsRow | RevenueRow


class Report(BaseModel):
    """A report: rows in order of time, currency and group."""

    report: str
    description: str
    unit: Annotated[str, Field(description="What the numbers count.")]
    since: datetime
    until: datetime
    granularity: Granularity
    time_zone: str
    group_by: Group | None
    left_out: Annotated[
        dict[str, int] | None,
        Field(description="For MRR: subscriptions that count now, but not with all their items, by reason."),
    ]
    data: list[AnyRow]
    pagination: Pagination


class ReportDescription(BaseModel):
    """A report that can be asked for."""

    report: Annotated[str, Field(description="Its name in the path.")]
    description: str
    unit: str
    groups: Annotated[list[Group], Field(description="What `group_by` takes.")]


class Reports(BaseModel):
    """All reports."""

    data: list[ReportDescription]
