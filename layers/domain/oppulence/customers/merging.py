"""Making two customers one."""

from collections.abc import Sized

from oppulence.customers import manage
from oppulence.customers.errors import CustomersTooLarge, SameCustomer
from oppulence.customers.events import CustomerMerged
from oppulence.customers.models import EMAILS_MAX, METADATA_MAX, TAX_IDS_MAX, Customer, CustomerRow, CustomerStatus
from oppulence.customers.store import customers as store
from oppulence.customers.store import links as link_store
from oppulence.customers.store import subjects as subject_store
from oppulence.kernel.uow import UnitOfWork

PERIODS_MAX = 100_000
"""So many periods of subjects change hands at once: they take some four seconds, for which others of the workspace wait."""

TOGETHER_MAX = 200_000
"""So many are one customer's after a merge: a question about usage takes no more."""


def merge(uow: UnitOfWork, customer_id: str, from_id: str) -> Customer:
    """Make another customer one with this one, which takes its links, and its subjects with their whole history.

    What this one lacks it takes from the other: fields that are empty, addresses and tax ids it does not have, notes under
    other names. The other stays as a tombstone without personal data: its id and its key lead here. What higher contexts
    have booked under its id stays as it is; read models follow the event.

    Raises:
        SameCustomer: both are the same.
        CustomerNotFound, CustomerNotActive: of either.
        CustomersTooLarge: together they have more addresses, tax ids, notes or periods of subjects than one customer can have;
            or the other has more of these than `PERIODS_MAX`.
    """
    if customer_id == from_id:
        raise SameCustomer("Name two customers: this one and the one that ends.", param="from")
    link_store.lock(uow.conn, uow.workspace_id)  # else a link might still be made to the one that ends
    subject_store.lock_all(uow.conn, uow.workspace_id)
    rows = {one: manage.active(uow, one) for one in sorted((customer_id, from_id))}  # one order for everyone
    kept, ended = rows[customer_id], rows[from_id]
    if subject_store.have_more(uow.conn, (kept.id, ended.id), TOGETHER_MAX):
        raise CustomersTooLarge(f"Together they have more than {TOGETHER_MAX} subjects: too many for one bill.", param="from")
    if subject_store.have_more(uow.conn, (ended.id,), PERIODS_MAX):
        raise CustomersTooLarge(f"{ended.id} has more than {PERIODS_MAX} subjects. Merge the smaller one into it.", param="from")
    united = _united(kept, ended).model_copy(update={"version": kept.version + 1, "updated_at": uow.now})
    tombstone = emptied(ended, CustomerStatus.MERGED).model_copy(
        update={"merged_into": kept.id, "key": ended.key if kept.key else None, "updated_at": uow.now}
    )
    store.redirect(uow.conn, ended.id, kept.id)
    store.note_merge(uow.conn, uow.workspace_id, ended.id, kept.id, uow.now)
    for row in (tombstone, united):  # the key is free before it is taken
        store.save(uow.conn, row)
        manage.write_terms(uow, row)
    link_store.give_all(uow.conn, ended.id, kept.id)
    moved = subject_store.give_all(uow.conn, ended.id, kept.id, uow.now)
    uow.emit(CustomerMerged(customer_id=kept.id, customer_version=united.version, merged_customer_id=ended.id))
    uow.audit("customer.merged", "customer", kept.id, metadata={"merged_customer_id": ended.id, "subject_periods": moved})
    return manage.view(uow.conn, united)


def emptied(row: CustomerRow, status: CustomerStatus) -> CustomerRow:
    """A customer as a tombstone: its id, key and currency stay, all that is personal goes."""
    return row.model_copy(
        update={
            "status": status, "name": None, "emails": [], "phone": None, "address": None, "tax_ids": [], "locale": None,
            "time_zone": None, "metadata": {}, "version": row.version + 1,
        }
    )  # fmt: skip


def _united(kept: CustomerRow, ended: CustomerRow) -> CustomerRow:
    lacking = {
        name: getattr(ended, name)
        for name in ("key", "name", "phone", "address", "currency", "locale", "time_zone")
        if getattr(kept, name) is None
    }
    known = {address.casefold() for address in kept.emails}
    together: dict[str, Sized] = {
        "emails": [*kept.emails, *(address for address in ended.emails if address.casefold() not in known)],
        "tax_ids": [*kept.tax_ids, *(one for one in ended.tax_ids if one not in kept.tax_ids)],
        "metadata": ended.metadata | kept.metadata,
    }
    for name, most in (("emails", EMAILS_MAX), ("tax_ids", TAX_IDS_MAX), ("metadata", METADATA_MAX)):
        if len(together[name]) > most:
            raise CustomersTooLarge(f"Together they have more than {most} {name}. Remove some of them first.", param="from")
    return kept.model_copy(update=lacking | together)
