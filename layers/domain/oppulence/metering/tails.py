"""What has landed and is not settled, kept by this process while it stays the same.

In a statement the landed rows cost more than the settled ones: which of them are the first of their id takes three more tables.
They are few, though, and a page of figures asks for them again and again. So whoever asks a second time about the same tail gets
all its rows once, and adds them to what is settled itself.
"""

from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from operator import attrgetter, itemgetter

from oppulence.kernel import olap
from oppulence.metering import hands, usage_reads
from oppulence.metering.asked import CUSTOMER, METER, SUBJECT, Asked, Counter, Span
from oppulence.metering.attribution import owners
from oppulence.metering.parameters import Parameters

MAX_KEPT, MAX_ROWS = 50, 50_000
"""Workspaces, and rows of one."""

Keys = tuple[str | None, ...]

_EVER = datetime.min.replace(tzinfo=UTC)
_TIME = attrgetter("time")


@dataclass(slots=True)
class Landed:
    """A landed row that counts."""

    version: int
    subject: str
    time: datetime
    second: int
    number: Decimal
    groups: Sequence[str | None]
    late: bool


@dataclass(slots=True)
class _Tail:
    """`key` says which tail of which moment; `rows` are by meter, None while it was asked for only once."""

    key: tuple[int, int | None, tuple[str, ...]]
    rows: dict[str, list[Landed]] | None = None


_tails: OrderedDict[str, _Tail] = OrderedDict()


def forget_all() -> None:
    """Drop what this process keeps."""
    _tails.clear()


def known(asked: Asked) -> Mapping[str, Sequence[Landed]] | None:
    """The rows of the tail by meter; None: read them with the statement.

    Raises:
        Unavailable: the analytical store cannot be reached.
    """
    if not asked.tail or asked.behind:  # a batch may be reckoned again at any moment, for the versions that are missing
        return None
    key = (asked.snapshot.settled, asked.snapshot.reckoned, asked.tail)
    found = _tails.get(asked.workspace_id)
    if found is None or found.key != key:
        _tails[asked.workspace_id] = _Tail(key)
        _tails.move_to_end(asked.workspace_id)
        if len(_tails) > MAX_KEPT:
            _tails.popitem(last=False)
        return None
    if found.rows is None:
        found.rows = _read(asked)
    return found.rows


def _read(asked: Asked) -> dict[str, list[Landed]] | None:
    given = Parameters()
    text = usage_reads.landed(asked, given, MAX_ROWS + 1)
    rows = olap.query(text, given.values)
    if len(rows) > MAX_ROWS:
        return None
    found: dict[str, list[Landed]] = {}
    for meter, version, subject, time, second, number, groups in rows:
        value = Decimal(number)
        row = Landed(version, subject, time.replace(tzinfo=UTC), second, value, groups, value <= 0)
        found.setdefault(meter, []).append(row)
    for some in found.values():
        some.sort(key=_TIME)
    return found


def counted(asked: Asked, rows: Mapping[str, Sequence[Landed]], start: datetime, end: datetime) -> Iterator[tuple[Keys, Landed]]:
    """The rows that are asked for, in `[start, end)` or, if they carry over, before `end`, with what they are grouped by."""
    subjects = set(asked.subjects)
    begin = None if asked.meter.measure.carry_over else start
    whose_is = _owners(asked, end)
    for meter in asked.meters:
        key, landed = _keys(asked, meter), rows.get(meter.id, ())
        for span in meter.spans:
            since, until = _bounds(span, begin, end)
            for row in landed[bisect_left(landed, since, key=_TIME) : bisect_left(landed, until, key=_TIME)]:
                if row.version == span.version and (not subjects or row.subject in subjects):
                    for one, whose in whose_is(row):
                        found = key(one, whose)
                        if found is not None:
                            yield found, one


def _bounds(span: Span, begin: datetime | None, end: datetime) -> tuple[datetime, datetime]:
    """When a version's rows are in the period."""
    since = max((one for one in (span.since, begin) if one is not None), default=_EVER)
    return since, end if span.until is None else min(span.until, end)


def _owners(asked: Asked, end: datetime) -> Callable[[Landed], Iterable[tuple[Landed, str | None]]]:
    """Whose a row is; of one whose level goes along with its subject, all that it comes to before the end."""
    if asked.owned is None:
        return lambda row: ((row, None),)
    if not asked.moves:
        owner = owners(asked.owned)
        return lambda row: ((row, owner(row.subject, row.time)),)
    found, until = hands.points(asked.owned), hands.micros(end)
    before = int(asked.meter.measure.prorated == "day")  # microseconds

    def moved(row: Landed) -> Iterator[tuple[Landed, str | None]]:
        points = found.get(row.subject, [])
        place = bisect_right(points, hands.micros(row.time), key=itemgetter(0))
        whose = points[place - 1][1] if place else ""
        yield row, whose or None
        for at, other in points[place:]:
            if at < until:
                yield replace(row, second=(at - before) // 1_000_000, number=-row.number, late=True), whose or None
                yield replace(row, second=at // 1_000_000, late=False), other or None
                whose = other

    return moved


def _keys(asked: Asked, meter: Counter) -> Callable[[Landed, str | None], Keys | None]:
    """What a row of somebody's is grouped by; None if it is not asked for."""
    if asked.owned is None and not asked.filters and set(asked.group_by) <= {METER, SUBJECT}:
        if SUBJECT not in asked.group_by:
            alike = (meter.id,) * len(asked.group_by)
            return lambda row, whose: alike
        place = asked.group_by.index(SUBJECT)
        before, after = (meter.id,) * place, (meter.id,) * (len(asked.group_by) - place - 1)
        return lambda row, whose: (*before, row.subject, *after)
    dimensions = {span.version: span.dimensions for span in meter.spans}

    def key(row: Landed, whose: str | None) -> Keys | None:
        found: dict[str, str | None] = dict(zip(dimensions[row.version], row.groups, strict=True))
        if not all(found.get(name) in allowed for name, allowed in asked.filters.items()):
            return None
        if whose is None and not asked.all_owners:
            return None
        found |= {METER: meter.id, SUBJECT: row.subject, CUSTOMER: whose}
        return tuple([found.get(name) for name in asked.group_by])

    return key
