"""The plain way to a quantity: all events in a list, the first of each id, and the rules of `evaluation` and `quantities`."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from oppulence.metering.evaluation import Value, evaluate
from oppulence.metering.models import MeterVersion, Rounding
from oppulence.metering.quantities import Row, quantity, rounded
from oppulence.metering.query import Question
from oppulence.metering.usage_event import SentEvent, UsageEvent
from oppulence.metering.windows import Window, whole, windows

Quantities = dict[tuple[datetime, tuple[str | None, ...]], Decimal | None]


def placed(batches: Sequence[Sequence[SentEvent]], start: datetime) -> list[UsageEvent]:
    """The first of each id, of batches that were accepted one after the other, a second apart."""
    found: dict[tuple[str, str], UsageEvent] = {}
    for number, batch in enumerate(batches):
        for sequence, one in enumerate(batch):
            stored_at = start.replace(microsecond=number)
            found.setdefault((one.source, one.id), UsageEvent(*one, stored_at=stored_at, sequence=sequence))
    return list(found.values())


def answered(versions: Sequence[MeterVersion], events: Sequence[UsageEvent], question: Question) -> Quantities:
    """Quantities by window and group, of groups that have a row that can matter to the window."""
    tz, period = ZoneInfo(question.time_zone), whole(question.since, question.until)
    found = [period] if question.window_size is None else windows(period, question.window_size, tz)
    groups: dict[tuple[str | None, ...], list[Row]] = {}
    for event in events:
        if question.subjects and event.subject not in question.subjects:
            continue
        for version in versions:
            value = evaluate(version, event)
            if isinstance(value, Value) and _wanted(value, question):
                own = {"subject": event.subject, **value.groups}
                key = tuple(own.get(name) for name in question.group_by)
                row = Row(event.time, value.number, value.text, event.stored_at, event.sequence, event.source, event.id)
                groups.setdefault(key, []).append(row)
    answer: Quantities = {}
    for key, rows in groups.items():
        for window in found:
            if any(row.time < window.end and (versions[0].carry_over or row.time >= window.start) for row in rows):
                exact = quantity(versions[0], rows, window, tz)
                answer[window.start, key] = None if exact is None else rounded(exact, _rule(versions, window))
    return answer


def _wanted(value: Value, question: Question) -> bool:
    return all(value.groups.get(name) in allowed for name, allowed in question.filter_group_by.items())


def _rule(versions: Sequence[MeterVersion], window: Window) -> Rounding | None:
    begun = [one for one in versions if one.effective_from is None or one.effective_from <= window.start]
    return (begun[-1] if begun else versions[0]).rounding
