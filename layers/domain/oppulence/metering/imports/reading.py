"""The work of an execution: parts of the file, one after the other, for some seconds at a time.

Of each part the events are sent first, then the place moves. A crash between the two sends the same batches again, as a queue may
do at any time; what reads them is harmless to that.
"""

import time
from dataclasses import dataclass
from enum import StrEnum

from pydantic_core import to_json

from oppulence.kernel.ids import id_of
from oppulence.kernel.uow import Scope, UnitOfWork, in_transaction
from oppulence.metering import ingest
from oppulence.metering.batches import MAX_EVENTS, Written
from oppulence.metering.imports import files_gateway, store
from oppulence.metering.imports.files_gateway import FileChanged
from oppulence.metering.imports.lines import Place
from oppulence.metering.imports.models import ERRORS_MAX, Import, Status
from oppulence.metering.imports.parts import Part, Unreadable, read_part
from oppulence.metering.usage_event import SentEvent

WORK_S = 40.0
"""How long one call works. The machine then calls again: a function's time is bounded."""

PART_BYTES = 8 * 1024**2
"""What is read at once: the bound of memory, and of what a crash repeats."""


class NextStep(StrEnum):
    """What the machine does next. `stale`: another execution looks after the import, or it is gone."""

    GO_ON = "go_on"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    STALE = "stale"


@dataclass(frozen=True, slots=True)
class Run:
    """An execution of the machine: only the one that the import's row names may act."""

    import_id: str
    execution: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a call."""

    next_step: NextStep
    reason: str | None = None


class _Over(Exception):
    """Nothing more is to be done."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.reason)
        self.outcome = outcome


def read_lines(scope: Scope, run: Run) -> Outcome:
    """Read parts of the file until its end, until forty seconds have passed, or until it cannot be read.

    Raises:
        Unavailable: a store is away; calling again goes on where the place is.
    """
    until = time.monotonic() + WORK_S
    try:
        row = in_transaction(scope, lambda uow: _standing(uow, run))
        while row.position < row.size_bytes:
            if time.monotonic() >= until:
                return Outcome(NextStep.GO_ON)
            row = _take(scope, run, row)
        return _end(scope, run, Status.COMPLETED, None)
    except _Over as over:
        return over.outcome


def give_up(uow: UnitOfWork, run: Run, error: str) -> None:
    """Fail the import because its task kept failing; `error` is the class alone, the task's log says more."""
    row = store.fetch(uow.conn, run.import_id, lock=True)
    if row is not None and not row.is_over and row.execution_name == run.execution:
        reason = f"Reading kept failing ({error[:100]}). What was accepted stays; import the rest as a file of its own."
        store.end(uow.conn, row.id, Status.FAILED, reason, uow.now)


def _standing(uow: UnitOfWork, run: Run) -> Import:
    """The import's row, held, if it is this execution's to work on.

    Raises:
        _Over: it is not, or not any more.
    """
    row = _own(uow, run)
    if row.is_over:
        raise _ended(row)
    return row


def _own(uow: UnitOfWork, run: Run, position: int | None = None) -> Import:
    """The row, held, if the import is this execution's and reading has not gone on meanwhile; whether it is over or not.

    Raises:
        _Over: it is not.
    """
    row = store.fetch(uow.conn, run.import_id, lock=True)
    if row is None:
        raise _Over(Outcome(NextStep.STALE, "there is no such import"))
    if row.execution_name != run.execution or (position is not None and row.position != position):
        raise _Over(Outcome(NextStep.STALE, f"the execution {row.execution_name} looks after it"))
    store.touch(uow.conn, row.id)
    return row


def _ended(row: Import) -> _Over:
    return _Over(Outcome(NextStep(row.status.value), row.reason))


def _take(scope: Scope, run: Run, row: Import) -> Import:
    """Send what one part holds and move the place behind it."""
    end = min(row.position + PART_BYTES, row.size_bytes)
    try:
        content = files_gateway.read(row.workspace_id, row.id, str(row.etag), (row.position, end))
        part = read_part(row, content)
    except FileChanged:
        return _failed(scope, run, "The file was deleted or replaced while it was read.")
    except Unreadable as error:
        return _failed(scope, run, str(error))
    _send(row, part.events)
    room = max(0, ERRORS_MAX - row.rejected)
    errors = b"".join(to_json(one) + b"\n" for one in part.problems[:room])
    if errors:
        files_gateway.add_errors(row.workspace_id, row.id, row.errors_bytes, errors)
    saved = in_transaction(scope, lambda uow: _save(uow, run, row, (part, len(errors))))
    if saved.is_over:
        raise _ended(saved)
    if saved.rejected > saved.most_rejected:
        return _failed(scope, run, f"More than {saved.most_rejected:,} lines cannot be read: the error file says why.")
    return saved


def _send(row: Import, events: list[SentEvent]) -> None:
    """In batches whose ids and places follow from the import and the place, so that a repeat sends the very same."""
    at = row.stamped_at
    assert at is not None, "set when the import began"
    batches = []
    for first in range(0, len(events), MAX_EVENTS):
        id_ = id_of("bat", row.id, str(row.position), str(first))
        batches.append(Written(id_, row.workspace_id, at, first, events[first : first + MAX_EVENTS]))
    ingest.send(row.workspace_id, batches)


def _save(uow: UnitOfWork, run: Run, seen: Import, read: tuple[Part, int]) -> Import:
    """Count the part and move the place behind it; if the import was cancelled meanwhile too, as the events were sent."""
    part, errors_bytes = read
    _own(uow, run, seen.position)
    place: Place = part.place
    store.save_part(
        uow.conn,
        seen.id,
        {
            "position": place.position, "lines": place.lines, "skipping": place.skipping, "header": part.header, "now": uow.now,
            "accepted": len(part.events), "rejected": len(part.problems), "errors_bytes": seen.errors_bytes + errors_bytes,
        },
    )  # fmt: skip
    saved = store.fetch(uow.conn, seen.id)
    assert saved is not None, "its row is held"
    return saved


def _failed(scope: Scope, run: Run, reason: str) -> Import:
    raise _Over(_end(scope, run, Status.FAILED, reason))


def _end(scope: Scope, run: Run, status: Status, reason: str | None) -> Outcome:
    def end(uow: UnitOfWork) -> None:
        row = _standing(uow, run)
        store.end(uow.conn, row.id, status, reason, uow.now)

    in_transaction(scope, end)
    return Outcome(NextStep(status.value), reason)
