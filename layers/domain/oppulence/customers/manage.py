"""Making, reading, changing and removing customers."""

import re
from typing import Any

from oppulence.customers import finding, ownership, search
from oppulence.customers.errors import (
    CustomerChanged,
    CustomerExists,
    CustomerNotActive,
    CustomerNotFound,
    InvalidKey,
    UnknownTimeZone,
)
from oppulence.customers.events import CustomerArchived, CustomerCreated, CustomerUpdated
from oppulence.customers.models import (
    KEY_PATTERN,
    Customer,
    CustomerChange,
    CustomerDetails,
    CustomerQuery,
    CustomerRow,
    CustomerStatus,
    NewCustomer,
)
from oppulence.customers.store import customers as store
from oppulence.customers.store import links as link_store
from oppulence.customers.store import terms as term_store
from oppulence.customers.store.terms import Search
from oppulence.kernel.db import Connection
from oppulence.kernel.ids import is_id, new_id
from oppulence.kernel.pagination import After, Page, paginate
from oppulence.kernel.uow import UnitOfWork

_EMPTY: dict[str, Any] = {"emails": [], "tax_ids": [], "metadata": {}}
"""What null stands for in fields that are never null."""

_time_zones: set[str] = set()
_Change = dict[str, Any]


def create(uow: UnitOfWork, wanted: NewCustomer) -> Customer:
    """Make a customer.

    Raises:
        InvalidKey: the key could be taken for a customer's id.
        CustomerExists: another one has the key.
        UnknownTimeZone: no such time zone.
    """
    ownership.hold(uow, [wanted.key] if wanted.key else [])
    row = bare(uow, new_id("cust"), wanted.key).model_copy(update=_sent(uow.conn, wanted))
    if not store.insert(uow.conn, uow.workspace_id, row):
        raise _taken()
    _announce_new(uow, row)
    return view(uow.conn, row)


def put(uow: UnitOfWork, key: str, wanted: CustomerDetails) -> Customer:
    """Make the customer with this key, or change the one that has it. An archived one is active again.

    The key of a customer that was merged leads to the one it is now.

    Raises:
        InvalidKey: the key has a shape that is not allowed, or is new and could be taken for a customer's id.
        CustomerNotActive: the customer was erased.
        UnknownTimeZone: no such time zone.
    """
    if not re.fullmatch(KEY_PATTERN.strip("^$"), key):
        raise InvalidKey("A key has 1 to 255 characters, none of them white space.", param="key")
    ownership.hold(uow, [key])
    row = bare(uow, new_id("cust"), key).model_copy(update=_sent(uow.conn, wanted))
    if store.insert(uow.conn, uow.workspace_id, row):
        _announce_new(uow, row)
        return view(uow.conn, row)
    holder = store.ids_by_key(uow.conn, [key]).get(key, "")
    present = store.get(uow.conn, holder, lock=True)
    if present is None:
        raise _taken()  # it was there a moment ago, and is being removed
    if present.status is not CustomerStatus.ARCHIVED:
        check_active(present)
    return view(uow.conn, save(uow, present, _sent(uow.conn, wanted) | {"status": CustomerStatus.ACTIVE}))


def get(uow: UnitOfWork, customer_id: str) -> Customer:
    """One customer, whatever its status.

    Raises:
        CustomerNotFound: this workspace has none of that id.
    """
    return view(uow.conn, found(store.get(uow.conn, customer_id), customer_id))


def page(uow: UnitOfWork, query: CustomerQuery) -> Page[Customer]:
    """Customers, the newest first; with a search, in the order of the terms that were found.

    Raises:
        TooManyWords: the search has more words than are looked for.
    """
    if query.query is None:

        def newest(after: After | None, most: int) -> list[Customer]:
            return views(uow.conn, store.page(uow.conn, query.status, query.key, after, most))

        return paginate(uow, query, newest, key=lambda one: (one.created_at, one.id))

    words = search.words_of(query.query)
    keys: dict[str, After] = {}

    def matching(after: After | None, most: int) -> list[Customer]:
        if not words:
            return []
        lead, *place = after or (None,)
        wanted = Search(words, query.status, query.key, (place[0], place[1]) if place else None, most)
        lead, rows = finding.find(uow.conn, wanted, lead)
        keys.update((row.id, (lead, row.term, row.id)) for row in rows)
        return views(uow.conn, rows)

    return paginate(uow, query, matching, key=lambda one: keys[one.id])


def change(uow: UnitOfWork, customer_id: str, wanted: CustomerChange) -> Customer:
    """Change what is sent of a customer. A changed key leaves the subject of the old one, with its usage, with the customer.

    Raises:
        CustomerNotFound, CustomerNotActive
        CustomerChanged: it has another version than the caller says.
        InvalidKey: the key is new and could be taken for a customer's id.
        CustomerExists: another customer has the key.
        UnknownTimeZone: no such time zone.
    """
    ownership.hold(uow, [wanted.key] if wanted.key else [])
    row = found(store.get(uow.conn, customer_id, lock=True), customer_id)
    if row.status is not CustomerStatus.ARCHIVED or "status" not in wanted.model_fields_set:
        check_active(row)
    if wanted.version is not None and wanted.version != row.version:
        raise CustomerChanged(
            f"Customer {customer_id} has version {row.version} by now. Read it and decide again.", param="version"
        )
    return view(uow.conn, save(uow, row, _sent(uow.conn, wanted)))


def remove(uow: UnitOfWork, customer_id: str) -> None:
    """Archive a customer; one that nothing refers to is deleted. Subjects of an archived one stay its own until they move.

    What is deleted is as if it had never been: the usage of its keys was nobody's at any moment, whatever `as_of` said before.

    Raises:
        CustomerNotFound, CustomerNotActive
    """
    row = active(uow, customer_id)
    deleted = store.delete_unused(uow.conn, customer_id)
    if not deleted:
        row = row.model_copy(update={"status": CustomerStatus.ARCHIVED, "version": row.version + 1, "updated_at": uow.now})
        store.save(uow.conn, row)
        write_terms(uow, row)
    uow.emit(CustomerArchived(customer_id=row.id, customer_version=row.version, deleted=deleted))
    uow.audit("customer.deleted" if deleted else "customer.archived", "customer", row.id)


def save(uow: UnitOfWork, row: CustomerRow, sent: _Change) -> CustomerRow:
    """Save what of a locked customer really changes, with its terms, event and audit entry. A new key is held.

    Raises:
        InvalidKey: the new key could be taken for a customer's id.
        CustomerExists: another customer has the key.
    """
    before = row.model_dump()
    wanted = row.model_copy(update=sent)
    changed = sorted(name for name, value in wanted.model_dump().items() if value != before[name])
    if not changed:
        return row
    wanted = wanted.model_copy(update={"version": row.version + 1, "updated_at": uow.now})
    if not store.save(uow.conn, wanted):
        raise _taken()
    if {"key", "name", "emails", "status"} & set(changed):
        write_terms(uow, wanted)
    if "key" in changed:
        _own_key(uow, wanted)
    uow.emit(CustomerUpdated(customer_id=row.id, customer_version=wanted.version, changed=changed))
    uow.audit("customer.updated", "customer", row.id, metadata={"fields": changed})
    return wanted


def write_terms(uow: UnitOfWork, row: CustomerRow) -> None:
    """Make a customer findable by what it is now; a tombstone is not found."""
    is_tombstone = row.status in (CustomerStatus.MERGED, CustomerStatus.ERASED)
    terms = set() if is_tombstone else search.terms_of(row.key, row.name, row.emails)
    term_store.write(uow.conn, uow.workspace_id, row, terms)


def active(uow: UnitOfWork, customer_id: str) -> CustomerRow:
    """A customer that may be changed, locked.

    Raises:
        CustomerNotFound, CustomerNotActive
    """
    return check_active(found(store.get(uow.conn, customer_id, lock=True), customer_id))


def check_active(row: CustomerRow) -> CustomerRow:
    """The customer, if it is active.

    Raises:
        CustomerNotActive: it is not; the message says what it is.
    """
    if row.status is CustomerStatus.ARCHIVED:
        raise CustomerNotActive(f"Customer {row.id} is archived. PATCH its status to active to bring it back.")
    if row.status is CustomerStatus.MERGED:
        raise CustomerNotActive(f"Customer {row.id} was merged. Use {row.merged_into}.", merged_into=row.merged_into)
    if row.status is CustomerStatus.ERASED:
        raise CustomerNotActive(f"Customer {row.id} was erased. Create a new one under another key.")
    return row


def found(row: CustomerRow | None, customer_id: str) -> CustomerRow:
    """The customer, if there is one.

    Raises:
        CustomerNotFound: there is none.
    """
    if row is None:
        raise CustomerNotFound(f"No customer {customer_id} in this workspace. List them with GET /v1/customers.")
    return row


def view(conn: Connection, row: CustomerRow) -> Customer:
    """A customer with its links."""
    return views(conn, [row])[0]


def views(conn: Connection, rows: list[Any]) -> list[Customer]:
    """Customers with their links."""
    links = link_store.of_customers(conn, [row.id for row in rows]) if rows else {}
    return [
        Customer.model_construct(**{name: getattr(row, name) for name in CustomerRow.model_fields}, links=links.get(row.id, []))
        for row in rows
    ]


def bare(uow: UnitOfWork, customer_id: str, key: str | None) -> CustomerRow:
    """A customer of which only the key is known."""
    return CustomerRow(
        id=customer_id, key=key, status=CustomerStatus.ACTIVE, merged_into=None, name=None, emails=[], phone=None,
        address=None, tax_ids=[], currency=None, locale=None, time_zone=None, metadata={}, version=1,
        created_at=uow.now, updated_at=uow.now,
    )  # fmt: skip


def _announce_new(uow: UnitOfWork, row: CustomerRow) -> None:
    write_terms(uow, row)
    _own_key(uow, row)
    uow.emit(CustomerCreated(customer_id=row.id, customer_version=row.version))
    uow.audit("customer.created", "customer", row.id)


def _own_key(uow: UnitOfWork, row: CustomerRow) -> None:
    """Give a customer that has got its key the subject of that name."""
    if row.key and is_id(row.key, "cust"):
        raise InvalidKey("This key looks like one of our ids of customers. Put something of yours before it.", param="key")
    if row.key:
        ownership.own_keys(uow, {row.key: row.id})


def _sent(conn: Connection, wanted: CustomerDetails) -> _Change:
    """The fields that the caller sent, as a row has them."""
    names = wanted.model_fields_set - {"version"}
    if wanted.time_zone is not None and wanted.time_zone not in _known_time_zones(conn):
        raise UnknownTimeZone("Use a name of the IANA database, such as Europe/Vienna.", param="time_zone")
    values = {name: getattr(wanted, name) for name in names}
    return {name: _EMPTY.get(name) if value is None else value for name, value in values.items()}


def _known_time_zones(conn: Connection) -> set[str]:
    """The names of the IANA database, read once per process: reading them takes PostgreSQL many milliseconds."""
    if not _time_zones:
        _time_zones.update(store.time_zones(conn))
    return _time_zones


def _taken() -> CustomerExists:
    return CustomerExists("Another customer has this key. Change that one with PUT /v1/customers/by_key/<key>.", param="key")
