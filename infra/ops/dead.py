"""Dead letters in SQS: find their queues, look at them, bring them home."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from infra.deployed import PREFIX
from infra.ops.output import Failed

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

SUFFIX = "-dead"
HOLD_S = 60
"""How long a letter that is being looked at stays hidden from others, should this process die."""

BATCH = 10


@dataclass(frozen=True)
class Letter:
    """One dead letter; `event_*` are None when its body cannot be read."""

    id: str
    consumer: str | None
    reason: str | None
    tries: int | None
    original_message_id: str | None
    event_id: str | None
    event_type: str | None
    workspace_id: str | None
    body: str
    receipt: str

    def shown(self) -> dict[str, Any]:
        """All but what only SQS needs."""
        return {name: value for name, value in asdict(self).items() if name != "receipt"}


def queues(sqs: "SQSClient", name: str | None = None) -> dict[str, str]:
    """URLs of dead-letter queues by the names of the queues they belong to; only those that contain `name`.

    Raises:
        Failed: none fits.
    """
    pages = sqs.get_paginator("list_queues").paginate(QueueNamePrefix=f"{PREFIX}-")
    urls = [url for page in pages for url in page.get("QueueUrls", []) if url.endswith(SUFFIX)]
    found = {url.rsplit("/", 1)[1].removesuffix(SUFFIX).removeprefix(f"{PREFIX}-"): url for url in sorted(urls)}
    chosen = {queue: url for queue, url in found.items() if name is None or name in queue}
    if not chosen:
        raise Failed(f"no dead-letter queue is called like {name}", f"there are {', '.join(found) or 'none'}")
    return chosen


def home_of(url: str) -> str:
    """The queue that a dead-letter queue belongs to."""
    return url.removesuffix(SUFFIX)


def waiting(sqs: "SQSClient", url: str) -> int:
    """How many letters a queue holds, about."""
    names: Any = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return sum(int(value) for value in attributes.values())


@contextmanager
def held(sqs: "SQSClient", url: str, most: int) -> Iterator[list[Letter]]:
    """Letters of a queue, hidden from others until the block ends; those it did not delete are back then."""
    letters: dict[str, Letter] = {}
    try:
        while len(letters) < most:
            answer = sqs.receive_message(
                QueueUrl=url, MaxNumberOfMessages=min(BATCH, most - len(letters)), VisibilityTimeout=HOLD_S,
                MessageAttributeNames=["All"], WaitTimeSeconds=0,
            )  # fmt: skip
            fresh = {message["MessageId"]: _letter(message) for message in answer.get("Messages", [])}
            if not fresh.keys() - letters.keys():
                break
            letters |= fresh
        yield list(letters.values())
    finally:
        _let_go(sqs, url, list(letters.values()))


def redrive(sqs: "SQSClient", url: str, letter: Letter) -> None:
    """Back to its queue as a new message, whose tries are counted from one; then it leaves the dead letters."""
    sqs.send_message(QueueUrl=home_of(url), MessageBody=letter.body)
    delete(sqs, url, letter)


def delete(sqs: "SQSClient", url: str, letter: Letter) -> None:
    """For good."""
    sqs.delete_message(QueueUrl=url, ReceiptHandle=letter.receipt)


def _let_go(sqs: "SQSClient", url: str, letters: list[Letter]) -> None:
    """Show letters again; those that were deleted are refused, which is no fault."""
    for start in range(0, len(letters), BATCH):
        batch = letters[start : start + BATCH]
        entries: Any = [{"Id": str(n), "ReceiptHandle": one.receipt, "VisibilityTimeout": 0} for n, one in enumerate(batch)]
        sqs.change_message_visibility_batch(QueueUrl=url, Entries=entries)


def _letter(message: "MessageTypeDef") -> Letter:
    said = {name: value.get("StringValue") for name, value in message.get("MessageAttributes", {}).items()}
    body = message.get("Body", "")
    detail = _detail(body)
    tries = said.get("tries")
    return Letter(
        id=message["MessageId"], consumer=said.get("consumer"), reason=said.get("reason"),
        tries=int(tries) if tries and tries.isdigit() else None, original_message_id=said.get("original_message_id"),
        event_id=detail.get("id"), event_type=detail.get("type"), workspace_id=detail.get("workspace_id"), body=body,
        receipt=message["ReceiptHandle"],
    )  # fmt: skip


def _detail(body: str) -> dict[str, Any]:
    try:
        detail = json.loads(body)["detail"]
    except (ValueError, KeyError, TypeError):
        return {}
    return detail if isinstance(detail, dict) else {}
