"""What a question means: the meter and its versions, the windows, and what was settled and landed, all as of one moment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from oppulence.kernel.db import Connection
from oppulence.kernel.uow import UnitOfWork
from oppulence.metering import attribution
from oppulence.metering.attribution import Owned
from oppulence.metering.definition import RESERVED
from oppulence.metering.errors import MeterNotFound, UnknownDimension
from oppulence.metering.models import Measure, Rounding
from oppulence.metering.snapshots import Snapshot, is_behind, snapshot

MAX_TAIL = 2_000
"""Landed batches that are read beside what is settled; there are more only while nothing settles."""

SUBJECT, CUSTOMER = RESERVED


@dataclass(frozen=True, slots=True)
class Span:
    """When a version counts: by the events' own time in `[since, until)`; None has no bound."""

    version: int
    since: datetime | None
    until: datetime | None
    dimensions: tuple[str, ...]
    rounding: Rounding | None
    removes: bool


@dataclass(frozen=True, slots=True)
class Counter:
    """A meter with the dimensions that it ever had, and those of its versions that are known."""

    id: str
    slug: str
    unit: str | None
    measure: Measure
    dimensions: frozenset[str]
    spans: tuple[Span, ...]

    @property
    def removes(self) -> bool:
        """Whether ids can be taken back."""
        return any(span.removes for span in self.spans)

    def rounding(self, at: datetime) -> Rounding | None:
        """The rule of the version that counts at an instant; before the first one begins, of that."""
        begun = [span for span in self.spans if span.since is None or span.since <= at]
        found = begun[-1:] or self.spans[:1]
        return found[0].rounding if found else None


@dataclass(frozen=True)
class Asked:
    """`owned` restricts rows to customers', or says whose each row is; None: customers do not matter."""

    workspace_id: str
    meter: Counter
    snapshot: Snapshot
    behind: bool
    zone: ZoneInfo
    group_by: tuple[str, ...]
    filters: Mapping[str, Sequence[str | None]]
    subjects: tuple[str, ...]
    owned: tuple[Owned, ...] | None
    all_owners: bool

    @cached_property
    def tail(self) -> tuple[str, ...]:
        """The landed batches that are read."""
        return self.snapshot.tail[:MAX_TAIL]

    @property
    def queued(self) -> bool:
        """Whether something has landed and is not in the answer."""
        return self.behind or len(self.snapshot.tail) > MAX_TAIL


@dataclass(frozen=True, slots=True)
class Selection:
    """Which rows are asked for, of which moment. `known_at`: what was known of customers then; now, or as of `as_of`, if None."""

    zone: ZoneInfo
    subjects: Sequence[str] = ()
    customers: Sequence[str] = ()
    group_by: Sequence[str] = ()
    filters: Mapping[str, Sequence[str | None]] | None = None
    as_of: datetime | int | None = None
    known_at: datetime | None = None
    owned: tuple[Owned, ...] | None = None


def read(uow: UnitOfWork, meter: str, selection: Selection) -> Asked:
    """Look up what the selection names.

    Raises:
        MeterNotFound, CustomerNotFound, UnknownDimension, TooManySubjects
    """
    as_of = selection.as_of
    found = snapshot(uow.conn, as_of)
    known_at = selection.known_at or (as_of if isinstance(as_of, datetime) else None)
    counter = _counter(uow.conn, meter, None if as_of is None else found.settled, known_at)
    group_by, filters = tuple(dict.fromkeys(selection.group_by)), dict(selection.filters or {})
    _check(counter, group_by, filters)
    return Asked(
        uow.workspace_id, counter, found, as_of is None and is_behind(uow.conn, counter.id, found), selection.zone, group_by,
        filters, tuple(selection.subjects), _owned(uow.conn, selection, known_at), not selection.customers,
    )  # fmt: skip


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


def _counter(conn: Connection, key: str, as_of: int | None, known_at: datetime | None) -> Counter:
    """The meter, with its versions as known now or, with `as_of`, those that were counted for by then."""
    rows = conn.execute(
        """
        SELECT m.id, m.slug, m.unit, m.aggregation, m.percentile, m.carry_over, m.prorated, m.archived_at,
               v.version, v.effective_from, v.group_by, v.rounding, v.operation_property IS NOT NULL, v.filled
          FROM metering.meters m JOIN metering.meter_versions v ON v.workspace_id = m.workspace_id AND v.meter_id = m.id
         WHERE m.id = %(key)s OR m.slug = %(key)s AND m.archived_at IS NULL
         ORDER BY v.version
        """,
        {"key": key},
    ).fetchall()
    if not rows:
        raise MeterNotFound(
            f"No meter {key[:64]} in this workspace. List them with GET /v1/meters; archived ones are found by their id."
        )
    id_, slug, unit, aggregation, percentile, carry_over, prorated, archived_at = rows[0][:8]
    measure = Measure.model_validate(
        {"aggregation": aggregation, "percentile": percentile, "carry_over": carry_over, "prorated": prorated}
    )
    versions: list[tuple[Any, ...]] = [row[8:] for row in rows if as_of is None or _counted(row[13], as_of)]
    end = archived_at if isinstance(archived_at, datetime) and (known_at is None or archived_at <= known_at) else None
    dimensions = frozenset(name for row in rows if isinstance(row[10], dict) for name in row[10])
    return Counter(str(id_), str(slug), None if unit is None else str(unit), measure, dimensions, tuple(_spans(versions, end)))


def _counted(filled: object, as_of: int) -> bool:
    """Whether a settlement up to `as_of` counts for a version: all after `filled` do."""
    return isinstance(filled, int) and filled < as_of


def _spans(versions: Sequence[tuple[Any, ...]], end: datetime | None) -> list[Span]:
    found = []
    ends: list[datetime | None] = [*(row[1] for row in versions[1:]), None]
    for (version, since, group_by, rounding, removes, _), follower in zip(versions, ends, strict=False):
        bounds = [one for one in (end, follower) if one is not None]
        rule = None if rounding is None else Rounding.model_validate(rounding)
        found.append(Span(version, since, min(bounds, default=None), tuple(sorted(group_by)), rule, removes))
    return found
