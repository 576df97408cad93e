"""Dead letters on their queues: a record that cannot be processed leaves its queue for the dead-letter queue, with its reason.

A letter that is sent home again carries its id, so that whoever processes it, or fails on it again, can say which it was.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

from oppulence.kernel import environment
from oppulence.kernel.aws import answering

_SILENT = "The queues do not answer."
SUFFIX = "-dead"
BATCH = 10
HOLD_S = 120
"""How long messages that were taken stay hidden, should this process die before it has kept them."""

_REASON_MAX = 900
_UNPRINTABLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What neither a message attribute nor a column may hold. A reason quotes what was received, and that can be anything."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message of a dead-letter queue. `queue` is the one it belongs to, without the platform's prefix.

    `said` has its attributes: a consumer's (`consumer`, `reason`, `tries`), or EventBridge's (`ERROR_CODE`, `ERROR_MESSAGE`).
    """

    queue: str
    id: str
    receipt: str
    body: str
    said: dict[str, str]
    sent_at: datetime


def printable(text: str) -> str:
    """The text with a replacement character for each one that cannot be kept."""
    return _UNPRINTABLE.sub("\ufffd", text)


def letter_of(record: dict[str, Any]) -> str | None:
    """The letter that a queue record was before it was sent home."""
    letter: str | None = record.get("messageAttributes", {}).get("dead_letter", {}).get("stringValue")
    return letter


def send(record: dict[str, Any], consumer: str, reason: str, tries: int) -> None:
    """Put a queue record on the consumer's dead-letter queue. Raises if the queue does not take it: the record then stays."""
    from oppulence.kernel.aws import client

    attributes = {
        "consumer": consumer, "reason": reason[:_REASON_MAX], "tries": str(tries), "original_message_id": record["messageId"],
    }  # fmt: skip
    letter = letter_of(record)
    client("sqs").send_message(
        QueueUrl=environment.required("DLQ_URL"),
        MessageBody=record["body"],
        MessageAttributes=_attributes(attributes | ({"dead_letter": letter} if letter else {})),
    )


def queues() -> dict[str, str]:
    """URLs of all dead-letter queues, by the queue that each belongs to.

    Raises:
        Unavailable: SQS does not answer.
    """
    prefix = environment.required("QUEUE_PREFIX")
    with answering("sqs", _SILENT) as sqs:
        pages = sqs.get_paginator("list_queues").paginate(QueueNamePrefix=prefix)
        urls = [url for page in pages for url in page.get("QueueUrls", []) if url.endswith(SUFFIX)]
    return {url.rsplit("/", 1)[1].removesuffix(SUFFIX).removeprefix(prefix): url for url in sorted(urls)}


def waiting(url: str) -> int:
    """How many messages a dead-letter queue shows, about.

    Raises:
        Unavailable: SQS does not answer.
    """
    with answering("sqs", _SILENT) as sqs:
        answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
    return int(answer["Attributes"]["ApproximateNumberOfMessages"])


def take(queue: str, url: str) -> list[Message]:
    """At most ten messages of a dead-letter queue, which stay there, hidden, until they are deleted.

    Raises:
        Unavailable: SQS does not answer.
    """
    with answering("sqs", _SILENT) as sqs:
        answer = sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=BATCH, VisibilityTimeout=HOLD_S, WaitTimeSeconds=1,
            MessageAttributeNames=["All"], AttributeNames=["SentTimestamp"],
        )  # fmt: skip
    return [_message(queue, one) for one in answer.get("Messages", [])]


def delete(url: str, messages: Sequence[Message]) -> None:
    """Take at most ten messages off their queue for good. One that stays comes again, which is harmless.

    Raises:
        Unavailable: SQS does not answer.
    """
    entries = [{"Id": str(n), "ReceiptHandle": message.receipt} for n, message in enumerate(messages)]
    with answering("sqs", _SILENT) as sqs:
        sqs.delete_message_batch(QueueUrl=url, Entries=entries)


def send_home(queue: str, body: str, letter: str) -> None:
    """Back to its queue as a new message, whose tries are counted from one.

    Raises:
        Unavailable: SQS does not answer, or there is no such queue any more.
    """
    with answering("sqs", _SILENT) as sqs:
        sqs.send_message(QueueUrl=_url(queue), MessageBody=body, MessageAttributes=_attributes({"dead_letter": letter}))


@cache
def _url(queue: str) -> str:
    from oppulence.kernel.aws import client

    url: str = client("sqs").get_queue_url(QueueName=environment.required("QUEUE_PREFIX") + queue)["QueueUrl"]
    return url


def _attributes(attributes: dict[str, str]) -> dict[str, dict[str, str]]:
    return {name: {"DataType": "String", "StringValue": printable(text) or "-"} for name, text in attributes.items()}


def _message(queue: str, received: dict[str, Any]) -> Message:
    said = {name: value.get("StringValue", "") for name, value in received.get("MessageAttributes", {}).items()}
    sent_at = datetime.fromtimestamp(int(received["Attributes"]["SentTimestamp"]) / 1000, UTC)
    return Message(queue, received["MessageId"], received["ReceiptHandle"], received["Body"], said, sent_at)
