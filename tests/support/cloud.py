"""AWS in the test's own process: moto, with the resources that the template would make."""

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from moto import mock_aws
from moto.backends import get_backend
from moto.core.models import DEFAULT_ACCOUNT_ID

from oppulence.kernel import aws, queues

REGION = "us-east-1"
BUCKET = "workspaces"
AUDIT_BUCKET = "audit"
TABLES = ("limits", "idempotency", "connections")
BUSES = ("domain", "inbound")
DIRECT = ("metering/on_usage_accepted",)

NOT_SENT = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What no message of SQS holds."""

_put: list[dict[str, Any]] = []
_sent: list[tuple[str, dict[str, Any]]] = []


@contextmanager
def in_process() -> Iterator[None]:
    """Start moto, make the resources, and set the variables that name them."""
    os.environ.update(AWS_DEFAULT_REGION=REGION, AWS_ACCESS_KEY_ID="testing", AWS_SECRET_ACCESS_KEY="testing")
    with mock_aws():
        aws.reset()
        _stores()
        for bus in BUSES:
            _bus(bus)
        aws.client("events").meta.events.register("before-parameter-build.events.PutEvents", _record)
        aws.client("sqs").meta.events.register("before-parameter-build.sqs.SendMessageBatch", _record_messages)
        yield
        aws.reset()


def emitted(bus: str = "domain") -> list[dict[str, Any]]:
    """Entries that were put on a bus since the last look, oldest first."""
    found = [entry for entry in _put if entry["EventBusName"] == bus]
    _put[:] = [entry for entry in _put if entry["EventBusName"] != bus]
    return found


def forget_events(kind: str | None = None) -> None:
    """Drop what was recorded, of one type or all."""
    _put[:] = [entry for entry in _put if kind not in (None, entry["DetailType"])]
    if kind is None:
        _sent.clear()


def queued(queue: str) -> list[str]:
    """Bodies of messages that were sent to a direct consumer's queue since the last look, oldest first."""
    url = os.environ[queues.variable(queue)]
    found = [entry["MessageBody"] for to, entry in _sent if to == url]
    _sent[:] = [(to, entry) for to, entry in _sent if to != url]
    return found


def items(table: str) -> list[str]:
    """All items of a table as text, taken from the store's memory: a scan takes forty times as long."""
    kept = get_backend("dynamodb")[DEFAULT_ACCOUNT_ID][REGION].get_table(table).all_items()
    return [json.dumps(one.to_json(), default=str, sort_keys=True) for one in kept]


def dead_letters() -> list[dict[str, Any]]:
    """Messages of the dead-letter queue, with their attributes, taken off it."""
    sqs, url = aws.client("sqs"), os.environ["DLQ_URL"]
    found: list[dict[str, Any]] = []
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]).get("Messages"):
        for message in messages:
            found.append(message)
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return found


def _stores() -> None:
    for table in TABLES:
        aws.client("dynamodb").create_table(
            TableName=table, BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        )  # fmt: skip
        os.environ[f"{table.upper()}_TABLE"] = table
    for bucket in (BUCKET, AUDIT_BUCKET):
        aws.client("s3").create_bucket(Bucket=bucket)
    secret = aws.client("secretsmanager").create_secret(Name="kernel", SecretString="a secret of the tests")
    os.environ.update(
        BUCKET=BUCKET, AUDIT_BUCKET=AUDIT_BUCKET, KERNEL_SECRET=secret["ARN"],
        DATA_KEY_ID=aws.client("kms").create_key()["KeyMetadata"]["Arn"], MAIL_FROM="billing@oppulence.test",
        QUEUE_URL=_queue("work"), DLQ_URL=_queue("work-dead"),
    )  # fmt: skip
    os.environ.update({queues.variable(name): _queue(name.replace("/", "-")) for name in DIRECT})


def _queue(name: str) -> str:
    url: str = aws.client("sqs").create_queue(QueueName=name)["QueueUrl"]
    return url


def _bus(name: str) -> None:
    aws.client("events").create_event_bus(Name=name)
    os.environ[f"{name.upper()}_BUS"] = name


def _record(params: dict[str, Any], **_: Any) -> None:
    _put.extend(params["Entries"])


def _record_messages(params: dict[str, Any], **_: Any) -> None:
    for entry in params["Entries"]:
        assert not NOT_SENT.search(entry["MessageBody"]), "SQS refuses the message, which moto does not"
    _sent.extend((params["QueueUrl"], entry) for entry in params["Entries"])
