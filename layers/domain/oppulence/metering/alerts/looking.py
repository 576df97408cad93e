"""Looking whether thresholds are reached, and telling it once.

A look asks for the quantities of whom usage came since the last one, at one settlement. What is reached is noted and told in one
transaction, which first makes sure that nobody has looked meanwhile; and a note keeps its alert, subject and period from being
told again, whoever looks when, however often. Where nothing came, nothing is asked.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from oppulence.customers import api as customers
from oppulence.kernel import telemetry
from oppulence.kernel.errors import AppError, Unavailable
from oppulence.kernel.uow import Scope, UnitOfWork, in_transaction
from oppulence.metering import periods, query
from oppulence.metering.alerts import store, telling, touched
from oppulence.metering.alerts.models import Alert
from oppulence.metering.alerts.touched import SUBJECTS_A_PAGE, Touched
from oppulence.metering.errors import TooManySubjects
from oppulence.metering.query import Question
from oppulence.metering.snapshots import snapshot, whole
from oppulence.metering.windows import EARLIEST, Window, zone

T = TypeVar("T")

AHEAD = timedelta(minutes=10)
"""How far usage may lie in the future."""

MOVED_AGAIN = timedelta(hours=1)
"""How often customers are looked at without new usage: their subjects may have moved."""

WORK_S = 45
ROWS_A_PAGE = 20_000
_MOST_WORKSPACES = 1000
_MOST_LOOKS = 100


@dataclass(frozen=True, slots=True)
class _Group:
    """Alerts that one question answers: of one meter, with the same periods, and all of one sort."""

    alerts: tuple[Alert, ...]
    fresh: bool
    """The present period is looked at whole: anew, or for the first time, then with those since the threshold was set."""


def look_everywhere(scope: Scope) -> dict[str, int]:
    """Look at the alerts of all workspaces that have reason, in turns. `scope` has no workspace."""
    over = time.monotonic() + WORK_S
    done = {"workspaces": 0, "told": 0, "failed": 0}
    for workspace_id in in_transaction(scope, lambda uow: store.workspaces_to_look_at(uow.conn, uow.now, _MOST_WORKSPACES)):
        if time.monotonic() > over:
            break
        done["workspaces"] += 1
        own = Scope(scope.context, workspace_id)
        try:
            in_transaction(own, lambda uow: store.note_look(uow.conn))
            done["told"] += look(own)
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001 - told, counted, and tried again at the next run
            done["failed"] += 1
            telemetry.logger().error("usage_alerts_not_looked_at", exc_info=error, extra={"workspace_id": workspace_id})
    return done


def look(scope: Scope) -> int:
    """Look at a workspace's alerts until nothing is new; returns how many were told.

    One whose question is refused holds up no other, and is asked again in the next run.
    """
    told, refused = 0, set[str]()
    for _ in range(_MOST_LOOKS):
        now, settled, alerts = in_transaction(scope, _waiting)
        waiting = [one for one in alerts if one.id not in refused]
        if not waiting:
            break
        with whole(scope):
            new = touched.since(scope, waiting, settled)
        told += _Look(scope, now, settled, new, refused).run(waiting)
    return told


def _waiting(uow: UnitOfWork) -> tuple[datetime, int, list[Alert]]:
    """The present instant and settlement, and the alerts that there is reason to look at."""
    alerts = store.to_look_at(uow.conn)  # before the settlement: by then it has what their meters count
    settled = snapshot(uow.conn).settled
    waiting = [one for one in alerts if one.looked is None or one.looked < settled or _is_due(one, uow.now)]
    return uow.now, settled, waiting


def _is_due(alert: Alert, now: datetime) -> bool:
    return alert.look_again_at is not None and alert.look_again_at <= now


@dataclass(frozen=True, slots=True)
class _Look:
    """One look, at one settlement."""

    scope: Scope
    now: datetime
    settled: int
    touched: Touched
    refused: set[str]

    def run(self, alerts: Sequence[Alert]) -> int:
        """Ask, tell, and say that it was looked; returns how many were told. Notes the alerts whose question was refused."""
        with whole(self.scope):
            told = sum(map(self._try, self._groups(alerts)))
        looked = [(one, self._again(one)) for one in alerts if one.id not in self.refused]
        in_transaction(self.scope, lambda uow: store.mark_looked(uow.conn, looked, self.touched.settlement))
        return told

    def _try(self, group: _Group) -> int:
        """Tell what a group reached; by halves, where its customers have more subjects than a question takes."""
        try:
            return self._group(group)
        except Unavailable:
            raise
        except AppError as error:
            if isinstance(error, TooManySubjects) and len(group.alerts) > 1:
                half = len(group.alerts) // 2
                return sum(self._try(replace(group, alerts=some)) for some in (group.alerts[:half], group.alerts[half:]))
            ids = [one.id for one in group.alerts]
            telemetry.logger().error("usage_alerts_refused", exc_info=error, extra={"alert_ids": ids})
            self.refused.update(ids)
            return 0

    def _groups(self, alerts: Sequence[Alert]) -> Iterator[_Group]:
        kinds: dict[tuple[object, ...], list[Alert]] = {}
        for one in alerts:
            fresh = one.looked is None or _is_due(one, self.now) or one.meter_id in self.touched.filled
            if fresh or one.meter_id in self.touched.quarters:
                sort = (one.customer_id is not None, one.subject is not None)
                kinds.setdefault((fresh, one.meter_id, one.period, one.time_zone, sort), []).append(one)
        for (is_fresh, *_), group in kinds.items():
            for some in _pages(group):
                yield _Group(tuple(some), bool(is_fresh))

    def _group(self, group: _Group) -> int:
        one, told = group.alerts[0], 0
        for who in self._who(group):
            subjects = self.touched.subjects(one.meter_id) if one.customer_id is not None else who
            span = self._span(group, self.touched.span(one.meter_id, subjects))
            if span is not None:
                told += self._ask(group, self._question(one, span, who))
        return told

    def _ask(self, group: _Group, question: Question) -> int:
        """Ask page by page, which are in the order of time, and tell what each holds."""
        reading, after, told = query.read(self.scope, question), None, 0
        while True:
            with whole(self.scope):
                rows = reading.rows(after, ROWS_A_PAGE)
            told += in_transaction(self.scope, lambda uow: telling.tell(uow, group.alerts, rows, self.settled))  # noqa: B023
            if len(rows) < ROWS_A_PAGE:
                return told
            after = reading.key(rows[-1])

    def _question(self, one: Alert, span: Window, who: Sequence[str]) -> Question:
        keys: dict[str, Any] = (
            {"subjects": tuple(who), "group_by": ("subject",)} if one.customer_id is None
            else {"customers": tuple(who), "group_by": ("customer_id",)}
        )  # fmt: skip
        return Question(one.meter_id, span.start, span.end, one.period.size, one.time_zone, as_of=self.settled, **keys)

    def _who(self, group: _Group) -> Iterator[Sequence[str]]:
        """Whom to ask for, some at a time."""
        one = group.alerts[0]
        new = self.touched.subjects(one.meter_id)
        if one.customer_id is not None:
            ids = sorted({str(alert.customer_id) for alert in group.alerts})
            known = in_transaction(self.scope, lambda uow: customers.resolved(uow.conn, ids))
            yield from [sorted(set(known.values()))] if known else []
        elif one.subject is not None:
            named = {str(alert.subject) for alert in group.alerts}
            yield from _pages(sorted(named if group.fresh else named & set(new)))
        else:
            if group.fresh:
                begin, after = EARLIEST if one.carry_over else self._first(group).start, ""
                while page := touched.all_subjects(self.scope, one.meter_id, (begin, after), self.settled):
                    yield page
                    after = page[-1]
            yield from _pages(new)

    def _span(self, group: _Group, usage: tuple[datetime, datetime] | None) -> Window | None:
        """The periods to ask for: those with new usage, and the present one; of levels all from the first to the present."""
        one = group.alerts[0]
        spans = [self._present(one)] if group.fresh or (one.carry_over and usage) else []
        spans += [self._first(group)] if group.fresh else []
        if usage is not None and one.period.size is None:
            spans.append(self._present(one))
        elif usage is not None:
            earliest = self._period(one, min(alert.threshold_set_at for alert in group.alerts)).start
            if usage[1] >= earliest:
                spans += [self._period(one, at) for at in (max(usage[0], earliest), usage[1])]
        return Window(min(span.start for span in spans), max(span.end for span in spans)) if spans else None

    def _first(self, group: _Group) -> Window:
        """The first period of a fresh look."""
        never_looked = (alert.threshold_set_at for alert in group.alerts if alert.looked is None)
        return self._period(group.alerts[0], min(never_looked, default=self.now))

    def _present(self, alert: Alert) -> Window:
        return self._period(alert, self.now)

    def _period(self, alert: Alert, at: datetime) -> Window:
        """The period in which an instant lies; without periods, all time up to then and a little further."""
        if alert.period.size is None:
            return Window(EARLIEST, (at + AHEAD).replace(microsecond=0))
        return periods.around(alert.period.size, zone(alert.time_zone), at)

    def _again(self, alert: Alert) -> datetime | None:
        """When to look without new usage. Levels are in a new period what they were in the last one."""
        if alert.customer_id is not None:
            return self.now + MOVED_AGAIN
        return self._present(alert).end if alert.carry_over and alert.period.size is not None else None


def _pages(some: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(some), SUBJECTS_A_PAGE):
        yield some[start : start + SUBJECTS_A_PAGE]
