"""A customer's personal data: all of it on demand, and none of it any more.

Erasure leaves the customer's id, its currency, its subjects and links, which are ids of other systems, so that every amount
still has its customer. Its keys are among its subjects: what usage events name stays as they name it, or what was billed for
them would be nobody's. The customer's own key stays too, as an opaque tombstone that keeps it from being made again by mistake;
one that is personal itself, and those of customers that were merged into it, are replaced by random ones. Two kinds of copies
go by themselves: answers kept for an Idempotency-Key, sealed under the workspace's key, after 35 days; backups when they expire.
Contexts that copied personal data delete it when they hear of the erasure.
"""

from oppulence.customers import manage, merging, search
from oppulence.customers.events import CustomerErased
from oppulence.customers.models import Customer, CustomerExport, CustomerRow, CustomerStatus
from oppulence.customers.store import customers as store
from oppulence.customers.store import subjects as subject_store
from oppulence.kernel.ids import random_text
from oppulence.kernel.uow import Scope, UnitOfWork, in_transaction

_SUBJECTS_SHOWN = 5_000
_ROWS_A_STEP = 10_000
_RANDOM = 20
_PIECE = 3


def export(uow: UnitOfWork, customer_id: str) -> CustomerExport:
    """All that is kept of a customer here; of very many subjects the first, as an answer is bounded.

    Raises:
        CustomerNotFound: this workspace has none of that id.
    """
    row = manage.found(store.get(uow.conn, customer_id), customer_id)
    subjects = subject_store.page(uow.conn, customer_id, None, None, _SUBJECTS_SHOWN + 1)
    return CustomerExport(
        exported_at=uow.now, customer=manage.view(uow.conn, row), merged_customers=store.merged_into(uow.conn, customer_id),
        subjects=subjects[:_SUBJECTS_SHOWN], more_subjects=len(subjects) > _SUBJECTS_SHOWN,
    )  # fmt: skip


def erase(uow: UnitOfWork, customer_id: str) -> Customer:
    """Delete a customer's personal data for good. Repeating it is harmless.

    Raises:
        CustomerNotFound: this workspace has none of that id.
        CustomerNotActive: it was merged: erase the customer that it is now.
    """
    row = manage.found(store.get(uow.conn, customer_id, lock=True), customer_id)
    if row.status is CustomerStatus.ERASED:
        return manage.view(uow.conn, row)
    if row.status is CustomerStatus.MERGED:
        manage.check_active(row)
    merged = store.merged_into(uow.conn, customer_id)
    erased = merging.emptied(row, CustomerStatus.ERASED).model_copy(update={"key": _opaque(row.key, row), "updated_at": uow.now})
    store.save(uow.conn, erased)
    manage.write_terms(uow, erased)
    for tombstone in merged:
        store.save(uow.conn, tombstone.model_copy(update={"key": tombstone.key and _random_key()}))
    uow.emit(CustomerErased(customer_id=row.id, customer_version=erased.version))
    uow.audit("customer.erased", "customer", row.id)
    return manage.view(uow.conn, erased)


def erase_workspace(workspace_id: str) -> None:
    """Delete all that the context has of the workspace, step by step. Repeating it goes on where it was broken off."""
    scope = Scope("customers", workspace_id)
    for statement in store.ERASING:
        while in_transaction(scope, lambda uow, one=statement: store.erase_some(uow.conn, one, _ROWS_A_STEP)):  # type: ignore[misc]
            continue


def is_personal(key: str, row: CustomerRow) -> bool:
    """Whether a key tells who the customer is: an address, or text with a piece of the name, an address, phone or tax id in it.

    Rather once too often: what is lost is only that the customer is not made again under the same key.
    """
    texts = [row.name or "", *(address.partition("@")[0] for address in row.emails)]
    pieces = {piece for text in texts for piece in _plain(text, " ").split() if len(piece) >= _PIECE}
    digits = "".join(c for c in row.phone or "" if c.isdigit())
    whole = [one for text in (row.name or "", *(tax_id.value for tax_id in row.tax_ids)) if len(one := _plain(text, "")) > 1]
    plain = _plain(key, "")
    return "@" in key or any(one and one in plain for one in (*pieces, *whole, digits))


def _opaque(key: str | None, row: CustomerRow) -> str | None:
    return _random_key() if key is not None and is_personal(key, row) else key


def _random_key() -> str:
    return f"erased_{random_text(_RANDOM)}"


def _plain(text: str, instead: str) -> str:
    """Normal text with something else in the place of every sign."""
    return "".join(c if c.isalnum() else instead for c in search.normal(text))
