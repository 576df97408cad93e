"""The work of one execution: pages of one type, for some seconds at a time, each written together with its cursor."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

from oppulence.connections import api as connections
from oppulence.connections.errors import (
    ConnectionHasNoKey,
    ConnectionNotFound,
    ProviderBusy,
    ProviderKeyRefused,
    ProviderObjectMissing,
    ProviderRefused,
    ProviderUnavailable,
)
from oppulence.kernel.uow import Scope, UnitOfWork, in_transaction
from oppulence.sync.backfill import ending, related, store, targets
from oppulence.sync.backfill.ahead import Ahead
from oppulence.sync.backfill.listing import Lister, Page, Target, Window
from oppulence.sync.backfill.models import Backfill, State, TypeRow
from oppulence.sync.backfill.pace_gateway import Pace, TooSoon
from oppulence.sync.object_types import TYPES
from oppulence.sync.observing import Observed, observe

WORK_S = 20.0
"""How long one call works. The machine then calls again: a function's time is bounded, and so is what a crash repeats."""

PAGES_AHEAD = 6
PAGES_AT_ONCE = 3
"""Pages that one transaction writes: one for each page costs more, a larger one keeps webhooks waiting for their objects."""

FAILURES_MAX = 12
"""Failures of Stripe in a row, with growing pauses: about an hour."""

WAIT_FIRST_S = 5
WAIT_MAX_S = 600


class NextStep(StrEnum):
    """What the machine does next. `stale`: another execution looks after the type."""

    GO_ON = "go_on"
    WAIT = "wait"
    FINISHED = "finished"
    REFUSED = "refused"
    FAILED = "failed"
    CANCELLED = "cancelled"
    STALE = "stale"


@dataclass(frozen=True, slots=True)
class Run:
    """An execution of the machine: only the one that the type's row names may act."""

    backfill_id: str
    object_type: str
    execution: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a call. `wait_s` is real seconds."""

    next_step: NextStep
    reason: str | None = None
    wait_s: int | None = None


class _Over(Exception):
    """Nothing more is to be written."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.reason)
        self.outcome = outcome


@dataclass
class _Job:
    """What a call works on; `row` is as it was written last, `until` is monotonic."""

    scope: Scope
    run: Run
    backfill: Backfill
    row: TypeRow
    lister: Lister
    coming: frozenset[str]
    until: float


def list_pages(scope: Scope, run: Run) -> Outcome:
    """List and write pages until the type is through, twenty seconds have passed, or something stands in the way.

    Raises:
        Unavailable: the database is away; calling again goes on where the cursor stands.
    """
    try:
        job = _open(scope, run)
        while True:
            lists = in_transaction(scope, partial(_targets, job=job))
            if not lists:
                return _end(job, State.FINISHED, job.row.reason)
            outcome = _round(job, lists)
            if outcome or time.monotonic() >= job.until:
                return outcome or Outcome(NextStep.GO_ON)
    except _Over as over:
        return over.outcome


def give_up(uow: UnitOfWork, run: Run, error: str) -> None:
    """Fail the type because its task kept failing; `error` is the class alone, the task's log says more."""
    row = store.fetch_type(uow.conn, run.backfill_id, run.object_type)
    if row is not None and row.execution_name == run.execution:
        reason = f"the execution {run.execution} stopped: its task kept failing ({error[:100]})"
        ending.end_types(uow, run.backfill_id, [run.object_type], State.FAILED, reason)


def _open(scope: Scope, run: Run) -> _Job:
    def rows(uow: UnitOfWork) -> tuple[Backfill, TypeRow, frozenset[str]]:
        row, backfill = _standing(uow, run), store.fetch(uow.conn, run.backfill_id)
        assert backfill is not None, "its types go with it"
        ranged = backfill.created_from or backfill.created_until
        types = [] if ranged else [one.type for one in store.types(uow.conn, run.backfill_id)]
        store.touch(uow.conn, run.backfill_id, run.object_type)
        return backfill, row, frozenset(types)

    backfill, row, coming = in_transaction(scope, rows)
    try:
        gateway = connections.stripe(scope, backfill.connection_id)
    except (ConnectionNotFound, ConnectionHasNoKey) as error:
        reason = error.message
        in_transaction(scope, lambda uow: ending.end_types(uow, run.backfill_id, None, State.FAILED, reason))
        raise _Over(Outcome(NextStep.FAILED, reason)) from error
    window = Window(backfill.created_from, backfill.created_until)
    lister = Lister(gateway, Pace(backfill.bucket, backfill.per_second), TYPES[run.object_type], window)
    return _Job(scope, run, backfill, row, lister, coming, time.monotonic() + WORK_S)


def _standing(uow: UnitOfWork, run: Run, *, lock: bool = False) -> TypeRow:
    """The type's row, if it is this execution's to work on.

    Raises:
        _Over: it is not, or not any more.
    """
    row = store.fetch_type(uow.conn, run.backfill_id, run.object_type, lock=lock)
    if row is None:
        raise _Over(Outcome(NextStep.STALE, "there is no such backfill"))
    if row.is_over:
        raise _Over(Outcome(NextStep(row.state), row.reason))
    if row.execution_name != run.execution:
        raise _Over(Outcome(NextStep.STALE, f"the execution {row.execution_name} looks after it"))
    return row


def _targets(uow: UnitOfWork, job: _Job) -> list[Target]:
    return targets.following(uow.conn, job.backfill, job.row, job.lister)


def _round(job: _Job, lists: Sequence[Target]) -> Outcome | None:
    """Read these lists and write what they show; None when there may be more to do."""
    try:
        with Ahead(_pages(job, lists), PAGES_AHEAD) as ahead:
            for batch in ahead.batches(PAGES_AT_ONCE):
                if not _take(job, batch):
                    return Outcome(NextStep.GO_ON)
    except TooSoon as soon:
        return _wait(job, soon.wait_s, "other requests to this Stripe account come first", failed=False)
    except ProviderBusy as busy:
        job.lister.pace.pause(busy.retry_after_s)
        return _wait(job, busy.retry_after_s, busy.message, failed=False)
    except ProviderUnavailable as error:
        if job.row.failures + 1 >= FAILURES_MAX:
            return _end(job, State.FAILED, f"{error.message} So it was {FAILURES_MAX} times in a row.")
        pause = min(WAIT_MAX_S, max(error.retry_after_s, WAIT_FIRST_S * 2**job.row.failures))
        return _wait(job, pause, error.message, failed=True)
    except ProviderKeyRefused as error:
        if error.permission is not None or not _is_dead(job):
            return _end(job, State.REFUSED, error.message)
        return _lock_out(job, error.message)
    except (ProviderObjectMissing, ProviderRefused) as error:
        return _end(job, State.REFUSED, error.message)
    return None


def _pages(job: _Job, lists: Sequence[Target]) -> Iterator[Page]:
    """Pages of one list after the other, while there is time."""
    for target in lists:
        for page in job.lister.pages(target):
            yield page
            if time.monotonic() >= job.until:
                return


def _take(job: _Job, pages: Sequence[Page]) -> bool:
    """Write pages, after what they name and the mirror lacks; False when time ran out over the latter.

    Then the pages are read again: what was fetched until now is there the next time.
    """
    missing = 0
    named = related.named_in(job.lister.kind, pages, job.coming) if job.backfill.with_related else {}
    for account, names in named.items():
        for one in in_transaction(job.scope, partial(_lacking, account=account, names=names)):
            if time.monotonic() >= job.until:
                return False
            seen = related.fetch(job.lister, account, one) if job.row.related_fetched < related.MOST else None
            missing += seen is None
            if seen is not None:
                job.row = _write(job, partial(_save_related, job=job, seen=seen))
    job.row = _write(job, partial(_save_pages, job=job, pages=pages, missing=missing))
    return True


def _lacking(uow: UnitOfWork, account: str, names: Sequence[related.Named]) -> list[related.Named]:
    return store.lacking(uow.conn, account, names)


def _write(job: _Job, work: Callable[[UnitOfWork, TypeRow], TypeRow]) -> TypeRow:
    """Work in a transaction that holds the type's row; returns the row as it is then.

    Raises:
        _Over: the row is not ours any more, or its pages were written by somebody else.
    """

    def locked(uow: UnitOfWork) -> TypeRow:
        row = _standing(uow, job.run, lock=True)
        if row.pages != job.row.pages:
            raise _Over(Outcome(NextStep.STALE, "these pages were written meanwhile"))
        return work(uow, row)

    return in_transaction(job.scope, locked)


def _save_related(uow: UnitOfWork, row: TypeRow, job: _Job, seen: Observed) -> TypeRow:
    changed = observe(uow, [seen], job.backfill.connection_id)
    return store.count_related(uow.conn, row, changed)


def _save_pages(uow: UnitOfWork, row: TypeRow, job: _Job, pages: Sequence[Page], missing: int) -> TypeRow:
    seen = [one for page in pages for one in page.seen]
    last = pages[-1]
    skipped = [page.skipped for page in pages if page.skipped]
    change = {
        "account": last.target.account, "parent": last.target.parent, "after": last.after, "done": last.done,
        "reached": last.reached or row.reached, "pages": len(pages), "listed": len(seen), "missing": missing,
        "changed": observe(uow, seen, job.backfill.connection_id) if seen else 0,
        "reason": skipped[-1][: ending.REASON_MAX] if skipped else row.reason if not row.failures else None,
    }  # fmt: skip
    return store.save_pages(uow.conn, row, change)


def _wait(job: _Job, wait_s: int, reason: str, *, failed: bool) -> Outcome:
    job.row = _write(job, lambda uow, row: store.note_wait(uow.conn, row, (wait_s, reason), failed=failed))
    return Outcome(NextStep.WAIT, reason, wait_s)


def _end(job: _Job, state: State, reason: str | None) -> Outcome:
    names = [job.run.object_type]
    in_transaction(job.scope, lambda uow: ending.end_types(uow, job.run.backfill_id, names, state, reason))
    return Outcome(NextStep(state.value), reason)


def _is_dead(job: _Job) -> bool:
    """Whether the key is refused for everything, rather than for this list."""
    try:
        job.lister.ask("/v1/account", None, "")
    except ProviderKeyRefused as error:
        return error.permission is None
    except (ProviderRefused, ProviderObjectMissing, ProviderBusy, ProviderUnavailable, TooSoon):
        return False
    return False


def _lock_out(job: _Job, reason: str) -> Outcome:
    """The key is dead: no type goes on, and the connection needs another one."""

    def end_all(uow: UnitOfWork) -> None:
        connections.mark_needs_reauth(uow, job.backfill.connection_id, reason)
        ending.end_types(uow, job.run.backfill_id, None, State.FAILED, reason)

    in_transaction(job.scope, end_all)
    return Outcome(NextStep.FAILED, reason)
