"""Send usage events: one, or up to 1,000 in at most 4 MB, as CloudEvents 1.0 or as plain JSON.

CloudEvents come structured (`application/cloudevents+json`), in a batch (`application/cloudevents-batch+json`), or in binary
mode, with `ce-` headers and JSON data as the body. Plain JSON is one event, a list of them, or an object with the list as
`events`. An event's data have at most 64 KB, nested at most 32 deep.

Each event is judged by itself: a bad one rejects no other, unless `atomic` is true. The answer says of each what became of
it, in order. An event without an `id` gets one made of the Idempotency-Key, or else the request's id, and its place: so a
repeat with the same key counts once, and equal events without ids count apart; use no key again for others. Of a source and
id that come again, in whatever request, the first event stored rules. An event without `time` happened now, one without
`source` has the API key's name. Events are at most 5 minutes ahead, and as old as the workspace's setting
`usage_max_age_days` allows. What is accepted is counted within seconds; an event whose data no meter can count is kept, and
shown with the reason.
"""

from typing import Annotated

from pydantic import Field

from oppulence.kernel.capabilities import Bucket, Keys, Postgres, Queue
from oppulence.kernel.errors import InvalidBody, UnsupportedMediaType
from oppulence.kernel.http import Model, Request, route
from oppulence.kernel.uow import Scope
from oppulence.metering import event_document, receiving
from oppulence.metering.errors import EventsRejected, TooManyEvents
from oppulence.metering.receiving import Received, Sending


class SendQuery(Model):
    atomic: Annotated[bool, Field(description="Take all events or none.")] = False


@route(
    "POST", "/v1/events", scope="usage:write", status=202, repeatable=True, takes=event_document.media_types,
    max_body_bytes=4_000_000, memory_mb=1024,
    errors=(InvalidBody, UnsupportedMediaType, TooManyEvents, EventsRejected),
    uses=(Postgres("metering"), Queue("metering/on_usage_accepted"), Bucket("usage/", write=True), Keys()),
)  # fmt: skip
def handler(scope: Scope, query: SendQuery, request: Request) -> Received:
    key = request.header("idempotency-key")
    seed = f"key:{key}" if key else f"request:{request.id}"
    return receiving.receive(scope, Sending(request.body, request.headers, seed), atomic=query.atomic)
