"""Samples: the objects of one type that were created on one day, as the provider lists them and as the mirror has them.

Counts and sums of both are kept. Listed states that the mirror lacks are taken in; objects that the mirror has and the listing
has not are fetched one by one, since a listing leaves out what was removed. A day too long to list whole is compared from its
end back to where the listing got.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from pydantic_core import from_json

from oppulence.connections import api as connections
from oppulence.connections.api import ProviderBusy, ProviderKeyRefused, ProviderRefused, ProviderUnavailable
from oppulence.connections.stripe_gateway import StripeGateway
from oppulence.kernel import telemetry
from oppulence.kernel.uow import Scope, UnitOfWork, in_transaction
from oppulence.sync import comparison_store, object_types
from oppulence.sync.comparison_store import Comparison, Mirrored
from oppulence.sync.events.engine import ObjectInDoubt
from oppulence.sync.events.reconciliations import ComparisonRequested
from oppulence.sync.observing import Observed, observe
from oppulence.sync.reconciling import askable

ADDED_UP: dict[str, str | None] = {
    "invoice": "total", "charge": "amount", "payment_intent": "amount", "refund": "amount", "dispute": "amount",
    "payout": "amount", "balance_transaction": "net", "credit_note": "total", "customer": None, "subscription": None,
    "product": None, "price": None,
}  # fmt: skip
"""The types that are sampled, and the field whose sum is compared, in minor units."""

DAYS_BACK = 90
_PAGE = 100
_MOST_PAGES = 20
_MOST_FETCHED = 20


def request_all(scope: Scope) -> dict[str, int]:
    """Ask for samples of every active connection: each hour another type, of yesterday and of a day further back."""
    due = in_transaction(scope, lambda uow: (connections.all_stripe_connections(uow.conn), uow.now))
    found, now = due
    object_type, days = sample_of(now)
    for workspace_id, connection_id in found:
        asked = [ComparisonRequested(connection_id=connection_id, object_type=object_type, day=day) for day in days]
        in_transaction(Scope(scope.context, workspace_id), lambda uow, those=asked: [uow.emit(one) for one in those])  # type: ignore[misc]
    return {"requested": len(found) * len(days)}


def sample_of(now: datetime) -> tuple[str, list[date]]:
    """The type and the days whose turn it is in this hour. Every pair of a type and one of the last 90 days has its turn."""
    hour = int(now.timestamp()) // 3_600
    types = list(ADDED_UP)
    rounds = hour // len(types)
    return types[hour % len(types)], [now.date() - timedelta(days=1), now.date() - timedelta(days=2 + rounds % (DAYS_BACK - 1))]


@dataclass(frozen=True)
class Sample:
    """What is compared, and the first second of it."""

    connection_id: str
    object_type: str
    day: date
    since: datetime

    @property
    def until(self) -> datetime:
        """The second after the last one."""
        return datetime.combine(self.day + timedelta(days=1), time(), UTC)


def compare(scope: Scope, connection_id: str, object_type: str, day: date) -> Comparison | None:
    """Compare one type and day, and repair what differs; None where there is nothing to compare or the provider did not answer.

    What was created before the connection is left to backfills.
    """
    connection = in_transaction(scope, lambda uow: askable(uow, connection_id))
    if connection is None or object_type not in ADDED_UP:
        return None
    sample = Sample(connection_id, object_type, day, max(datetime.combine(day, time(), UTC), connection.created_at))
    if sample.since >= sample.until:
        return None
    try:
        listed, since = _list(connections.stripe(scope, connection_id), sample)
    except ProviderKeyRefused as refused:
        in_transaction(scope, lambda uow, why=refused: connections.note_refused_key(uow, connection_id, why))  # type: ignore[misc]
        return None
    except (ProviderBusy, ProviderUnavailable, ProviderRefused) as failed:
        telemetry.logger().warning("sample_not_listed", extra={"reason": str(failed), "object_type": object_type})
        return None
    narrowed = Sample(connection_id, object_type, day, since)
    found = in_transaction(scope, lambda uow: _take_in(uow, narrowed, listed))
    if found.missing or found.surplus:
        telemetry.metric("sync_objects_missing", found.missing + found.surplus, "Count", object_type=object_type)
    return found


def _list(gateway: StripeGateway, sample: Sample) -> tuple[list[Observed], datetime]:
    """The listed objects, and the second from which on the listing is whole."""
    kind = object_types.TYPES[sample.object_type]
    window = {"created": {"gte": int(sample.since.timestamp()), "lt": int(sample.until.timestamp())}}
    listed: list[Observed] = []
    cursor: dict[str, str] = {}
    for _ in range(_MOST_PAGES):
        answer = gateway.get(kind.path, {**dict(kind.params), **window, **cursor, "limit": _PAGE})
        page = from_json(answer.body)
        listed += [Observed("", one, answer.asked_at) for one in page["data"]]
        if not page["has_more"]:
            return listed, sample.since
        cursor = {"starting_after": page["data"][-1]["id"]}
    oldest = listed[-1].object["created"]
    return [one for one in listed if one.object["created"] > oldest], datetime.fromtimestamp(oldest + 1, UTC)


def _take_in(uow: UnitOfWork, sample: Sample, listed: Sequence[Observed]) -> Comparison:
    """Compare with the mirror, repair, and keep the result, in one transaction."""
    field = ADDED_UP[sample.object_type]
    mirrored = comparison_store.mirrored(uow.conn, (sample.object_type, field), (sample.since, sample.until))
    ids = {str(one.object["id"]) for one in listed}
    surplus = [one.id for one in mirrored if one.id not in ids]
    missing = len(ids - {one.id for one in mirrored})
    repaired = observe(uow, listed, sample.connection_id) if listed else 0
    for object_id in surplus[:_MOST_FETCHED]:
        uow.emit(_doubt(sample, object_id))
    result = Comparison(
        connection_id=sample.connection_id, account="", object_type=sample.object_type, day=sample.day,
        compared_from=sample.since, compared_at=uow.now, listed=len(ids), mirrored=len(mirrored),
        listed_sums=_sums(_amounts(listed, field)), mirrored_sums=_sums(mirrored), missing=missing, surplus=len(surplus),
        repaired=repaired,
    )  # fmt: skip
    comparison_store.save(uow.conn, uow.workspace_id, result)
    return result


def _doubt(sample: Sample, object_id: str) -> ObjectInDoubt:
    path = object_types.TYPES[sample.object_type].one.format(id=object_id)
    return ObjectInDoubt(
        connection_id=sample.connection_id, account=None, object_type=sample.object_type, object_id=object_id, path=path,
        reason="not_listed",
    )  # fmt: skip


def _amounts(listed: Sequence[Observed], field: str | None) -> list[Mirrored]:
    rows: list[dict[str, Any]] = [one.object for one in listed]
    return [Mirrored(row["id"], row.get("currency"), row.get(field) if field else None) for row in rows]


def _sums(rows: Sequence[Mirrored]) -> dict[str, int]:
    sums: dict[str, int] = defaultdict(int)
    for row in rows:
        if row.currency and row.amount is not None:
            sums[row.currency.upper()] += row.amount
    return dict(sorted(sums.items()))
