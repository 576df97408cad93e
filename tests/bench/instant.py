"""AWS over a transport that answers at once: botocore builds, signs and parses as ever, only the network is left out."""

import base64
import io
import json
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from botocore.awsrequest import AWSPreparedRequest, AWSResponse, HeadersDict

from oppulence.kernel import aws

DATA_KEY = b"\x07" * 32
calls: Counter[str] = Counter()
"""Requests by operation, such as `dynamodb.UpdateItem`, since the last `calls.clear()`."""

watched: dict[str, list[str]] = {}
"""What the buses took of these types, as JSON: put an empty list under a type to have its events kept."""

_ALL_TAKEN = b'{"Successful": [], "Failed": []}'
"""What SQS says of messages, as far as anybody looks; to read them would take longer than to send them."""

Answer = Callable[[dict[str, Any]], dict[str, Any]]


class _Body(io.BytesIO):
    """A response's bytes, as urllib3 gives them."""

    def stream(self, **_: object) -> Iterator[bytes]:
        """All of them at once."""
        yield self.read()


def answer_at_once(*services: str) -> None:
    """Make the process's clients of these services anew, on the instant transport."""
    for service in services:
        aws.client(service).meta.events.register("before-send", _send)


def _send(request: AWSPreparedRequest, event_name: str, **others: object) -> AWSResponse:
    _, service, operation = event_name.split(".")
    calls[f"{service}.{operation}"] += 1
    headers: Any  # the stubs want another class than botocore's own
    if operation == "PutObject":
        headers = HeadersDict({"ETag": '"instant"'})
        return AWSResponse(request.url, 200, headers, _Body(b""))
    asked: Any = request.body or b"{}"
    body = _ALL_TAKEN if operation == "SendMessageBatch" else json.dumps(_ANSWERS[operation](json.loads(asked))).encode()
    headers = HeadersDict({"Content-Type": "application/x-amz-json-1.1"})
    return AWSResponse(request.url, 200, headers, _Body(body))


def _updated(asked: dict[str, Any]) -> dict[str, Any]:
    """An item of limits as the update leaves it: each counted window at one."""
    if asked.get("ReturnValues") != "ALL_NEW":
        return {}
    windows = {name: {"N": "1"} for name in asked["ExpressionAttributeNames"].values()}
    return {"Attributes": {"id": asked["Key"]["id"], "leases": asked["ExpressionAttributeValues"][":lease"], **windows}}


def _put_events(asked: dict[str, Any]) -> dict[str, Any]:
    for entry in asked["Entries"] if watched else ():
        if entry["DetailType"] in watched:
            watched[entry["DetailType"]].append(entry["Detail"])
    return {"FailedEntryCount": 0, "Entries": [{"EventId": "instant"} for _ in asked["Entries"]]}


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


_ANSWERS: dict[str, Answer] = {
    "UpdateItem": _updated,
    "PutEvents": _put_events,
    "GetSecretValue": lambda asked: {"ARN": asked["SecretId"], "SecretString": "the bench's kernel secret"},
    "GenerateDataKeyWithoutPlaintext": lambda asked: {"CiphertextBlob": _base64(b"wrapped"), "KeyId": asked["KeyId"]},
    "Decrypt": lambda asked: {"Plaintext": _base64(DATA_KEY), "KeyId": asked["KeyId"]},
}
