"""Usage subjects: whose they are, from when until when."""

from datetime import datetime, timedelta

from oppulence.customers import manage, ownership
from oppulence.customers.errors import InvalidInstant, SubjectNotFound
from oppulence.customers.history import EVER, Point
from oppulence.customers.models import NewSubject, SubjectPeriod, SubjectQuery
from oppulence.customers.store import customers as customer_store
from oppulence.customers.store import subjects as store
from oppulence.kernel.pagination import Page, paginate
from oppulence.kernel.uow import UnitOfWork

AHEAD = timedelta(minutes=5)
"""How far a caller's clock may be ahead of ours."""


def give(uow: UnitOfWork, customer_id: str, wanted: NewSubject) -> SubjectPeriod:
    """Make a subject the customer's from an instant on, whosever it was; earlier times stay as they are.

    Raises:
        CustomerNotFound, CustomerNotActive
        InvalidInstant: it lies in the future.
    """
    store.lock(uow.conn, uow.workspace_id, [wanted.subject])
    manage.check_active(manage.found(customer_store.share(uow.conn, customer_id), customer_id))
    points = _points(uow, wanted.subject)
    at = wanted.valid_from or (uow.now if points else EVER)
    ownership.move(uow, wanted.subject, points, Point(max(_not_ahead(uow, at, "valid_from"), EVER), customer_id))
    return _period(wanted.subject, customer_id, _points(uow, wanted.subject))


def take(uow: UnitOfWork, customer_id: str, subject: str, until: datetime | None) -> None:
    """End a customer's present ownership of a subject at an instant; from then on it is nobody's.

    Raises:
        CustomerNotFound
        SubjectNotFound: the subject is not the customer's at present.
        InvalidInstant: the instant lies in the future, or before the customer had it.
    """
    store.lock(uow.conn, uow.workspace_id, [subject])
    manage.found(customer_store.share(uow.conn, customer_id), customer_id)
    points = _points(uow, subject)
    if not points or points[-1].customer_id != customer_id:
        raise SubjectNotFound(f"Subject {subject} is not this customer's at present. List them with GET .../subjects.")
    at = _not_ahead(uow, until or max(uow.now, points[-1].valid_from), "valid_until")
    if at < _since(points):
        raise InvalidInstant("The customer did not have the subject yet at that instant.", param="valid_until")
    ownership.move(uow, subject, points, Point(at, None))


def page(uow: UnitOfWork, customer_id: str, query: SubjectQuery) -> Page[SubjectPeriod]:
    """The periods in which subjects are a customer's, past ones too.

    Raises:
        CustomerNotFound: this workspace has none of that id.
    """
    periods = paginate(
        uow, query, lambda after, most: store.page(uow.conn, customer_id, query.at, after, most),
        key=lambda one: (one.subject, one.valid_from),
    )  # fmt: skip
    if not periods.data:
        manage.found(customer_store.get(uow.conn, customer_id), customer_id)
    return periods


def _points(uow: UnitOfWork, subject: str) -> list[Point]:
    return store.points(uow.conn, [subject]).get(subject, [])


def _not_ahead(uow: UnitOfWork, at: datetime, param: str) -> datetime:
    if at > uow.now + AHEAD:
        raise InvalidInstant("A subject changes hands now or in the past, not in the future.", param=param)
    return at


def _since(points: list[Point]) -> datetime:
    """The beginning of the last owner's uninterrupted time."""
    since = points[-1].valid_from
    for point in reversed(points):
        if point.customer_id != points[-1].customer_id:
            break
        since = point.valid_from
    return since


def _period(subject: str, customer_id: str, points: list[Point]) -> SubjectPeriod:
    """The last owner's time as the API shows it."""
    since = points[-1].valid_from
    return SubjectPeriod(subject=subject, customer_id=customer_id, valid_from=None if since == EVER else since, valid_until=None)
