"""Making, reading, changing and deleting alerts."""

from decimal import Context, Decimal, Inexact
from typing import Any

from oppulence.customers import api as customers
from oppulence.customers.errors import CustomerNotFound
from oppulence.kernel.ids import new_id
from oppulence.kernel.pagination import Page, paginate
from oppulence.kernel.uow import UnitOfWork
from oppulence.metering import meters
from oppulence.metering.alerts import store
from oppulence.metering.alerts.models import Alert, AlertChange, AlertQuery, AlertView, NewAlert, Period
from oppulence.metering.errors import AlertChanged, AlertNotFound, InvalidAlert, MeterNotActive, TooManyAlerts
from oppulence.metering.models import Aggregation, Meter, MeterStatus
from oppulence.metering.windows import zone

MAX_ALERTS = 1000

EXACT = Context(prec=100, traps=[Inexact])


def create(uow: UnitOfWork, wanted: NewAlert) -> AlertView:
    """Make an alert. What its present period has come to already is looked at first.

    Raises:
        MeterNotFound, MeterNotActive, CustomerNotFound, UnknownTimeZone
        InvalidAlert: its parts do not fit together.
        TooManyAlerts: there are as many as may be.
    """
    meter = meters.get(uow, wanted.meter)
    if meter.status is MeterStatus.ARCHIVED:
        raise MeterNotActive(f"Meter {meter.id} is archived: what it counts changes no more.", param="meter")
    zone(wanted.time_zone)
    _check(meter, wanted)
    customer_id = None if wanted.customer is None else _customer(uow, wanted.customer)
    if store.count(uow.conn, uow.workspace_id) >= MAX_ALERTS:
        raise TooManyAlerts(
            f"A workspace has at most {MAX_ALERTS} alerts. One without a subject looks at each subject by itself."
        )
    threshold = _threshold(wanted.at, wanted.percent, wanted.of)
    alert = Alert(
        id=new_id("ual"), name=wanted.name, meter_id=meter.id, slug=meter.slug, carry_over=meter.carry_over,
        meter_archived_at=None, subject=wanted.subject, customer_id=customer_id, period=wanted.period,
        time_zone=wanted.time_zone, threshold=threshold, percent=wanted.percent, of_quantity=wanted.of,
        rearm_below=_bound(meter.carry_over, threshold, wanted.rearm_below), revision=1, threshold_revision=1,
        threshold_set_at=uow.now, looked=None, look_again_at=None, reached_at=None, created_at=uow.now, updated_at=uow.now,
    )  # fmt: skip
    store.insert(uow.conn, uow.workspace_id, alert)
    uow.audit("usage_alert.created", "usage_alert", alert.id, after=_told(alert))
    return _view(alert)


def get(uow: UnitOfWork, alert_id: str) -> AlertView:
    """One alert.

    Raises:
        AlertNotFound: there is none.
    """
    return _view(_found(store.fetch(uow.conn, alert_id), alert_id))


def page(uow: UnitOfWork, query: AlertQuery) -> Page[AlertView]:
    """Alerts, the newest first."""
    return paginate(
        uow, query, lambda after, most: [_view(one) for one in store.page(uow.conn, query, after, most)],
        key=lambda one: (one.created_at, one.id),
    )  # fmt: skip


def change(uow: UnitOfWork, alert_id: str, wanted: AlertChange) -> AlertView:
    """Change what is sent of an alert.

    Raises:
        AlertNotFound
        AlertChanged: it has another revision than the caller says.
        InvalidAlert: its parts would not fit together.
    """
    alert = _found(store.fetch(uow.conn, alert_id, lock=True), alert_id)
    if wanted.revision is not None and wanted.revision != alert.revision:
        raise AlertChanged(f"Alert {alert.id} has revision {alert.revision} by now. Read it and decide again.", param="revision")
    sent = wanted.model_fields_set
    after: dict[str, Any] = {"name": wanted.name} if "name" in sent else {}
    if sent & {"at", "percent", "of"}:
        percent, of = (
            getattr(wanted, name) if name in sent else stored
            for name, stored in (("percent", alert.percent), ("of", alert.of_quantity))
        )
        if wanted.at is not None and not sent & {"percent", "of"}:
            percent = of = None
        after |= {"threshold": _threshold(wanted.at, percent, of), "percent": percent, "of_quantity": of}
    after["rearm_below"] = _bound(
        alert.carry_over, after.get("threshold", alert.threshold),
        wanted.rearm_below if "rearm_below" in sent else alert.rearm_below,
    )  # fmt: skip
    changed = sorted(name for name, value in after.items() if value != getattr(alert, name))
    if not changed:
        return _view(alert)
    after |= {"revision": alert.revision + 1, "updated_at": uow.now}
    if "threshold" in changed:
        after |= {"threshold_revision": alert.revision + 1, "threshold_set_at": uow.now, "looked": None}
    elif "rearm_below" in changed:
        after["look_again_at"] = uow.now  # the present quantity may lie below it; what was told stays told
    fresh = alert.model_copy(update=after)
    store.save(uow.conn, fresh)
    before, now = ({name: value for name, value in _told(one).items() if name in changed} for one in (alert, fresh))
    uow.audit("usage_alert.changed", "usage_alert", alert.id, before=before, after=now)
    return _view(fresh)


def delete(uow: UnitOfWork, alert_id: str) -> None:
    """Delete an alert.

    Raises:
        AlertNotFound: there is none.
    """
    if not store.delete(uow.conn, alert_id):
        raise _found_none(alert_id)
    uow.audit("usage_alert.deleted", "usage_alert", alert_id)


def _check(meter: Meter, wanted: NewAlert) -> None:
    if wanted.subject is not None and wanted.customer is not None:
        raise InvalidAlert("Name a subject or a customer; with neither, each subject is looked at by itself.", param="subject")
    if wanted.period is Period.EVER and (meter.aggregation is Aggregation.WEIGHTED_SUM or meter.prorated is not None):
        raise InvalidAlert("Such a quantity is a share of a period. Choose a day, week or month.", param="period")


def _customer(uow: UnitOfWork, id_or_key: str) -> str:
    """The id of the customer that is meant, which from now on is archived, never deleted."""
    found = customers.resolved(uow.conn, [id_or_key]).get(id_or_key)
    if found is None or not customers.mark_used(uow.conn, found, uow.now):
        raise CustomerNotFound("This workspace has no such customer. List them with GET /v1/customers.", param="customer")
    return found


def _threshold(at: Decimal | None, percent: Decimal | None, of: Decimal | None) -> Decimal:
    if (at is None) == (percent is None and of is None):
        raise InvalidAlert("Give the quantity `at` which to tell, or `percent` with `of`.", param="at")
    if at is not None:
        return at
    if percent is None or of is None:
        raise InvalidAlert("`percent` and `of` belong together.", param="of" if of is None else "percent")
    return EXACT.divide(EXACT.multiply(of, percent), 100)


def _bound(levels: bool, threshold: Decimal, rearm_below: Decimal | None) -> Decimal | None:
    if rearm_below is not None and not levels:
        raise InvalidAlert("Only a meter with carry_over has a level that falls. Leave out `rearm_below`.", param="rearm_below")
    if rearm_below is not None and rearm_below > threshold:
        raise InvalidAlert("`rearm_below` lies at the threshold or below it.", param="rearm_below")
    return rearm_below


def _told(alert: Alert) -> dict[str, Any]:
    """What the audit log says: a name or a subject may be a person's."""
    shown = {"meter_id", "customer_id", "period", "time_zone", "threshold", "percent", "of_quantity", "rearm_below"}
    return alert.model_dump(mode="json", include=shown)


def _found(alert: Alert | None, alert_id: str) -> Alert:
    if alert is None:
        raise _found_none(alert_id)
    return alert


def _found_none(alert_id: str) -> AlertNotFound:
    return AlertNotFound(f"No usage alert {alert_id[:64]} in this workspace. List them with GET /v1/usage_alerts.")


def _view(alert: Alert) -> AlertView:
    return AlertView(**alert.model_dump(include=set(AlertView.model_fields)), of=alert.of_quantity)
