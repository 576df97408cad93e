"""Queues without a bus: what a call carries, what is reported, and that consumers read it as if a bus had brought it."""

import json
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from oppulence.kernel import aws, clock, dead_letters, queues
from oppulence.kernel.capabilities import Postgres
from oppulence.kernel.consume import consumer
from oppulence.kernel.errors import Permanent, Unavailable
from oppulence.kernel.ids import new_id
from oppulence.kernel.uow import UnitOfWork
from tests.kernel.support import CONTEXT, Happened
from tests.support.world import World

QUEUE = "kernel_tests/on_things"


@pytest.fixture
def url(world: World, monkeypatch: pytest.MonkeyPatch) -> str:
    """A queue of this test, empty."""
    found: str = aws.client("sqs").create_queue(QueueName=new_id("things"))["QueueUrl"]
    monkeypatch.setenv(queues.variable(QUEUE), found)
    return found


@pytest.fixture
def calls(url: str, monkeypatch: pytest.MonkeyPatch) -> list[list[dict[str, Any]]]:
    """What each call carried."""
    made: list[list[dict[str, Any]]] = []
    real = aws.client("sqs").send_message_batch

    def note(QueueUrl: str, Entries: list[dict[str, Any]]) -> Any:  # noqa: ANN401
        assert QueueUrl == url
        made.append(Entries)
        return real(QueueUrl=QueueUrl, Entries=Entries)

    monkeypatch.setattr(aws.client("sqs"), "send_message_batch", note)
    return made


def received(url: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while some := aws.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10, AttributeNames=["All"]).get("Messages"):
        found += some
    return found


def test_a_variable_is_named_for_its_queue() -> None:
    assert queues.variable("metering/on_usage_accepted") == "QUEUE_METERING_ON_USAGE_ACCEPTED"


def test_a_direct_consumer_reads_what_was_sent_and_fails_as_any_other(world: World, url: str) -> None:
    done: list[str] = []

    @consumer(Happened, uses=(Postgres(CONTEXT),), direct=True)
    def handler(uow: UnitOfWork, event: Happened) -> None:
        done.append(f"{uow.workspace_id} {event.thing_id}")

    assert (
        queues.send(QUEUE, [queues.message(Happened(thing_id='"a" é'), world.workspace_id, clock.now())], world.workspace_id)
        == []
    )
    (message,) = received(url)
    assert message["Attributes"]["MessageGroupId"] == world.workspace_id
    record = {"messageId": "m", "receiptHandle": "r", "body": message["Body"], "messageAttributes": {}}
    assert handler({"Records": [record, record]}, None) == {"batchItemFailures": []}
    assert done == [f'{world.workspace_id} "a" é']  # the second time its inbox knows it


def test_what_dies_comes_home_as_it_was_sent(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    sqs, name = aws.client("sqs"), new_id("on_things")
    home, dead = (sqs.create_queue(QueueName=f"oppulence-{name}{end}")["QueueUrl"] for end in ("", dead_letters.SUFFIX))
    for variable, value in (("DLQ_URL", dead), ("QUEUE_PREFIX", "oppulence-"), (queues.variable(QUEUE), home)):
        monkeypatch.setenv(variable, value)
    done: list[str] = []

    @consumer(Happened, uses=(Postgres(CONTEXT),), direct=True)
    def handler(uow: UnitOfWork, event: Happened) -> None:
        if not done:
            done.append("died")
            raise Permanent("not now")
        done.append(event.thing_id)

    def handle() -> None:
        (message,) = received(home)
        record = {"messageId": "m", "receiptHandle": "r", "body": message["Body"], "messageAttributes": {}}
        assert handler({"Records": [record]}, None) == {"batchItemFailures": []}
        sqs.delete_message(QueueUrl=home, ReceiptHandle=message["ReceiptHandle"])

    queues.send(QUEUE, [queues.message(Happened(thing_id="a"), world.workspace_id, clock.now())], world.workspace_id)
    handle()
    (letter,) = dead_letters.take(name, dead)
    dead_letters.send_home(letter.queue, letter.body, "dl_1")
    handle()
    assert done == ["died", "a"]


def test_a_call_carries_ten_messages(world: World, calls: list[list[dict[str, Any]]], url: str) -> None:
    assert queues.send(QUEUE, [f"{n}" for n in range(23)], world.workspace_id) == []
    assert [len(call) for call in calls] == [10, 10, 3]
    assert sorted(int(one["Body"]) for one in received(url)) == list(range(23))


def test_a_call_stays_under_the_limit_in_bytes_not_in_characters(world: World, calls: list[list[dict[str, Any]]]) -> None:
    half = "é" * (queues.MAX_BYTES // 4)
    assert queues.send(QUEUE, [half, half, "x", half], world.workspace_id) == []
    assert [[entry["Id"] for entry in call] for call in calls] == [["0", "1"], ["2", "3"]]


def test_a_message_that_no_queue_takes_is_refused_before_anything_is_sent(
    world: World, calls: list[list[dict[str, Any]]]
) -> None:
    with pytest.raises(ValueError, match="message 1 has 250001 bytes"):
        queues.send(QUEUE, ["x", "x" * (queues.MAX_BYTES + 1)], world.workspace_id)
    assert calls == []


def test_what_the_queue_did_not_take_is_reported_by_its_place(world: World, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def partly(QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]:
        return {
            "Successful": [],
            "Failed": [{"Id": one["Id"], "Code": "InternalError"} for one in Entries if int(one["Id"]) % 5 == 4],
        }

    monkeypatch.setattr(aws.client("sqs"), "send_message_batch", partly)
    assert queues.send(QUEUE, ["x"] * 12, world.workspace_id) == [4, 9]


def test_a_queue_that_is_away_says_so(world: World, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(**_: Any) -> None:
        raise EndpointConnectionError(endpoint_url=url)

    monkeypatch.setattr(aws.client("sqs"), "send_message_batch", away)
    with pytest.raises(Unavailable):
        queues.send(QUEUE, ["x"], world.workspace_id)


def test_nothing_to_send_is_no_call(world: World, calls: list[list[dict[str, Any]]]) -> None:
    assert queues.send(QUEUE, [], world.workspace_id) == [] == calls


def test_a_message_is_an_envelope_as_a_bus_delivers_it(world: World) -> None:
    now = clock.now()
    detail = json.loads(queues.message(Happened(thing_id="a"), world.workspace_id, now))["detail"]
    assert (detail["type"], detail["version"], detail["workspace_id"]) == (Happened.type, Happened.version, world.workspace_id)
    assert detail["data"]["thing_id"] == "a" and detail["occurred_at"].startswith(f"{now:%Y-%m-%dT%H:%M:%S}")
