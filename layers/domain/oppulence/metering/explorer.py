"""Single usage events: all that a workspace sent, what meters make of each, and what makes up one number."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field

from oppulence.kernel.instant import Instant
from oppulence.kernel.pagination import After, Page, PageQuery, Pagination, paginate
from oppulence.kernel.uow import Scope, UnitOfWork, in_transaction
from oppulence.metering import asked as asking
from oppulence.metering import attribution, event_reads, meters, sent_gateway, store
from oppulence.metering.answers import AsOf, Text, Texts, filters_of, listed
from oppulence.metering.asked import MAX_TAIL, Selection
from oppulence.metering.errors import EventNotFound, InvalidPeriod
from oppulence.metering.evaluation import Rejection, evaluate
from oppulence.metering.event_reads import Found, Moment, Place, Wanted
from oppulence.metering.models import Aggregation, MeterVersion, digits
from oppulence.metering.snapshots import snapshot
from oppulence.metering.usage_event import UsageEvent
from oppulence.metering.windows import whole, zone

_CURSOR = Annotated[str | None, Field(max_length=10_000, description="`next_cursor` of the page before.")]


class Problem(StrEnum):
    """What can be wrong with an event: a meter means it and cannot count it, or none means it."""

    REJECTED = "rejected"
    UNMATCHED = "unmatched"
    ANY = "any"


class EventQuery(PageQuery):
    """Filters of events."""

    cursor: _CURSOR = None
    types: Annotated[Texts | None, Field(description="Only events of these types.")] = None
    subjects: Annotated[Texts | None, Field(description="Only these subjects' events.")] = None
    customers: Annotated[Texts | None, Field(description="Only the events of these customers, by id or key.")] = None
    source: Text | None = None
    id: Text | None = None
    since: Annotated[Instant | None, Field(alias="from", description="Only events of this instant or later.")] = None
    until: Annotated[Instant | None, Field(alias="to", description="Only events before this instant.")] = None
    ingested_from: Annotated[Instant | None, Field(description="Only events that were accepted then or later.")] = None
    ingested_to: Annotated[Instant | None, Field(description="Only events that were accepted before.")] = None
    meter: Annotated[Text | None, Field(description="Only events that this meter counts or cannot count, by id or slug.")] = None
    problem: Annotated[
        Problem | None, Field(description="Only events that some meter means and cannot count, or that no meter means.")
    ] = None


class Reckoned(BaseModel):
    """What one version of a meter makes of an event. `problem` is why it cannot count it."""

    meter_id: str
    slug: str
    version: int
    value: Annotated[str | None, Field(description="What it counts: 1 for COUNT; for UNIQUE_COUNT -1 where it removes.")]
    problem: str | None


class UsageEventView(BaseModel):
    """An event as it was accepted: the first one stored of its source and id."""

    id: str
    source: str
    type: str
    subject: str
    time: datetime
    data: Annotated[str | None, Field(description="The JSON that was sent, to the letter.")]
    ingested_at: Annotated[datetime, Field(description="When it was accepted.")]
    stored_at: Annotated[datetime, Field(description="When it came to the store, and into the numbers.")]
    settlement: Annotated[int | None, Field(description="The settlement that counted it for good; null: the next one will.")]
    meters: Annotated[list[Reckoned], Field(description="What meters that mean it make of it; none mean it if empty.")]


class MeterEventsQuery(PageQuery):
    """The quantity whose events are asked for."""

    cursor: _CURSOR = None
    since: Annotated[Instant, Field(alias="from", description="The first second that counts.")]
    until: Annotated[Instant, Field(alias="to", description="The first second that does not.")]
    subjects: Annotated[Texts, Field(description="Only these.")] = []
    customers: Annotated[Texts, Field(description="Only the usage of these, by id or key.")] = []
    filter_group_by: Annotated[
        list[Text], BeforeValidator(listed), Field(max_length=1000, description="`dimension=value`; `dimension` is no value.")
    ] = []
    as_of: AsOf = None


class Moved(StrEnum):
    """With its subject, which changed hands, a level left or came."""

    LEFT = "left"
    CAME = "came"


_MOVED = (None, Moved.LEFT, Moved.CAME)
"""By the number of the row."""


class MeterEvent(BaseModel):
    """What one event adds to a quantity."""

    time: Annotated[datetime, Field(description="Of the event; of what left or came, when the subject changed hands.")]
    moved: Annotated[
        Moved | None,
        Field(description="Null: the event itself. Else what the event left went along with its subject to another customer."),
    ]
    source: str
    id: str
    subject: str
    value: Annotated[str, Field(description="1 for COUNT; for UNIQUE_COUNT 1 adds `unique_value` and -1 removes it.")]
    unique_value: str | None
    ingested_at: datetime
    groups: dict[str, str | None]


class MeterEvents(BaseModel):
    """A page of what makes up a quantity, the newest first. Of what carries over, earlier events belong to it too."""

    settlement: int
    queued: bool
    data: list[MeterEvent]
    pagination: Pagination


def page(scope: Scope, query: EventQuery) -> Page[UsageEventView]:
    """Events, the newest first.

    Raises:
        MeterNotFound, CustomerNotFound, TooManySubjects, InvalidCursor
        InvalidPeriod: a range ends before it begins.
    """
    for since, until, name in ((query.since, query.until, "to"), (query.ingested_from, query.ingested_to, "ingested_to")):
        if since is not None and until is not None and until <= since:
            raise InvalidPeriod("A range ends after it begins.", param=name)
    moment, wanted = in_transaction(scope, lambda uow: (_moment(uow), _wanted(uow, query)))

    def fetch(after: After | None, most: int) -> list[UsageEventView]:
        return _shown(scope, event_reads.events(moment, wanted, _place(after), most))

    return paginate(scope, query, fetch, lambda one: (one.time, one.source, one.id))


def newest(scope: Scope, query: EventQuery, part_of_id: str | None, part_of_subject: str | None) -> list[UsageEventView]:
    """The first page, of events whose id and subject have these parts.

    Raises:
        MeterNotFound, CustomerNotFound, TooManySubjects
    """
    moment, wanted = in_transaction(scope, lambda uow: (_moment(uow), _wanted(uow, query)))
    wanted = replace(wanted, part_of_id=part_of_id, part_of_subject=part_of_subject)
    return _shown(scope, event_reads.events(moment, wanted, None, query.limit))


def get(scope: Scope, event_id: str, source: str | None) -> UsageEventView:
    """One event.

    Raises:
        EventNotFound: there is none, or several sources have one of this id.
    """
    moment = in_transaction(scope, _moment)
    found = event_reads.events(moment, Wanted(source=source, id=event_id), None, 2)
    if not found:
        raise EventNotFound(f"No usage event {event_id[:64]} in this workspace. Find it with GET /v1/events.")
    if len(found) > 1:
        raise EventNotFound(f"Several sources sent an event {event_id[:64]}. Name one of them.", param="source")
    return _shown(scope, found)[0]


def of_meter(scope: Scope, meter: str, query: MeterEventsQuery) -> MeterEvents:
    """What makes up a quantity.

    Raises:
        MeterNotFound, CustomerNotFound, UnknownDimension, TooManySubjects, InvalidPeriod, InvalidCursor
    """

    sent = () if query.as_of is not None else sent_gateway.last(scope.workspace_id or "")

    def read(uow: UnitOfWork) -> asking.Asked:
        names = meters.dimensions(uow, meter)
        return asking.read(
            uow, meter,
            Selection(
                zone("UTC"), query.subjects, query.customers, names, filters_of(query.filter_group_by), query.as_of, sent=sent
            ),
        )  # fmt: skip

    asked, period = in_transaction(scope, read), whole(query.since, query.until)
    unique = asked.meter.measure.aggregation is Aggregation.UNIQUE_COUNT

    def fetch(after: After | None, most: int) -> list[MeterEvent]:
        return [
            MeterEvent(
                time=time, moved=_MOVED[step], source=source, id=id_, subject=subject, value=number,
                unique_value=text if unique else None, ingested_at=stored_at,
                groups=dict(zip(asked.group_by, groups, strict=True)),
            )
            for time, source, id_, subject, number, text, stored_at, step, *groups in event_reads.of_meter(
                asked, period, None if after is None else (datetime.fromisoformat(after[0]), *after[1:]), most
            )
        ]  # fmt: skip

    found = paginate(scope, query, fetch, lambda one: (one.time, one.source, one.id, _MOVED.index(one.moved)))
    return MeterEvents(settlement=asked.snapshot.settled, queued=asked.queued, data=found.data, pagination=found.pagination)


def _moment(uow: UnitOfWork) -> Moment:
    found = snapshot(uow.conn)
    return Moment(uow.workspace_id, found.settled, found.tail[-MAX_TAIL:])


def _wanted(uow: UnitOfWork, query: EventQuery) -> Wanted:
    owned = None if query.customers is None else attribution.of_customers(uow.conn, query.customers, None)
    subjects = None if query.subjects is None else set(query.subjects)
    if owned is not None:
        own = {one.subject for one in owned}
        subjects = own if subjects is None else own & subjects
    meter = None if query.meter is None else meters.get(uow, query.meter).id
    return Wanted(
        types=None if query.types is None else tuple(query.types), subjects=None if subjects is None else tuple(sorted(subjects)),
        owned=owned, source=query.source, id=query.id, since=query.since, until=query.until, stored_since=query.ingested_from,
        stored_until=query.ingested_to, meter=meter, problem=query.problem,
        ended=() if meter is None and query.problem is None else tuple(_ended(uow, meter)),
    )  # fmt: skip


def _ended(uow: UnitOfWork, meter: str | None) -> Iterator[tuple[str, int, datetime]]:
    """Versions of all meters, or of one, that have an end."""
    for one in store.versions(uow.conn):
        if one.effective_until is not None and meter in (None, one.meter_id):
            yield one.meter_id, one.version, one.effective_until


def _place(after: After | None) -> Place | None:
    return None if after is None else (datetime.fromisoformat(after[0]), str(after[1]), str(after[2]))


def _shown(scope: Scope, found: list[Found]) -> list[UsageEventView]:
    """Events with what meters make of them, as these count now."""
    types = {one.type for one in found}
    versions = in_transaction(scope, lambda uow: meters.versions_for(uow, types, 0)) if types else []
    return [
        UsageEventView(
            id=one.id, source=one.source, type=one.type, subject=one.subject, time=one.time, data=one.data,
            ingested_at=one.stored_at, stored_at=one.landed_at, settlement=one.settlement, meters=_reckoned(versions, one),
        )
        for one in found
    ]  # fmt: skip


def _reckoned(versions: list[MeterVersion], one: Found) -> list[Reckoned]:
    event = UsageEvent(one.source, one.id, one.type, one.subject, one.time, one.data, one.stored_at, one.sequence)
    found = []
    for version in versions:
        made: Any = evaluate(version, event)
        if made is not None:
            problem = made.reason if isinstance(made, Rejection) else None
            value = None if problem else digits(made.number)
            found.append(
                Reckoned(meter_id=version.meter_id, slug=version.slug, version=version.version, value=value, problem=problem)
            )
    return found
