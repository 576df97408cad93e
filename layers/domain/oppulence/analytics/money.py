"""Transactions and MRR, brought up to date from the mirror: whatever an announcement is about is read as it stands now.

So it does not matter how often or in what order announcements come: what is written last is what the mirror says. Rows are
read in a transaction that has ended when they are written to the analytical store.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from oppulence.analytics import mrr, store, tables, workspaces
from oppulence.analytics.mrr import Movement
from oppulence.analytics.store import Customer
from oppulence.kernel import olap
from oppulence.kernel.uow import Scope, UnitOfWork, in_transaction
from oppulence.sync import api as mirror
from oppulence.sync.api import KnownDiscount, PaymentInvoice, Ref, SubscriptionState, Transaction
from oppulence.sync.events import EventsStored, ObjectsObserved

CONTEXT = "analytics"


@dataclass(frozen=True, slots=True)
class Read:
    """What PostgreSQL says of some objects; `movements` are all of each customer that they touch."""

    transactions: list[Transaction]
    payment_invoices: list[PaymentInvoice]
    movements: dict[Customer, list[Movement]]
    generation: int


def take_stored(workspace_id: str, announced: Sequence[EventsStored]) -> int:
    """Copy what the announced events are about; returns how many rows were written.

    Raises:
        Unavailable: a store is down; the announcement comes again.
    """
    keys = [(one.account or "", event_id) for one in announced for event_id in one.event_ids]
    return _copy(workspace_id, lambda uow: mirror.refs_of_events(uow.conn, keys))


def take_observed(workspace_id: str, announced: Sequence[ObjectsObserved]) -> int:
    """The same for objects that were listed or fetched."""
    refs = {Ref(one.account or "", ref.object_type, ref.object_id) for one in announced for ref in one.objects}
    return copy(workspace_id, refs)


def copy(workspace_id: str, refs: Collection[Ref]) -> int:
    """Copy what these objects are, as the mirror shows them now; returns how many rows were written."""
    return _copy(workspace_id, lambda _: refs)


def _copy(workspace_id: str, refs: Callable[[UnitOfWork], Collection[Ref]]) -> int:
    """Without an analytical store the states of subscriptions are kept all the same: raw events do not stay for ever."""
    found = in_transaction(Scope(CONTEXT, workspace_id), lambda uow: _read(uow, sorted(refs(uow))))
    if not olap.is_configured():
        return 0
    return (
        tables.write_transactions(workspace_id, found.transactions)
        + tables.write_payment_invoices(workspace_id, found.payment_invoices)
        + tables.write_movements(workspace_id, found.movements, found.generation)
    )


def _read(uow: UnitOfWork, refs: Sequence[Ref]) -> Read:
    if not workspaces.is_there(uow):
        return Read([], [], {}, 0)
    customers = _customers(uow, refs)
    generation = store.next_generation(uow.conn, uow.workspace_id, customers) if customers else 0
    return Read(
        mirror.transactions_of(uow.conn, refs), mirror.payment_invoices_of(uow.conn, refs), _reckon(uow, customers), generation
    )


def _customers(uow: UnitOfWork, refs: Sequence[Ref]) -> set[Customer]:
    """Whose MRR these objects may have moved; their subscriptions' states are kept first."""
    states = mirror.subscription_states(uow.conn, refs)
    if states:
        store.save_states(uow.conn, uow.workspace_id, states)
    subscriptions = {ref for ref in refs if ref.type == "subscription"}
    whose = store.customers_of(uow.conn, subscriptions) if subscriptions else set()
    return whose | mirror.customers_of_discounts(uow.conn, refs)


def _reckon(uow: UnitOfWork, customers: set[Customer]) -> dict[Customer, list[Movement]]:
    states: dict[Customer, list[SubscriptionState]] = {customer: [] for customer in customers}
    for state in store.states_of(uow.conn, customers) if customers else []:
        states[(state.account, state.terms.customer_id)].append(state)
    wanted = [(one.account, found) for group in states.values() for one in group for found in mrr.discount_ids(one.terms)]
    by_account: dict[str, dict[str, KnownDiscount]] = {}
    for (account, discount_id), one in (mirror.known_discounts(uow.conn, wanted) if wanted else {}).items():
        by_account.setdefault(account, {})[discount_id] = one
    return {
        customer: mrr.movements(group, _inline(group) | by_account.get(customer[0], {})) for customer, group in states.items()
    }


def _inline(states: Sequence[SubscriptionState]) -> dict[str, KnownDiscount]:
    """Discounts that older versions show whole on the subscription itself."""
    shown = [discount for state in states for discount in state.terms.discounts]
    return {one.discount_id: KnownDiscount(one.ends_at, one.coupon) for one in shown if one.coupon}
