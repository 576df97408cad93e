"""Dead letters: a record that cannot be processed leaves its queue for the dead-letter queue, with its reason."""

import re
from typing import Any

from oppulence.kernel import environment

_REASON_MAX = 900
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What a message attribute must not hold. A reason quotes what was received, and that can be anything."""


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
            name: {"DataType": "String", "StringValue": _NOT_XML.sub("\ufffd", text) or "-"} for name, text in attributes.items()
        },
    )
