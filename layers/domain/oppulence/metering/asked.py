"""What a question means: the meter and its versions, the windows, and what was settled and landed, all as of one moment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from oppulence.kernel.db import Connection
from oppulence.kernel.uow import UnitOfWork
from oppulence.metering import attribution
from oppulence.metering.attribution import Owned
from oppulence.metering.definition import RESERVED
from oppulence.metering.errors import MeterNotFound, UnknownDimension
from oppulence.metering.models import Aggregation, Measure, Rounding
from oppulence.metering.snapshots import Snapshot, snapshot

MAX_TAIL = 2_000
"""Landed batches that are read beside what is settled; there are more only while nothing settles."""

SUBJECT, CUSTOMER = RESERVED
METER = ""
"""The meter itself as a dimension, where several are asked at once; no dimension of a meter has this name."""


@dataclass(frozen=True, slots=True)
class Span:
    """When a version counts: by the events' own time in `[since, until)`; None has no bound."""

    version: int
    since: datetime | None
    until: datetime | None
    dimensions: tuple[str, ...]
    removes: bool


@dataclass(frozen=True)
class Counter:
    """A meter with the dimensions that it ever had, and those of its versions that are known.

    `rules` round windows from instants on, in order; None: of any time. One holds as soon as it is known, though nothing that
    its version counts was settled yet: a level goes on.
    """

    id: str
    slug: str
    unit: str | None
    measure: Measure
    dimensions: frozenset[str]
    spans: tuple[Span, ...]
    rules: tuple[tuple[datetime | None, Rounding | None], ...]

    @property
    def removes(self) -> bool:
        """Whether ids can be taken back."""
        return any(span.removes for span in self.spans)

    @cached_property
    def rounds(self) -> bool:
        """Whether any version rounds."""
        return any(rule is not None for _, rule in self.rules)

    def rounding(self, at: datetime) -> Rounding | None:
        """The rule of the version that counts at an instant; before the first one begins, of that."""
        begun = [rule for since, rule in self.rules if since is None or since <= at]
        return next(iter(begun[-1:] or [rule for _, rule in self.rules[:1]]), None)


@dataclass(frozen=True)
class Asked:
    """`meters` are of one measure. `owned` restricts rows to customers', or says whose each row is; None: they do not matter.

    `behind`: something that has landed is not counted yet for all meters; or, as of an earlier moment too, a version's fill runs
    or the store is rebuilt. `known_at`: what is known of customers and meters is of then.
    """

    workspace_id: str
    meters: tuple[Counter, ...]
    snapshot: Snapshot
    behind: bool
    zone: ZoneInfo
    group_by: tuple[str, ...]
    filters: Mapping[str, Sequence[str | None]]
    subjects: tuple[str, ...]
    owned: tuple[Owned, ...] | None
    all_owners: bool
    known_at: datetime

    @property
    def meter(self) -> Counter:
        """The only meter, or one that stands for all."""
        return self.meters[0]

    @cached_property
    def moves(self) -> bool:
        """Whether levels go along with subjects that change hands: the customer before loses them, the next one has them. Also
        those that begin anew with each window, in it.
        """
        kind = self.meter.measure
        levels = kind.carry_over or kind.aggregation is Aggregation.WEIGHTED_SUM or self.meter.removes
        return levels and any(one.since or one.until for one in self.owned or ())

    @cached_property
    def tail(self) -> tuple[str, ...]:
        """The landed batches that are read."""
        return self.snapshot.tail[:MAX_TAIL]

    @property
    def queued(self) -> bool:
        """Whether something was accepted and is not in the answer."""
        return self.behind or self.snapshot.on_its_way or len(self.snapshot.tail) > MAX_TAIL


@dataclass(frozen=True, slots=True)
class Selection:
    """Which rows are asked for, of which moment. `known_at`: what was known of customers then; now, or as of `as_of`, if None.

    `sent`: batches of which is asked whether they have landed.
    """

    zone: ZoneInfo
    subjects: Sequence[str] = ()
    customers: Sequence[str] = ()
    group_by: Sequence[str] = ()
    filters: Mapping[str, Sequence[str | None]] | None = None
    as_of: datetime | int | None = None
    known_at: datetime | None = None
    owned: tuple[Owned, ...] | None = None
    sent: tuple[str, ...] = ()


def read(uow: UnitOfWork, meter: str, selection: Selection) -> Asked:
    """Look up what the selection names.

    Raises:
        MeterNotFound, CustomerNotFound, UnknownDimension, TooManySubjects
    """
    (asked,) = _read(uow, meter, selection)
    _check(asked.meter, asked.group_by, asked.filters)
    return asked


def read_all(uow: UnitOfWork, selection: Selection) -> list[Asked]:
    """The same of all meters, archived ones too, those of one measure together.

    Raises:
        CustomerNotFound, TooManySubjects
    """
    return _read(uow, None, selection)


def _read(uow: UnitOfWork, meter: str | None, selection: Selection) -> list[Asked]:
    as_of = selection.as_of
    found = snapshot(uow.conn, as_of, selection.sent)
    known_at = selection.known_at or (as_of if isinstance(as_of, datetime) else None)
    counters, behind = _counters(uow.conn, meter, None if as_of is None else found.settled, known_at, found.reckoned)
    owned = _owned(uow.conn, selection, known_at)
    return [
        Asked(
            uow.workspace_id, tuple(some), found, behind or not found.whole, selection.zone,
            tuple(dict.fromkeys(selection.group_by)), dict(selection.filters or {}), tuple(selection.subjects), owned,
            not selection.customers, known_at or uow.now,
        )
        for some in counters
    ]  # fmt: skip


def _owned(conn: Connection, selection: Selection, known_at: datetime | None) -> tuple[Owned, ...] | None:
    if selection.owned is not None:
        return selection.owned
    if selection.customers:
        return attribution.of_customers(conn, selection.customers, known_at)
    return attribution.of_all(conn, known_at) if CUSTOMER in selection.group_by else None


def _check(counter: Counter, group_by: Sequence[str], filters: Mapping[str, Sequence[str | None]]) -> None:
    for param, names in (("group_by", group_by), ("filter_group_by", filters)):
        allowed = counter.dimensions.union(RESERVED) if param == "group_by" else counter.dimensions
        unknown = next((name for name in names if name not in allowed), None)
        if unknown is not None:
            named = ", ".join(sorted(allowed)) or "none"
            raise UnknownDimension(f"The meter {counter.slug} has no dimension '{unknown[:64]}'. It has: {named}.", param=param)


def _counters(
    conn: Connection, key: str | None, as_of: int | None, known_at: datetime | None, reckoned: int | None
) -> tuple[list[list[Counter]], bool]:
    """Meters by their measures, and whether something that has landed, or was settled before a version came, is not counted yet.

    They have their versions as known now or, with `as_of`, those that were counted for by then; and the rules of rounding that
    were known.
    """
    rows = conn.execute(
        """
        SELECT m.id, m.slug, m.unit, m.aggregation, m.percentile, m.carry_over, m.prorated, m.archived_at,
               v.version, v.effective_from, v.group_by, v.operation_property IS NOT NULL, v.filled, v.rounding, v.created_at,
               v.filled IS NULL OR v.filled_to < v.filled OR coalesce(v.revision > %(reckoned)s::bigint, false)
          FROM metering.meters m JOIN metering.meter_versions v ON v.workspace_id = m.workspace_id AND v.meter_id = m.id
         WHERE %(key)s::text IS NULL OR m.id = %(key)s OR m.slug = %(key)s AND m.archived_at IS NULL
         ORDER BY m.id, v.version
        """,
        {"key": key, "reckoned": reckoned},
    ).fetchall()
    if key is not None and not rows:
        raise MeterNotFound(
            f"No meter {key[:64]} in this workspace. List them with GET /v1/meters; archived ones are found by their id."
        )
    found: dict[tuple[object, ...], list[Counter]] = {}
    for measure, group in groupby(rows, key=lambda row: row[:8]):
        counter = _counter(measure, list(group), as_of, known_at)
        found.setdefault((*measure[3:7], counter.removes), []).append(counter)
    return list(found.values()), any(row[15] for row in rows)


def _counter(measure: Sequence[Any], rows: Sequence[Any], as_of: int | None, known_at: datetime | None) -> Counter:
    id_, slug, unit, aggregation, percentile, carry_over, prorated, archived_at = measure
    kind = Measure.model_construct(
        aggregation=Aggregation(aggregation), percentile=percentile, carry_over=carry_over, prorated=prorated
    )
    versions = [row[8:13] for row in rows if as_of is None or _counted(row[12], as_of)]
    end = archived_at if archived_at is not None and (known_at is None or archived_at <= known_at) else None
    rules = [
        (row[9], None if row[13] is None else Rounding.model_validate(row[13]))
        for row in rows
        if known_at is None or row[14] <= known_at
    ]
    names = frozenset(name for row in rows for name in row[10])
    return Counter(id_, slug, unit, kind, names, tuple(_spans(versions, end)), tuple(rules))


def _counted(filled: object, as_of: int) -> bool:
    """Whether a settlement up to `as_of` counts for a version: all after `filled` do."""
    return isinstance(filled, int) and filled < as_of


def _spans(versions: Sequence[tuple[Any, ...]], end: datetime | None) -> list[Span]:
    found = []
    ends: list[datetime | None] = [*(row[1] for row in versions[1:]), None]
    for (version, since, group_by, removes, _), follower in zip(versions, ends, strict=False):
        bounds = [one for one in (end, follower) if one is not None]
        found.append(Span(version, since, min(bounds, default=None), tuple(sorted(group_by)), removes))
    return found
