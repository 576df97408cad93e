"""Reports: figures of the analytical store as rows, with zeros where nothing happened, in pages."""

from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from operator import add
from typing import Any

from oppulence.analytics import figures, store
from oppulence.analytics.buckets import buckets, zone
from oppulence.analytics.errors import AnalyticsNotConfigured, ReportNotFound
from oppulence.analytics.figures import Asked, Row
from oppulence.analytics.models import (
    AnyRow,
    DisputesRow,
    FailedPaymentsRow,
    Group,
    MovementsRow,
    MrrRow,
    PaymentsRow,
    RecoveryRow,
    Report,
    ReportDescription,
    ReportQuery,
    ReportRow,
    RevenueRow,
)
from oppulence.kernel import olap
from oppulence.kernel.errors import ValidationError
from oppulence.kernel.pagination import After, Page, paginate
from oppulence.kernel.uow import Scope, UnitOfWork, in_transaction

MAX_ROWS = 50_000
_MOVEMENTS = ("new", "expansion", "contraction", "churn", "reactivation")
_USUAL = timedelta(days=30)
_RATE_PLACES = Decimal("0.000001")
_OF_CARDS = (Group.DECLINE_CODE, Group.CARD_BRAND, Group.COUNTRY)

Numbers = tuple[int, ...]
Series = tuple[str, str]
"""Currency and group."""

Figures = dict[tuple[int, str, str], Numbers]
"""Numbers by (bucket, currency, group); bucket 0 is what was before the first period."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A report: what it says of itself, where its figures come from, and the row they make.

    `fields` takes a period's figures, and the sums of all earlier ones, as many as `width`.
    """

    description: str
    unit: str
    row: type[ReportRow]
    read: Callable[[Asked], Figures]
    width: int
    fields: Callable[[Numbers, Numbers], dict[str, Any]]
    groups: tuple[Group, ...] = ()


def describe() -> list[ReportDescription]:
    """All reports, by name."""
    return [
        ReportDescription(report=name, description=one.description, unit=one.unit, groups=list(one.groups))
        for name, one in sorted(KINDS.items())
    ]


def report(scope: Scope, name: str, query: ReportQuery, now: datetime) -> Report:
    """One page of a report.

    Raises:
        ReportNotFound: there is none of this name.
        AnalyticsNotConfigured: the deployment has no analytical store.
        ValidationError: the range, zone or group cannot be used.
        Unavailable: the analytical store is down.
    """
    kind = KINDS.get(name)
    if kind is None:
        raise ReportNotFound(f"There is no report '{name}'. Choose one of: {', '.join(sorted(KINDS))}.", reports=sorted(KINDS))
    if query.group_by and query.group_by not in kind.groups:
        known = ", ".join(kind.groups) or "nothing"
        raise ValidationError(f"The report '{name}' can be grouped by {known}.", param="group_by")
    until = query.until or now
    periods = buckets(query.since or until - _USUAL, until, query.granularity, zone(query.time_zone))
    if not olap.is_configured():
        raise AnalyticsNotConfigured(
            "This deployment runs without an analytical store. Set its ClickHouse URL, deploy, then run `oppulence analytics"
            " rebuild`."
        )
    asked = Asked(scope.workspace_id or "", periods, query.currency, query.account, query.group_by, now)
    rows = _rows(kind, asked)
    page, left_out = in_transaction(scope, lambda uow: (_page(uow, query, rows), _left_out(uow, kind)))
    return Report(
        report=name, description=kind.description, unit=kind.unit, since=periods.starts[0], until=periods.until,
        granularity=query.granularity, time_zone=query.time_zone, group_by=query.group_by, left_out=left_out,
        data=page.data, pagination=page.pagination,
    )  # fmt: skip


def _rows(kind: Kind, asked: Asked) -> list[AnyRow]:
    found = kind.read(asked)
    series = {(currency, group) for _, currency, group in found}
    if not series and asked.currency and not asked.group:
        series = {(asked.currency, "")}
    if len(series) * len(asked.periods.starts) > MAX_ROWS:
        raise ValidationError(
            f"This would be more than {MAX_ROWS} rows: name a currency, or ask for less time or a coarser granularity.",
            param="granularity",
        )
    return list(_filled(kind, asked, found, sorted(series)))


def _filled(kind: Kind, asked: Asked, found: Figures, series: list[Series]) -> Iterator[AnyRow]:
    nothing = (0,) * kind.width
    before = {one: found.get((0, *one), nothing) for one in series}
    for index, (start, second) in enumerate(zip(asked.periods.starts, asked.periods.seconds, strict=True)):
        for one in series:
            numbers = found.get((second, *one), nothing)
            yield kind.row.model_construct(  # type: ignore[misc]  # each kind's row is one of them
                start=start, end=asked.periods.end_of(index), currency=one[0],
                group=(one[1] or "unknown") if asked.group else None, **kind.fields(numbers, before[one]),
            )  # fmt: skip
            before[one] = tuple(map(add, before[one], numbers))


def _page(uow: UnitOfWork, query: ReportQuery, rows: list[AnyRow]) -> Page[AnyRow]:
    def fetch(after: After | None, most: int) -> list[AnyRow]:
        first = bisect_right(rows, tuple(after), key=_key) if after else 0
        return rows[first : first + most]

    return paginate(uow, query, fetch, key=_key)


def _key(row: AnyRow) -> tuple[str, str, str]:
    return row.start.isoformat(), row.currency, row.group or ""


def _left_out(uow: UnitOfWork, kind: Kind) -> dict[str, int] | None:
    return store.count_left_out(uow.conn) if kind.row in (MrrRow, MovementsRow) else None


def _read_movements(asked: Asked) -> Figures:
    """Amounts of the five kinds, then how many customers came, left and came back."""
    found: dict[tuple[int, str, str], list[int]] = {}
    for bucket, currency, kind, delta, number in figures.movements(asked):
        numbers = found.setdefault((int(bucket), currency, ""), [0] * len(_MOVEMENTS) * 2)
        numbers[_MOVEMENTS.index(kind)] = int(delta)
        numbers[len(_MOVEMENTS) + _MOVEMENTS.index(kind)] = int(number)
    return {key: tuple(numbers) for key, numbers in found.items()}


def _mrr(numbers: Numbers, before: Numbers) -> dict[str, Any]:
    total = tuple(map(add, before, numbers))
    new, _, _, churned, back = total[5:]
    return {"mrr_minor": sum(total[:5]), "customers": new + back - churned}


def _moved(numbers: Numbers, before: Numbers) -> dict[str, Any]:
    amounts = {f"{kind}_minor": amount for kind, amount in zip(_MOVEMENTS, numbers, strict=False)}
    opening, (new, _, _, churned, back) = sum(before[:5]), numbers[5:]
    return amounts | {
        "opening_minor": opening, "closing_minor": opening + sum(numbers[:5]), "new_customers": new, "churned_customers": churned,
        "reactivated_customers": back,
    }  # fmt: skip


def _read_attempts(asked: Asked) -> Figures:
    """Tries, failed, and their amounts. Only what failed has a decline code, so there the tries are those of all codes."""
    found = _figures(figures.attempts(asked))
    if asked.group is not Group.DECLINE_CODE:
        return found
    tried = _totals(found)
    failed: Figures = {key: (numbers[1], numbers[3]) for key, numbers in found.items() if numbers[1]}
    figure: Figures = {}
    for key, (tries, _, tried_minor, _) in _spread(tried, failed):
        number, failed_minor = failed.get(key, (0, 0))
        figure[key] = (tries, number, tried_minor, failed_minor)
    return figure


def _failed(numbers: Numbers, _: Numbers) -> dict[str, Any]:
    tries, failed, tried_minor, failed_minor = numbers
    return {
        "attempts": tries, "failed": failed, "rate": rate(failed, tries), "attempted_minor": tried_minor,
        "failed_minor": failed_minor,
    }  # fmt: skip


def _read_disputes(asked: Asked) -> Figures:
    """Payments and their amount, disputes and theirs. Payments have no reason for a dispute, so there they are all."""
    disputed, by_reason = _figures(figures.disputes(asked)), asked.group is Group.DECLINE_CODE
    paid = _figures(figures.payments(replace(asked, group=None) if by_reason else asked))
    if by_reason:
        in_all = {(bucket, currency): numbers for (bucket, currency, _), numbers in paid.items()}
        paid = dict(_spread(in_all, disputed))
    return {key: (*paid.get(key, (0, 0)), *disputed.get(key, (0, 0))) for key in {*paid, *disputed}}


def _disputed(numbers: Numbers, _: Numbers) -> dict[str, Any]:
    paid, paid_minor, disputed, disputed_minor = numbers
    return {
        "payments": paid, "disputes": disputed, "rate": rate(disputed, paid), "paid_minor": paid_minor,
        "disputed_minor": disputed_minor,
    }  # fmt: skip


def _recovered(numbers: Numbers, _: Numbers) -> dict[str, Any]:
    started, recovered, lost, at_risk_minor, recovered_minor = numbers
    return {
        "started": started, "recovered": recovered, "lost": lost, "open": started - recovered - lost,
        "rate": rate(recovered, started), "at_risk_minor": at_risk_minor, "recovered_minor": recovered_minor,
        "amount_rate": rate(recovered_minor, at_risk_minor),
    }  # fmt: skip


def _paid(numbers: Numbers, _: Numbers) -> dict[str, Any]:
    return {"payments": numbers[0], "paid_minor": numbers[1]}


def _earned(numbers: Numbers, _: Numbers) -> dict[str, Any]:
    names = ("payments_minor", "refunds_minor", "disputes_minor", "fees_minor")
    return dict(zip(names, numbers, strict=True)) | {"net_minor": sum(numbers)}


def rate(part: int, whole: int) -> str | None:
    """`part` of `whole` as decimal text with six places, half to even; None of nothing."""
    return str((Decimal(part) / Decimal(whole)).quantize(_RATE_PLACES, ROUND_HALF_EVEN)) if whole else None


def _figures(rows: list[Row]) -> Figures:
    return {(int(bucket), currency, group): tuple(map(int, numbers)) for bucket, currency, group, *numbers in rows}


def _spread(totals: dict[tuple[int, str], Numbers], found: Figures) -> Iterator[tuple[tuple[int, str, str], Numbers]]:
    """The totals of each period for every group of its currency: what a share of all is taken of, also where none fell on it."""
    groups: dict[str, set[str]] = {}
    for _, currency, group in found:
        groups.setdefault(currency, set()).add(group)
    for (bucket, currency), numbers in totals.items():
        yield from (((bucket, currency, group), numbers) for group in groups.get(currency, ()))


def _totals(found: Figures) -> dict[tuple[int, str], Numbers]:
    """Sums over the groups."""
    totals: dict[tuple[int, str], Numbers] = {}
    for (bucket, currency, _), numbers in found.items():
        known = totals.get((bucket, currency))
        totals[(bucket, currency)] = tuple(map(add, known, numbers)) if known else numbers
    return totals


_MONEY = "Amounts are minor units of the row's currency."
KINDS = {
    "mrr": Kind(
        "Monthly recurring revenue at the end of each period: what active and past-due subscriptions bring in a month.",
        f"{_MONEY} MRR is an amount a month.", MrrRow, _read_movements, 10, _mrr,
    ),
    "mrr_movements": Kind(
        "How monthly recurring revenue moved, per customer: new, expansion, contraction, churn, reactivation.",
        f"{_MONEY} MRR is an amount a month.", MovementsRow, _read_movements, 10, _moved,
    ),
    "failed_payments": Kind(
        "Payments that were declined, of those that were tried. Each try counts, a retry too.",
        f"{_MONEY} Counts are tries (charges).", FailedPaymentsRow, _read_attempts, 4, _failed, _OF_CARDS,
    ),
    "disputes": Kind(
        "Disputes opened, beside the payments that succeeded in the same period. `decline_code` is the bank's reason code.",
        f"{_MONEY} Counts are disputes and payments.", DisputesRow, _read_disputes, 4, _disputed, _OF_CARDS,
    ),
    "recovery": Kind(
        "Recovery cases by when they began, and what became of them: recovered of started, in cases and in money.",
        f"{_MONEY} Counts are cases.", RecoveryRow, lambda asked: _figures(figures.recovery(asked)), 5, _recovered,
        (Group.WORKFLOW, Group.COHORT),
    ),
    "payments": Kind(
        "Payments that succeeded, and what was captured of them.",
        f"{_MONEY} Counts are payments.", PaymentsRow, lambda asked: _figures(figures.payments(asked)), 2, _paid,
        (Group.CARD_BRAND, Group.COUNTRY),
    ),
    "revenue": Kind(
        "Payments, less refunds, disputes and the provider's fees, each by when it was made.",
        _MONEY, RevenueRow, lambda asked: _figures(figures.revenue(asked)), 4, _earned,
    ),
}  # fmt: skip
