"""Questions to a meter and their answers: exact quantities of windows, settled and landed alike."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from oppulence.kernel.uow import Scope
from oppulence.metering.windows import WindowSize


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of a meter. The period `[since, until)` is of whole seconds; without `window_size` it is one window.

    `customers` are ids or keys; `filter_group_by` has the values of a dimension of which one must hold, None being no value.
    `as_of` is the number of a settlement, or an instant: what had been settled, and was known of customers, by then.
    """

    meter: str
    since: datetime
    until: datetime
    window_size: WindowSize | None = None
    time_zone: str = "UTC"
    subjects: tuple[str, ...] = ()
    customers: tuple[str, ...] = ()
    group_by: tuple[str, ...] = ()
    filter_group_by: Mapping[str, tuple[str | None, ...]] = field(default_factory=dict)
    as_of: datetime | int | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A window's quantity, of one subject, customer and set of dimensions as far as these are grouped by, else None.

    `value` is rounded as the meter says; None where there is none, such as the average of nothing.
    """

    window_start: datetime
    window_end: datetime
    subject: str | None
    customer_id: str | None
    groups: dict[str, str | None]
    value: Decimal | None


@dataclass(frozen=True, slots=True)
class Answer:
    """Rows by window, then subject, customer and dimensions. Windows in which nothing counted are left out.

    `settlement`: the number up to which settled events are in it; with it as `as_of` the answer can be had again, less what was
    not settled. `unsettled`: batches that have landed, are not settled, and are in the answer. `queued`: something has landed
    that is not in it yet; it soon will be.
    """

    meter_id: str
    rows: Sequence[Row]
    settlement: int
    unsettled: int
    queued: bool


def answer(scope: Scope, question: Question) -> Answer:
    """All of the answer, in one reading of what is settled and landed.

    Raises:
        MeterNotFound, UnknownDimension, UnknownCustomer, InvalidPeriod, TooManyWindows, TooManyRows, UnknownTimeZone
        Unavailable: a store cannot be reached.
    """
    raise NotImplementedError(question)
