"""Queues that are filled without a bus: for what comes too often, or is too large, for a bus to carry.

Their consumers are declared with `direct=True` and get what a bus would deliver, so nothing else about them differs. A message
belongs to its workspace's group: while one workspace has many waiting, SQS hands out those of others first.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from pydantic_core import to_json

from oppulence.kernel import environment, telemetry
from oppulence.kernel.errors import Unavailable
from oppulence.kernel.events import Event
from oppulence.kernel.ids import new_id

MAX_BYTES = 250_000
"""Of a message, and of the messages of one call together: what SQS has always taken, less what their attributes may need."""
_CALL_MAX = 10


def message(event: Event, workspace_id: str, occurred_at: datetime) -> str:
    """An event as a message: its envelope, in the form in which a bus delivers it."""
    envelope = {
        "id": new_id("ev"), "type": event.type, "version": event.version, "workspace_id": workspace_id,
        "occurred_at": occurred_at, "traceparent": telemetry.traceparent(), "data": event,
    }  # fmt: skip
    return to_json({"detail": envelope}, by_alias=False).decode()


def send(queue: str, messages: Sequence[str], workspace_id: str) -> list[int]:
    """Send a workspace's messages to a queue, named `<context>/<consumer>`; returns the places of those that it did not take.

    Raises:
        Unavailable: SQS does not answer. Messages of earlier calls than the failed one were taken: repeating all is up to the
            caller, whose consumer is harmless to that.
        ValueError: a message is larger than the queue takes.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    from oppulence.kernel.aws import client

    url = environment.required(variable(queue))
    missing: list[int] = []
    for call in list(_calls(messages)):  # all of them first: what is too large is refused before anything is sent
        entries: list[dict[str, Any]] = [
            {"Id": str(place), "MessageBody": messages[place], "MessageGroupId": workspace_id} for place in call
        ]
        try:
            answer = client("sqs").send_message_batch(QueueUrl=url, Entries=entries)
        except (BotoCoreError, ClientError) as error:
            raise Unavailable(f"The queue {queue} does not answer: {error}") from error
        if failed := answer.get("Failed"):
            telemetry.logger().warning("messages_refused", extra={"queue": queue, "refused": failed})
            missing += [int(one["Id"]) for one in failed]
    return missing


def size(text: str) -> int:
    """Bytes of a text, without encoding it where that can be told."""
    return len(text) if text.isascii() else len(text.encode())


def variable(queue: str) -> str:
    """The environment variable with a queue's URL."""
    return f"QUEUE_{queue.replace('/', '_').upper()}"


def _calls(messages: Sequence[str]) -> Iterator[list[int]]:
    """Places of the messages that go in one call."""
    call: list[int] = []
    taken = 0
    for place, body in enumerate(messages):
        own = size(body)
        if own > MAX_BYTES:
            raise ValueError(f"message {place} has {own} bytes; a queue takes {MAX_BYTES}: send a pointer to an object instead")
        if call and (len(call) == _CALL_MAX or taken + own > MAX_BYTES):
            yield call
            call, taken = [], 0
        call.append(place)
        taken += own
    if call:
        yield call
