"""Facts that no event tells: what the calendar makes true, and what had to wait for another object.

A schedule has the objects named, in all workspaces; each is locked and looked at again, and the fact is told once by its name.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from itertools import groupby
from typing import Any

from oppulence.kernel.uow import Scope, UnitOfWork, in_transaction
from oppulence.sync import due_store, events, settling, store
from oppulence.sync.due_store import Found, Shown
from oppulence.sync.money_facts import overdue, recorded
from oppulence.sync.store import ObjectKey
from oppulence.sync.stripe_events import StripeEvent
from oppulence.sync.told import Told, id_of

BATCH = 500
MONTHS = 12
Read = Callable[[UnitOfWork, Shown], dict[ObjectKey, Told]]
"""The facts that are due of locked objects."""


def tell_overdue_invoices(scope: Scope) -> int:
    """Open invoices past their due date, which the provider does not always tell of; returns how many were told."""
    return _tell(scope, due_store.overdue_invoices, _overdue)


def tell_expiring_cards(scope: Scope) -> int:
    """Customers' cards that expire this month or the next, once per card and expiry; returns how many were told."""
    return _tell(scope, due_store.expiring_cards, _expiring)


def tell_conversions(scope: Scope) -> int:
    """Balance transactions that waited for their source, which says what was converted; after a day they are told without."""
    return _tell(scope, due_store.conversions, _converted)


def _tell(scope: Scope, find: Callable[[UnitOfWork, int], list[Found]], read: Read) -> int:
    total = 0
    while True:
        found = in_transaction(scope, lambda uow: find(uow, BATCH))
        told = 0
        for workspace_id, rows in groupby(sorted(found), key=lambda row: row[0]):
            keys = [row[1:] for row in rows]
            told += in_transaction(Scope(scope.context, workspace_id), partial(_tell_of, keys=keys, read=read))
        total += told
        if not told or len(found) < BATCH:
            return total


def _tell_of(uow: UnitOfWork, keys: Sequence[ObjectKey], read: Read) -> int:
    locked = store.lock_objects(uow.conn, uow.workspace_id, keys)
    shown = {
        key: _as_event(key, data, locked[key].event_id, locked[key].event_created_at)
        for key, data in store.object_data(uow.conn, uow.workspace_id, keys).items()
        if not locked[key].deleted
    }
    due = {key: fact for key, fact in read(uow, shown).items() if fact.name not in locked[key].told}
    for key, fact in due.items():
        uow.emit(fact.announce(shown[key], locked[key].version), occurred_at=fact.at)
    return settling.save(uow, [locked[key].still([*locked[key].told, fact.name]) for key, fact in due.items()])


def _as_event(key: ObjectKey, data: dict[str, Any], event_id: str, at: datetime) -> StripeEvent:
    """The stored state, as the event that showed it."""
    return StripeEvent(event_id, f"{key[1]}.stored", key[0], int(at.timestamp()), None, data, previous={})


def _overdue(uow: UnitOfWork, shown: Shown) -> dict[ObjectKey, Told]:
    told = {key: overdue(one) for key, one in shown.items() if one.object.get("status") == "open" and one.object.get("due_date")}
    return {key: fact for key, fact in told.items() if fact.at < uow.now}


def _expiring(uow: UnitOfWork, shown: Shown) -> dict[ObjectKey, Told]:
    this_month = uow.now.year * MONTHS + uow.now.month - 1
    customers = {key: owner for key, one in shown.items() if (owner := id_of(one.object.get("customer")))}
    cards = {key: shown[key].object.get("card") or shown[key].object for key in customers}
    due = {key: card for key, card in cards.items() if 0 <= _month(card) - this_month <= 1}
    defaults = due_store.defaults(uow, {key: customers[key] for key in due})
    told = {}
    for key, card in due.items():
        year, month = int(card["exp_year"]), int(card["exp_month"])
        fields = {"customer_id": customers[key], "is_default": key in defaults, "expiry_month": month, "expiry_year": year}
        told[key] = Told(f"expiring:{year}-{month:02}", uow.now, events.PaymentMethodExpiring, fields)
    return told


def _month(card: dict[str, Any]) -> int:
    """The month of expiry, counted from the year 0."""
    return int(card["exp_year"]) * MONTHS + int(card["exp_month"]) - 1


def _converted(uow: UnitOfWork, shown: Shown) -> dict[ObjectKey, Told]:
    sources = due_store.sources(uow, [(key[0], str(one.object["source"])) for key, one in shown.items()])
    return {key: recorded(one, sources.get((key[0], str(one.object["source"])))) for key, one in shown.items()}
