"""Questions to a meter and their answers: exact quantities of windows, settled and landed alike.

The store adds up (`aggregates`), the rest is exact arithmetic (`combining`). An answer is read as of one moment: what was settled
up to a number, and the batches that had landed then; so all pages of one reading fit each other.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from oppulence.customers.errors import CustomerNotFound
from oppulence.kernel import collector
from oppulence.kernel.uow import Scope, in_transaction
from oppulence.metering import asked as asking
from oppulence.metering.asked import METER, Selection
from oppulence.metering.attribution import Owned
from oppulence.metering.errors import (
    InvalidPeriod,
    MeterNotFound,
    TooManyRows,
    TooManySubjects,
    TooManyWindows,
    UnknownDimension,
    UnknownTimeZone,
)
from oppulence.metering.readings import MAX_ROWS, Reading, Row
from oppulence.metering.windows import Window, WindowSize, whole, windows, zone

__all__ = ["MAX_ROWS", "MAX_RUN_ROWS", "REFUSALS", "Answer", "Question", "Reading", "Row", "answer", "read", "run", "too_many"]


MAX_RUN_ROWS = 1_000_000
REFUSALS = (
    MeterNotFound, CustomerNotFound, UnknownDimension, InvalidPeriod, TooManyWindows, TooManyRows, TooManySubjects,
    UnknownTimeZone,
)  # fmt: skip
"""What may be wrong with a question."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of a meter. The period `[since, until)` is of whole seconds; without `window_size` it is one window.

    `customers` are ids or keys; `filter_group_by` has the values of a dimension of which one must hold, None being no value.
    `as_of` is an instant: what had been settled, and was known of customers, by then; or the number of a settlement: what had
    been settled up to it, of customers as they are known at `known_at`, else now. `owned` says what is the customers' instead.
    `sent` are batches of which the answer says whether they have landed (`queued`).
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
    known_at: datetime | None = None
    owned: tuple[Owned, ...] | None = None
    sent: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """Rows by window, then by what is grouped by, in that order. Windows in which nothing counted are left out.

    `settlement`: the number up to which settled events are in it; with it as `as_of`, and customers as known then, it can be had
    again, less what was not settled. `unsettled`: batches that have landed, are not settled, and are in the answer. `queued`:
    something is on its way and not in it yet; it soon will be.
    """

    meter_id: str
    rows: Sequence[Row]
    settlement: int
    unsettled: int
    queued: bool


def read(scope: Scope, question: Question) -> Reading:
    """Look up what a question means, at this moment.

    Raises:
        MeterNotFound, CustomerNotFound, UnknownDimension, TooManySubjects, InvalidPeriod, TooManyWindows, UnknownTimeZone
    """
    tz = zone(question.time_zone)
    asked = in_transaction(scope, lambda uow: asking.read(uow, question.meter, _selection(question, tz)))
    return Reading(asked, _windows(question, tz), question.window_size is None and not asked.group_by)


def answer(scope: Scope, question: Question) -> Answer:
    """All of the answer.

    Raises:
        MeterNotFound, CustomerNotFound, UnknownDimension, TooManySubjects, InvalidPeriod, TooManyWindows, UnknownTimeZone
        TooManyRows: it has more than `MAX_ROWS`.
        Unavailable: a store cannot be reached.
    """
    reading = read(scope, question)
    rows = reading.rows(most=MAX_ROWS + 1)
    if len(rows) > MAX_ROWS:
        raise too_many(MAX_ROWS)
    return _answer(reading, rows)


def run(scope: Scope, question: Question) -> dict[str, Answer]:
    """The answers of all meters, by their ids, with one statement for those of a kind: what a billing run asks.

    `meter` and `filter_group_by` of the question are left aside; `group_by` has `subject` and `customer_id` only. A meter that
    counted nothing is left out, and rows come in no order.

    Raises:
        CustomerNotFound, TooManySubjects, InvalidPeriod, TooManyWindows, UnknownTimeZone
        TooManyRows: one kind's meters have more than `MAX_RUN_ROWS` together.
        Unavailable: a store cannot be reached.
    """
    tz = zone(question.time_zone)
    found = _windows(question, tz)
    selection = replace(_selection(question, tz), group_by=(METER, *question.group_by), filters={})
    answers: dict[str, Answer] = {}
    with collector.paused():
        for asked in in_transaction(scope, lambda uow: asking.read_all(uow, selection)):
            answers |= _run(Reading(asked, found, one_row=False))
    return answers


def _run(reading: Reading) -> dict[str, Answer]:
    """The answers of meters of a kind."""
    rows = reading.whole(MAX_RUN_ROWS)
    if rows is None:
        raise too_many(MAX_RUN_ROWS)
    own: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        own[row.meter_id].append(row)
    return {id_: replace(_answer(reading, some), meter_id=id_) for id_, some in own.items()}


def _answer(reading: Reading, rows: Sequence[Row]) -> Answer:
    asked = reading.asked
    return Answer(asked.meter.id, rows, asked.snapshot.settled, len(asked.tail), asked.queued)


def _windows(question: Question, tz: ZoneInfo) -> list[Window]:
    period = whole(question.since, question.until)
    return [period] if question.window_size is None else windows(period, question.window_size, tz)


def _selection(question: Question, tz: ZoneInfo) -> Selection:
    return Selection(
        tz, question.subjects, question.customers, question.group_by, question.filter_group_by, question.as_of, question.known_at,
        question.owned, question.sent,
    )  # fmt: skip


def too_many(most: int) -> TooManyRows:
    """An answer has more rows than that."""
    return TooManyRows(
        f"The answer has more than {most} rows. Ask page by page, for a shorter period or larger windows, or group by less.",
        param="window_size",
    )
