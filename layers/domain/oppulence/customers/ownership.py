"""Writing whose a subject is. A customer's key is one of its subjects, unless one of that name was given to somebody."""

from collections.abc import Mapping, Sequence

from oppulence.customers import history
from oppulence.customers.events import SubjectMoved
from oppulence.customers.history import EVER, Point
from oppulence.customers.store import subjects as store
from oppulence.kernel.uow import UnitOfWork


def hold(uow: UnitOfWork, keys: Sequence[str]) -> None:
    """Keep others from changing the subjects named like these keys, before a customer gets one: later is too late to wait.

    Who waits reads `uow.now` only afterwards, so that what it writes is later than what it waited for.
    """
    if keys:
        store.lock(uow.conn, uow.workspace_id, keys)


def own_keys(uow: UnitOfWork, holders: Mapping[str, str]) -> None:
    """Make keys, which are held, subjects of the customers that have got them."""
    points = store.points(uow.conn, list(holders))
    first: dict[str, Point] = {}
    for key, customer_id in holders.items():
        known = points.get(key, [])
        for wanted in history.after_key(known, customer_id, uow.now):
            if wanted.valid_from == EVER:
                first[key] = wanted
                known = [wanted, *known]
            else:
                move(uow, key, known, wanted)
    if first:
        store.insert(uow.conn, uow.workspace_id, first, uow.now)


def move(uow: UnitOfWork, subject: str, points: list[Point], wanted: Point) -> None:
    """Write a move, if it changes anything, with its event and audit entry."""
    change = history.move(points, wanted)
    if history.applied(points, change) == points:
        return
    store.replace(uow.conn, subject, change.dropped, uow.now)
    if change.added:
        store.insert(uow.conn, uow.workspace_id, {subject: change.added}, uow.now)
    before = history.owner_at(points, wanted.valid_from)
    since = None if wanted.valid_from == EVER else wanted.valid_from
    uow.emit(
        SubjectMoved(
            subject=subject,
            from_customer_id=before,
            to_customer_id=wanted.customer_id,
            valid_from=since,
            subject_version=store.next_version(uow.conn),
        )
    )
    uow.audit(
        "customer.subject_moved", "customer", wanted.customer_id or before or "none",
        before={"customer_id": before}, after={"customer_id": wanted.customer_id, "valid_from": since},
    )  # fmt: skip
