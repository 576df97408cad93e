"""Events as OpenMeter lists them."""

from datetime import datetime, timedelta
from typing import Annotated

from pydantic import Field

from oppulence.customers import api as customers
from oppulence.kernel import clock
from oppulence.kernel.instant import Instant
from oppulence.kernel.uow import Scope, in_transaction
from oppulence.metering import explorer
from oppulence.metering.cloudevents import PLAIN
from oppulence.metering.explorer import EventQuery, UsageEventView
from oppulence.metering.openmeter.form import Form, in_their_words, instant, merged, second
from oppulence.metering.openmeter.queries import Texts

MAX_LIST = 100
_DEFAULT_AGE = timedelta(hours=72)
_SECOND = timedelta(seconds=1)
_MAX_BYTES = 4_000_000

Part = Annotated[str, Field(min_length=1, max_length=255)]


class EventList(Form):
    """Which events: of the last 72 hours unless it says since when. Instants are whole seconds, the last one included."""

    client_id: Annotated[str, Field(max_length=255)] | None = None
    ingested_at_from: Instant | None = None
    ingested_at_to: Instant | None = None
    id: Annotated[Part | None, Field(description="Any part of it.")] = None
    subject: Annotated[Part | None, Field(description="Any part of it.")] = None
    customer_id: Texts | None = None
    since: Annotated[Instant | None, Field(alias="from")] = None
    until: Annotated[Instant | None, Field(alias="to")] = None
    limit: Annotated[int, Field(ge=1, le=MAX_LIST)] = MAX_LIST


@in_their_words()
def events(scope: Scope, query: EventList) -> list[str]:
    """The newest events as JSON, as many as fit one answer.

    Raises:
        CustomerNotFound, TooManySubjects
    """
    since = clock.now() - _DEFAULT_AGE if query.since is None else second(query.since)
    wanted = EventQuery.model_validate(
        {
            "from": since, "to": _after(query.until), "ingested_from": query.ingested_at_from and second(query.ingested_at_from),
            "ingested_to": _after(query.ingested_at_to), "customers": query.customer_id, "limit": query.limit,
        }
    )  # fmt: skip
    newest = explorer.newest(scope, wanted, query.id, query.subject)
    owners = in_transaction(scope, lambda uow: customers.owners_of(uow.conn, [(one.subject, one.time) for one in newest]))
    found, size = [], 0
    for one, customer_id in zip(newest, owners, strict=True):
        text = _shown(one, customer_id)
        size += len(text.encode())
        if size > _MAX_BYTES:
            break
        found.append(text)
    return found


def _after(last: datetime | None) -> datetime | None:
    return last and second(last) + _SECOND


def _shown(one: UsageEventView, customer_id: str | None) -> str:
    attributes = {
        "id": one.id, "source": one.source, "specversion": "1.0", "type": one.type, "subject": one.subject,
        "time": instant(one.time), "datacontenttype": None if one.data is None else PLAIN,
    }  # fmt: skip
    event = merged(attributes, {} if one.data is None else {"data": one.data})
    problem = "; ".join(f"{made.slug}: {made.problem}" for made in one.meters if made.problem)
    if not one.meters:
        problem = f"No meter counts events of the type {one.type}."
    told = {
        "customerId": customer_id, "ingestedAt": instant(one.ingested_at), "storedAt": instant(one.stored_at),
        "validationError": problem or None,
    }  # fmt: skip
    return merged(told, {"event": event})
