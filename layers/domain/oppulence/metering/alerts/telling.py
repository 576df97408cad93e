"""Which of some quantities reach a threshold for the first time, and telling it."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal

from oppulence.customers import api as customers
from oppulence.kernel.uow import UnitOfWork
from oppulence.metering.alerts import store
from oppulence.metering.alerts.models import Alert, Hit
from oppulence.metering.events import UsageThresholdReached
from oppulence.metering.models import digits
from oppulence.metering.readings import Row


def tell(uow: UnitOfWork, seen: Sequence[Alert], found: Sequence[Row], settlement: int) -> int:
    """Note and tell what is reached by quantities of a settlement, of alerts that are as they were seen; returns how many."""
    rows: dict[str, list[Row]] = {}
    for row in found:
        who = row.subject if row.customer_id is None else row.customer_id
        if who is not None and row.value is not None:
            rows.setdefault(who, []).append(row)
    now = customers.resolved(uow.conn, [one.customer_id for one in seen if one.customer_id is not None])
    unchanged = store.lock_unchanged(uow.conn, seen)
    told = 0
    for alert in seen:
        if alert.id in unchanged:
            told += _tell(uow, alert, _own(rows, alert, now), settlement)
    return told


def _own(rows: dict[str, list[Row]], alert: Alert, now: dict[str, str]) -> dict[str, list[Row]]:
    """The rows that matter to an alert, by whose they are; a merged customer's are those of the one that it is `now`."""
    if alert.customer_id is not None:
        return {alert.customer_id: rows.get(now.get(alert.customer_id, ""), [])}
    return rows if alert.subject is None else {alert.subject: rows.get(alert.subject, [])}


def _tell(uow: UnitOfWork, alert: Alert, rows: dict[str, list[Row]], settlement: int) -> int:
    told = 0
    if alert.rearm_below is None:
        rows = {who: some for who, some in rows.items() if any(_value(row) >= alert.threshold for row in some)}
    before = store.hits(uow.conn, alert, sorted(rows)) if rows else {}
    for who, some in rows.items():
        hits = before.get(who, [])
        for row in _reached(uow, alert, some, hits):
            hit = Hit(who=who, number=len(hits) + 1, period_start=_period_start(alert, row), rearmed_at=None)
            store.insert_hit(uow.conn, uow.workspace_id, alert, hit, (_value(row), settlement, uow.now))
            hits.append(hit)
            uow.emit(_fact(alert, row, settlement))
            told += 1
    return told


def _reached(uow: UnitOfWork, alert: Alert, rows: Sequence[Row], hits: list[Hit]) -> Iterator[Row]:
    """Rows that are to be told, in the order of time. The caller appends to `hits` what it tells."""
    for row in sorted(rows, key=lambda one: one.window_start):
        if row.window_end <= alert.threshold_set_at:
            continue
        last, start = hits[-1] if hits else None, _period_start(alert, row)
        if alert.rearm_below is not None and last is not None and last.rearmed_at is None:
            later = start is None or last.period_start is None or start >= last.period_start
            if later and _value(row) < alert.rearm_below:
                store.rearm(uow.conn, alert, last, uow.now)
                hits[-1] = last.model_copy(update={"rearmed_at": uow.now})
            continue
        again = start is not None or alert.rearm_below is None
        if _value(row) >= alert.threshold and not (again and any(hit.period_start == start for hit in hits)):
            yield row


def _value(row: Row) -> Decimal:
    assert row.value is not None, "rows without a quantity were left out"
    return row.value


def _period_start(alert: Alert, row: Row) -> datetime | None:
    return None if alert.period.size is None else row.window_start


def _fact(alert: Alert, row: Row, settlement: int) -> UsageThresholdReached:
    ever = alert.period.size is None
    return UsageThresholdReached(
        alert_id=alert.id, alert_revision=alert.revision, meter_id=alert.meter_id, slug=alert.slug,
        subject=None if alert.customer_id is not None else row.subject, customer_id=alert.customer_id, period=alert.period,
        time_zone=alert.time_zone, period_start=None if ever else row.window_start, period_end=None if ever else row.window_end,
        threshold=digits(alert.threshold), percent=None if alert.percent is None else digits(alert.percent),
        of_quantity=None if alert.of_quantity is None else digits(alert.of_quantity), quantity=digits(_value(row)),
        settlement=settlement,
    )  # fmt: skip
