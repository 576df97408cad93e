"""Taking events in as OpenMeter does: all of a request or none."""

from collections.abc import Iterator
from dataclasses import replace

from oppulence.kernel.errors import InvalidBody, UnsupportedMediaType
from oppulence.kernel.request import Request
from oppulence.kernel.uow import Scope
from oppulence.metering import ingest, receiving
from oppulence.metering.bodies import REQUIRED
from oppulence.metering.cloudevents import MANY, ONE, PLAIN, Refused, Sent, read


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
    defaults = replace(receiving.defaults_for(scope, request.id), source="", by_customer=False)
    try:
        found = read(request.body, {"content-type": media_type}, defaults)
    except UnsupportedMediaType as error:
        raise InvalidBody(f"Send events as {PLAIN}, {ONE} or {MANY}.", param="Content-Type") from error
    refused = [fault for one in found for fault in _faults(one)]
    if refused:
        first = refused[0]
        raise InvalidBody(
            f"Event {first.index} cannot be taken, so none was. {first.field or 'Event'}: {first.reason}",
            param=f"{first.index}.{first.field}".removesuffix("."),
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
        yield Refused(one.index, "id", REQUIRED)
    if not one.event.source:
        yield Refused(one.index, "source", REQUIRED)
    if one.event.data is not None and not one.event.data.lstrip().startswith("{"):
        yield Refused(one.index, "data", "It must be a JSON object.")
