"""Dead letters in tests: the queues of one consumer, what dies on them, and what comes home."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from oppulence.kernel import aws, dead_letters
from oppulence.kernel.events import Envelope
from tests.support import stripe
from tests.support.entries import entry, envelope

if TYPE_CHECKING:
    from tests.support.world import World

PREFIX = "oppulence-"
QUEUE = "sync-on_webhook_received"
CONSUMER = "sync.consumers.on_webhook_received"
TICKS = "tenancy-schedules"


@contextmanager
def queues() -> Iterator[None]:
    """Empty queues with their dead letters, as the template would make them; consumers fail into these."""
    sqs = aws.client("sqs")
    made = [sqs.create_queue(QueueName=PREFIX + name)["QueueUrl"] for name in (QUEUE, f"{QUEUE}-dead", f"{TICKS}-dead")]
    with patch.dict(os.environ, QUEUE_PREFIX=PREFIX, DLQ_URL=made[1], QUEUE_URL=made[0]):
        yield
    for url in made:
        sqs.delete_queue(QueueUrl=url)


@dataclass(frozen=True)
class Dead:
    """Dead letters of a world's workspaces."""

    world: "World"

    def letter(self, at: int = 0, workspace_id: str | None = None, **said: Any) -> str:
        """Have a webhook of the corpus die, and be taken off SQS; returns the letter's id."""
        workspace = workspace_id or self.world.workspace_id
        event = envelope(workspace, stripe.webhook(workspace, stripe.corpus()[at]))
        die(event, **said)
        drain()
        row = self.world.admin.execute("SELECT id FROM tenancy.dead_letters WHERE event_id = %s", (event.id,)).fetchone()
        assert row is not None
        return str(row[0])


def die(body: str | Envelope, *, reason: str = "ValueError: odd", tries: int = 5, letter: str | None = None) -> None:
    """Have the consumer bury a record."""
    text = body if isinstance(body, str) else json.dumps({"detail": json.loads(body.model_dump_json())})
    record: dict[str, Any] = {"messageId": "m", "body": text}
    if letter:
        record["messageAttributes"] = {"dead_letter": {"stringValue": letter, "dataType": "String"}}
    dead_letters.send(record, CONSUMER, reason, tries)


def undelivered(queue: str, body: str) -> None:
    """What EventBridge puts there when it cannot deliver."""
    said = {"ERROR_CODE": "NO_PERMISSIONS", "ERROR_MESSAGE": "no way in", "RULE_ARN": "arn:aws:events:x"}
    attributes = {name: {"DataType": "String", "StringValue": text} for name, text in said.items()}
    url = aws.client("sqs").get_queue_url(QueueName=f"{PREFIX}{queue}-dead")["QueueUrl"]
    aws.client("sqs").send_message(QueueUrl=url, MessageBody=body, MessageAttributes=attributes)


def drain() -> None:
    """The hourly run."""
    entry("tenancy.schedules.drain_dead_letters")({}, None)


def retry() -> None:
    """The run of every five minutes."""
    entry("tenancy.schedules.retry_dead_letters")({}, None)


def came_home() -> list[dict[str, Any]]:
    """What stands in the consumer's queue, as its function would be given it; taken off."""
    sqs = aws.client("sqs")
    url = sqs.get_queue_url(QueueName=PREFIX + QUEUE)["QueueUrl"]
    records = []
    while found := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]).get("Messages"):
        for one in found:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=one["ReceiptHandle"])
            said = {
                name: {"stringValue": value["StringValue"], "dataType": "String"}
                for name, value in one["MessageAttributes"].items()
            }
            records.append({"messageId": one["MessageId"], "receiptHandle": "r", "body": one["Body"], "messageAttributes": said})
    return records


def waiting(queue: str = QUEUE) -> int:
    """Messages on its dead-letter queue, hidden ones too."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    url = aws.client("sqs").get_queue_url(QueueName=f"{PREFIX}{queue}-dead")["QueueUrl"]
    found = aws.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return sum(int(found[name]) for name in names)
