"""Dead letters: a record that cannot be processed leaves its queue for the dead-letter queue, with its reason."""

import re
from typing import Any

from oppulence.kernel import environment

_REASON_MAX = 900
_UNPRINTABLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What neither a message attribute nor a column may hold. A reason quotes what was received, and that can be anything."""


def printable(text: str) -> str:
    """The text with a replacement character for each one that cannot be kept."""
    return _UNPRINTABLE.sub("\ufffd", text)


def send(record: dict[str, Any], consumer: str, reason: str, tries: int) -> None:
    """Put a queue record on the consumer's dead-letter queue. Raises if the queue does not take it: the record then stays."""
    from oppulence.kernel.aws import client

    attributes = {
        "consumer": consumer, "reason": reason[:_REASON_MAX], "tries": str(tries), "original_message_id": record["messageId"],
    }  # fmt: skip
    client("sqs").send_message(
        QueueUrl=environment.required("DLQ_URL"),
        MessageBody=record["body"],
        MessageAttributes={
            name: {"DataType": "String", "StringValue": printable(text) or "-"} for name, text in attributes.items()
        },
    )
