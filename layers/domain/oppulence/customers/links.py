"""Links to provider customers, as the mirror's events tell of them. The rules stand in the package's docstring.

Batches about one workspace take turns. No inbox: what is told again finds its link and changes nothing.
"""

import re
from collections.abc import Sequence

from oppulence.customers import manage, merging, ownership
from oppulence.customers.events import CustomerCreated, CustomerUpdated
from oppulence.customers.models import KEY_PATTERN, CustomerRow, CustomerStatus
from oppulence.customers.store import customers as customer_store
from oppulence.customers.store import links as store
from oppulence.customers.store.links import LinkRow
from oppulence.kernel.consume import Received
from oppulence.kernel.ids import is_id, new_id
from oppulence.kernel.uow import Scope, UnitOfWork, in_transaction
from oppulence.sync.events import CustomerDeleted, CustomerFact

PROVIDER = "stripe"
"""The only one that the mirror knows."""

_KEY = re.compile(KEY_PATTERN.strip("^$"))
_DESCRIBED_BY = ("name", "phone", "address", "currency", "locale", "time_zone", "emails", "tax_ids", "metadata")
Place = tuple[str, str]
"""Account and id of a provider's customer."""


def observe(received: Sequence[Received]) -> None:
    """Bring the links up to date with facts about provider customers of one workspace."""
    facts = [one.event for one in received if isinstance(one.event, CustomerFact)]
    in_transaction(Scope("customers", received[0].envelope.workspace_id), lambda uow: take_in(uow, facts))


def take_in(uow: UnitOfWork, facts: Sequence[CustomerFact]) -> None:
    """Link what is not linked, note what is new of what is, and let keys that turned up late have their effect."""
    newest: dict[Place, CustomerFact] = {}
    for fact in sorted(facts, key=lambda one: one.object_version):
        newest[_place(fact)] = fact
    gone = {_place(fact) for fact in facts if isinstance(fact, CustomerDeleted)}
    store.lock(uow.conn, uow.workspace_id)
    ownership.hold(uow, sorted({key for fact in newest.values() if (key := _key(fact))}))
    known = {(row.account, row.provider_customer_id): row for row in store.find(uow.conn, PROVIDER, sorted(newest))}
    chosen = {place: row.customer_id for place, row in known.items()}
    chosen |= _customers_for(uow, {place: _key(fact) for place, fact in newest.items() if place not in known})
    rows = [
        LinkRow(PROVIDER, *place, chosen[place], fact.object_version, place in gone) for place, fact in sorted(newest.items())
    ]
    store.upsert(uow.conn, uow.workspace_id, rows, uow.now)
    _tell_of_links(uow, {row.customer_id for place, row in known.items() if place in gone and not row.deleted})
    for place, row in known.items():
        key = _key(newest[place])
        if key and place not in gone and not row.deleted and newest[place].object_version >= row.provider_version:
            _apply_key(uow, row.customer_id, key)


def _customers_for(uow: UnitOfWork, keys: dict[Place, str | None]) -> dict[Place, str]:
    """The customers of provider customers that have no link yet: those with the same key, else new ones."""
    wanted = sorted({key for key in keys.values() if key})
    by_key = customer_store.ids_by_key(uow.conn, wanted)
    bare = {place: new_id("cust") for place, key in keys.items() if not key}
    made = [(new_id("cust"), key) for key in wanted if key not in by_key] + [(one, None) for one in bare.values()]
    created = customer_store.insert_bare(uow.conn, uow.workspace_id, made, uow.now) if made else set()
    present = customer_store.ids_by_key(uow.conn, wanted)  # whoever made one with such a key meanwhile is found too
    chosen = {place: present[key] if key else bare[place] for place, key in keys.items()}
    for customer_id, key in made:
        if customer_id in created:
            uow.emit(CustomerCreated(customer_id=customer_id, customer_version=1))
            if key:
                manage.write_terms(uow, manage.bare(uow, customer_id, key))
    ownership.own_keys(uow, {key: customer_id for customer_id, key in made if key and customer_id in created})
    _tell_of_links(uow, set(chosen.values()) - created)
    return chosen


def _tell_of_links(uow: UnitOfWork, customer_ids: set[str]) -> None:
    """Give customers whose links changed their next version, and tell of it."""
    changed = customer_store.count_up(uow.conn, list(customer_ids), uow.now) if customer_ids else {}
    for customer_id, version in sorted(changed.items()):
        uow.emit(CustomerUpdated(customer_id=customer_id, customer_version=version, changed=["links"]))


def _apply_key(uow: UnitOfWork, customer_id: str, key: str) -> None:
    """Give a linked customer that has no key the one its provider's metadata carry, or merge it into the one that has it.

    Only a bare customer is merged: what the workspace has worked with is left to the workspace.
    """
    row = customer_store.get(uow.conn, customer_id)
    if row is None or row.status is not CustomerStatus.ACTIVE or row.key is not None:
        return
    holder = customer_store.get(uow.conn, customer_store.ids_by_key(uow.conn, [key]).get(key, ""))
    if holder is None:
        row = manage.active(uow, customer_id)
        manage.save(uow, row, {"key": row.key or key})
    elif holder.status is CustomerStatus.ACTIVE and _is_bare(uow, row):
        merging.merge(uow, holder.id, row.id)


def _is_bare(uow: UnitOfWork, row: CustomerRow) -> bool:
    return not any(getattr(row, name) for name in _DESCRIBED_BY) and not customer_store.is_used(uow.conn, row.id)


def _place(fact: CustomerFact) -> Place:
    return fact.account or "", fact.object_id


def _key(fact: CustomerFact) -> str | None:
    """The key that the provider's metadata carry, if it can be one."""
    return fact.key if fact.key and _KEY.fullmatch(fact.key) and not is_id(fact.key, "cust") else None
