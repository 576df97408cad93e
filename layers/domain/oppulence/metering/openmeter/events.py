"""Events as OpenMeter takes and shows them."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated

from pydantic import AwareDatetime, Field

from oppulence.kernel import clock
from oppulence.kernel.errors import InvalidBody, UnsupportedMediaType
from oppulence.kernel.request import Request
from oppulence.kernel.uow import Scope
from oppulence.metering import explorer, ingest, receiving
from oppulence.metering.cloudevents import MANY, ONE, PLAIN, Refused, Sent, read
from oppulence.metering.explorer import EventQuery, UsageEventView
from oppulence.metering.openmeter.form import Form, instant, merged
from oppulence.metering.openmeter.queries import Texts

MAX_LIST = 100
_DEFAULT_AGE = timedelta(hours=72)
_SECOND = timedelta(seconds=1)
_MAX_BYTES = 4_000_000

Part = Annotated[str, Field(min_length=1, max_length=255)]


def take(scope: Scope, request: Request) -> None:
    """Take all events of a request, or none. What is taken again, with its source and id, changes nothing.

    Raises:
        InvalidBody: the body is no CloudEvents in JSON, or one of them cannot be taken; `rejected` names those.
        TooManyEvents: more than a request takes.
        Unavailable: the queue does not answer.
    """
    # They call plain JSON what is CloudEvents nonetheless: attributes that are required there may not be left out.
    media_type = (request.header("content-type") or "").partition(";")[0].strip().lower()
    if media_type == PLAIN:
        media_type = MANY if request.body.lstrip()[:1] == b"[" else ONE
    defaults = replace(receiving.defaults_for(scope, request.id), source="")
    try:
        found = read(request.body, {"content-type": media_type}, defaults)
    except UnsupportedMediaType as error:
        raise InvalidBody(f"Send events as {PLAIN}, {ONE} or {MANY}.", param="Content-Type") from error
    refused = [fault for one in found for fault in _faults(one)]
    if refused:
        first = refused[0]
        raise InvalidBody(
            f"Event {first.index} cannot be taken, so none was. {first.field or 'Event'}: {first.reason}",
            param=f"{first.index}.{first.field}",
            rejected=[{"index": one.index, "field": one.field, "reason": one.reason} for one in refused],
        )
    taken, _ = receiving.without_repeats(found)
    if taken:
        ingest.accept(scope, [one.event for one in taken])


def _faults(one: Sent | Refused) -> Iterator[Refused]:
    """What OpenMeter refuses an event for."""
    if isinstance(one, Refused):
        yield one
        return
    if not one.named:
        yield Refused(one.index, "id", "It is required.")
    if not one.event.source:
        yield Refused(one.index, "source", "It is required.")
    if one.event.data is not None and not one.event.data.lstrip().startswith("{"):
        yield Refused(one.index, "data", "It must be a JSON object.")


class EventList(Form):
    """Which events: of the last 72 hours unless it says since when. Instants are whole seconds, the last one included."""

    client_id: Annotated[str, Field(max_length=255)] | None = None
    ingested_at_from: AwareDatetime | None = None
    ingested_at_to: AwareDatetime | None = None
    id: Annotated[Part | None, Field(description="Any part of it.")] = None
    subject: Annotated[Part | None, Field(description="Any part of it.")] = None
    customer_id: Texts | None = None
    since: Annotated[AwareDatetime | None, Field(alias="from")] = None
    until: Annotated[AwareDatetime | None, Field(alias="to")] = None
    limit: Annotated[int, Field(ge=1, le=MAX_LIST)] = MAX_LIST


def listing(scope: Scope, query: EventList) -> list[str]:
    """The newest events as JSON, as many as fit one answer.

    Raises:
        CustomerNotFound, TooManySubjects
    """
    since = clock.now() - _DEFAULT_AGE if query.since is None else query.since
    wanted = EventQuery.model_validate(
        {
            "from": since, "to": _after(query.until), "ingested_from": query.ingested_at_from,
            "ingested_to": _after(query.ingested_at_to), "customers": query.customer_id, "limit": query.limit,
        }
    )  # fmt: skip
    found, size = [], 0
    for one in explorer.newest(scope, wanted, query.id, query.subject):
        text = _shown(one)
        size += len(text.encode())
        if size > _MAX_BYTES:
            break
        found.append(text)
    return found


def _after(last: datetime | None) -> datetime | None:
    return last and last.replace(microsecond=0) + _SECOND


def _shown(one: UsageEventView) -> str:
    attributes = {
        "id": one.id, "source": one.source, "specversion": "1.0", "type": one.type, "subject": one.subject,
        "time": instant(one.time),
    }  # fmt: skip
    event = merged(attributes, {} if one.data is None else {"data": one.data})
    problem = "; ".join(f"{made.slug}: {made.problem}" for made in one.meters if made.problem)
    if not one.meters:
        problem = f"No meter counts events of the type {one.type}."
    told = {"ingestedAt": instant(one.ingested_at), "storedAt": instant(one.stored_at), "validationError": problem or None}
    return merged(told, {"event": event})
