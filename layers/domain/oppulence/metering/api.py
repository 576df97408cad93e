"""What higher contexts may ask of metering: quantities that stay as they are, and what came later as adjustments.

A frozen quantity has what was settled when it was frozen, up to a settlement's number. What lands or settles later for its
period, or is attributed otherwise, comes out as adjustments. Each is numbered, told with the same number and delta for ever, and
can be computed again to the digit, also after the analytical store was rebuilt.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from oppulence.customers import api as customers
from oppulence.customers.errors import CustomerNotFound
from oppulence.kernel.uow import Scope, UnitOfWork, in_transaction
from oppulence.metering import attribution, freezes, meters, query, snapshots, store
from oppulence.metering.attribution import Owned
from oppulence.metering.errors import FreezeDiffers, FreezeNotFound
from oppulence.metering.freezes import Freeze, Frozen
from oppulence.metering.query import Question

__all__ = ["Freeze", "Frozen", "adjustments", "frozen_quantity", "recomputed"]


@dataclass(frozen=True, slots=True)
class _Found:
    quantity: Decimal | None
    settlement: int
    known_at: datetime
    owned: tuple[Owned, ...] | None
    meter_id: str


def frozen_quantity(scope: Scope, wanted: Freeze) -> Frozen:
    """The quantity of a period, frozen under a key by the first call; every later call gives the same.

    A customer that was merged is itself, not whom it was merged into: from then on it has used nothing, all of it is the other's.
    So a run over customers that were listed before a merge bills no usage twice.

    Raises:
        FreezeDiffers: something else was frozen under this key.
        MeterNotFound, CustomerNotFound, TooManySubjects, InvalidPeriod, UnknownTimeZone
        Unavailable: the analytical store cannot be reached, or is rebuilt, or earlier usage is still being counted.
    """
    known = in_transaction(scope, lambda uow: freezes.get(uow.conn, wanted.key))
    if known is None:
        customer_id = in_transaction(scope, lambda uow: _customer(uow, wanted.customer))
        found = _computed(scope, replace(wanted, customer=customer_id))
        in_transaction(scope, lambda uow: _save(uow, wanted, customer_id, found))
        known = in_transaction(scope, lambda uow: freezes.get(uow.conn, wanted.key))
    if known is None or not in_transaction(scope, lambda uow: _is_of(uow, known, wanted)):
        raise FreezeDiffers(f"Under the key {wanted.key} another meter, subject, customer or period was frozen.", param="key")
    return in_transaction(scope, lambda uow: freezes.numbers(uow.conn, wanted.key, 0))[0]


def adjustments(scope: Scope, key: str, after: int = 0) -> list[Frozen]:
    """What changed since the freeze, in order, after an adjustment's number. A change that nobody was told of becomes a new one.

    Raises:
        FreezeNotFound: nothing was frozen under this key.
        Unavailable: the analytical store cannot be reached, or is rebuilt, or earlier usage is still being counted.
    """
    wanted, last = in_transaction(scope, lambda uow: _last(uow, key))
    found = _computed(scope, wanted)
    if found.settlement >= last.settlement and found.quantity != last.quantity:
        in_transaction(scope, lambda uow: _add(uow, key, last, found))
    return in_transaction(scope, lambda uow: freezes.numbers(uow.conn, key, after + 1))


def recomputed(scope: Scope, key: str, number: int = 0) -> Decimal | None:
    """What a frozen quantity, or what an adjustment made of it, comes to when it is computed again: the same.

    Raises:
        FreezeNotFound: there is none of this key and number.
        Unavailable: the analytical store cannot be reached, or is rebuilt.
    """
    wanted, _ = in_transaction(scope, lambda uow: _last(uow, key))
    found = next(iter(in_transaction(scope, lambda uow: freezes.numbers(uow.conn, key, number))), None)
    if found is None or found.number != number:
        raise FreezeNotFound(f"The quantity frozen under {key} has no number {number}.", param="number")
    return _quantity(scope, wanted, found.settlement, found.known_at, found.owned)[0]


def _last(uow: UnitOfWork, key: str) -> tuple[Freeze, Frozen]:
    wanted = freezes.get(uow.conn, key)
    if wanted is None:
        raise FreezeNotFound(f"Nothing was frozen under the key {key[:64]}.", param="key")
    return wanted, freezes.numbers(uow.conn, key, 0)[-1]


def _computed(scope: Scope, wanted: Freeze) -> _Found:
    """The quantity of what is settled now."""
    settled, now, owned = in_transaction(scope, lambda uow: _moment(uow, wanted))
    quantity, meter_id = _quantity(scope, wanted, settled, now, owned)
    return _Found(quantity, settled, now, owned, meter_id)


def _moment(uow: UnitOfWork, wanted: Freeze) -> tuple[int, datetime, tuple[Owned, ...] | None]:
    """What is settled, when, and what the customer owns: itself, not whom it was merged into, whose amounts are another's."""
    meters.check_filled(uow, [wanted.meter])
    owned = None if wanted.customer is None else attribution.of_customer(uow.conn, wanted.customer)
    return snapshots.snapshot(uow.conn).settled, uow.now, owned


def _quantity(
    scope: Scope, wanted: Freeze, settlement: int, known_at: datetime, owned: tuple[Owned, ...] | None
) -> tuple[Decimal | None, str]:
    question = Question(
        wanted.meter, wanted.since, wanted.until, time_zone=wanted.time_zone,
        subjects=() if wanted.subject is None else (wanted.subject,),
        customers=() if wanted.customer is None else (wanted.customer,), as_of=settlement, known_at=known_at, owned=owned,
    )  # fmt: skip
    with snapshots.whole(scope):
        reading = query.read(scope, question)
        (row,) = reading.rows()
    return row.value, reading.asked.meter.id


def _save(uow: UnitOfWork, wanted: Freeze, customer_id: str | None, found: _Found) -> None:
    if customer_id is not None and not customers.mark_used(uow.conn, customer_id, uow.now):
        raise CustomerNotFound(f"Customer {customer_id} was deleted meanwhile.")
    if freezes.insert(uow.conn, uow.workspace_id, wanted, found.meter_id, customer_id):
        _add(uow, wanted.key, None, found)
        store.mark_used(uow.conn, [found.meter_id], uow.now)


def _add(uow: UnitOfWork, key: str, last: Frozen | None, found: _Found) -> None:
    before = Decimal(0) if last is None or last.quantity is None else last.quantity
    frozen = Frozen(
        0 if last is None else last.number + 1, found.settlement, found.known_at, found.owned, found.quantity,
        freezes.difference(found.quantity or Decimal(0), before),
    )  # fmt: skip
    freezes.add(uow.conn, uow.workspace_id, key, frozen)


def _is_of(uow: UnitOfWork, known: Freeze, wanted: Freeze) -> bool:
    """Whether this was frozen: in the same words, or with meter and customer named in others that mean the same."""
    if (known.since, known.until, known.time_zone, known.subject) != (
        wanted.since, wanted.until, wanted.time_zone, wanted.subject,
    ):  # fmt: skip
        return False
    if freezes.words(uow.conn, wanted.key) == (wanted.meter, wanted.customer):
        return True
    meter = store.get(uow.conn, wanted.meter)
    customer_id = _customer(uow, wanted.customer)
    return known.meter in (wanted.meter, meter and meter.id) and known.customer in (wanted.customer, customer_id)


def _customer(uow: UnitOfWork, id_or_key: str | None) -> str | None:
    """The id of the very customer, before any merge."""
    return None if id_or_key is None else attribution.ids(uow.conn, [id_or_key], customers.EVER)[id_or_key]
