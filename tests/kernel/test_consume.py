"""Queue consumers: once in effect, one bad record alone, and two kinds of failure kept apart."""

import json
import logging
from typing import Any

import psycopg
import pytest
from botocore.exceptions import EndpointConnectionError, ParamValidationError, ReadTimeoutError

from oppulence.kernel import aws, consume, db
from oppulence.kernel.capabilities import Keys, Postgres
from oppulence.kernel.consume import Received, consumer, first_seen
from oppulence.kernel.declarations import Entry
from oppulence.kernel.errors import NotYet, Permanent, Unavailable
from oppulence.kernel.events import Envelope
from oppulence.kernel.ids import new_id
from oppulence.kernel.uow import Scope, UnitOfWork, in_transaction
from tests.kernel.support import CONTEXT, Happened, away, client_error
from tests.support import cloud
from tests.support.entries import envelope, queue_batch
from tests.support.world import World

USES = (Postgres(CONTEXT),)


class Subject:
    """A consumer that notes what it did in the database, and fails as it is told."""

    def __init__(self, world: World, **options: Any) -> None:
        self.world, self.done, self.fails, self.calls = world, [], {}, 0  # type: tuple[World, list[str], dict[str, BaseException], int]

        @consumer(Happened, uses=USES, **options)
        def handler(uow: UnitOfWork, event: Happened) -> None:
            self.calls += 1
            uow.emit(Happened(thing_id=f"did {event.thing_id}"))
            if event.thing_id in self.fails:
                raise self.fails[event.thing_id]
            self.done.append(event.thing_id)

        self.handler: Entry = handler

    def batch(self, *things: str) -> dict[str, Any]:
        """A queue batch of one event each."""
        return queue_batch(*(envelope(self.world.workspace_id, Happened(thing_id=thing)) for thing in things))

    def give(self, batch: dict[str, Any]) -> list[int]:
        """Deliver; returns the places of records that go back to the queue."""
        ids = [record["messageId"] for record in batch["Records"]]
        return [ids.index(one["itemIdentifier"]) for one in self.handler(batch, None)["batchItemFailures"]]


@pytest.fixture
def subject(world: World) -> Subject:
    cloud.dead_letters()
    return Subject(world)


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Visibility timeouts that the queue was asked for."""
    asked: list[int] = []

    def note(QueueUrl: str, Entries: list[dict[str, Any]]) -> None:
        assert len(Entries) <= 10
        asked.extend(one["VisibilityTimeout"] for one in Entries)

    monkeypatch.setattr(aws.client("sqs"), "change_message_visibility_batch", note)
    return asked


def reasons() -> list[str]:
    return [letter["MessageAttributes"]["reason"]["StringValue"] for letter in cloud.dead_letters()]


def test_a_batch_is_done_record_by_record(subject: Subject) -> None:
    assert subject.give(subject.batch("a", "b", "c")) == []
    assert subject.done == ["a", "b", "c"]


def test_a_redelivered_event_is_skipped(subject: Subject) -> None:
    batch = subject.batch("a")
    assert subject.give(batch) == subject.give(batch) == []
    assert subject.done == ["a"]
    assert subject.world.count("sync.inbox") == 1


def test_only_the_failing_record_goes_back_and_leaves_no_trace(subject: Subject) -> None:
    subject.fails["b"] = ValueError("not now")
    assert subject.give(subject.batch("a", "b", "c")) == [1]
    assert subject.done == ["a", "c"]
    assert [one.data["thing_id"] for one in subject.world.envelopes()] == ["did a", "did c"]
    assert subject.world.count("sync.inbox") == 2, "its inbox row went with its transaction: it may come again"


def test_a_record_that_came_back_is_done_then(subject: Subject) -> None:
    subject.fails["a"] = ValueError("not now")
    batch = subject.batch("a")
    assert subject.give(batch) == [0]
    subject.fails.clear()
    assert subject.give(batch) == []
    assert subject.done == ["a"]


def test_after_five_counted_tries_it_is_a_dead_letter_with_its_reason(subject: Subject) -> None:
    subject.fails["a"] = ValueError("the amount is odd")
    batch = subject.batch("a")
    assert [subject.give(batch) for _ in range(5)] == [[0]] * 4 + [[]]
    (letter,) = cloud.dead_letters()
    attributes = {name: value["StringValue"] for name, value in letter["MessageAttributes"].items()}
    assert (attributes["reason"], attributes["tries"]) == ("ValueError: the amount is odd", "5")
    assert attributes["consumer"].endswith("test_consume")
    assert attributes["original_message_id"] == batch["Records"][0]["messageId"]
    assert json.loads(letter["Body"]) == json.loads(batch["Records"][0]["body"])


def test_a_permanent_failure_is_a_dead_letter_at_once(subject: Subject) -> None:
    subject.fails["b"] = Permanent("no such shape")
    assert subject.give(subject.batch("a", "b", "c")) == []
    assert reasons() == ["Permanent: no such shape"]
    assert subject.done == ["a", "c"]


UNREADABLE = [
    "", "{", "[]", "null", '{"detail": 1}', '{"detail": {"id": "x"}}', '{"detail": null}', "[" * 100_000,
    '{"detail": {"id": "\\ud800"}}',
]  # fmt: skip


@pytest.mark.parametrize("body", UNREADABLE)
def test_an_unreadable_record_is_a_dead_letter_and_stands_alone(subject: Subject, body: str) -> None:
    batch = subject.batch("a", "b")
    batch["Records"][0]["body"] = body or " "
    assert subject.give(batch) == []
    (reason,) = reasons()
    assert reason.startswith("unreadable: ")
    assert subject.done == ["b"]


def test_an_event_of_another_shape_is_unreadable(subject: Subject) -> None:
    odd = Envelope.model_construct(
        **{**vars(envelope(subject.world.workspace_id, Happened(thing_id="a"))), "data": {"thing_id": 5}}
    )
    assert subject.give(queue_batch(odd)) == []
    assert "thing_id" in reasons()[0]


@pytest.mark.parametrize(
    "text",
    ["a\x00b", "\x01\x1f", "\ud800", "￿", "x" * 5_000, ""],
    ids=["nul", "controls", "lone surrogate", "noncharacter", "long", "empty"],
)
def test_a_reason_of_any_text_reaches_the_dead_letters(subject: Subject, text: str, request: pytest.FixtureRequest) -> None:
    """The queue takes no control characters: a letter that it refused would come back for ever."""
    logging.disable(logging.CRITICAL)  # tests side by side cannot report a log that is no UTF-8
    request.addfinalizer(lambda: logging.disable(logging.NOTSET))
    subject.fails["a"] = Permanent(text)
    assert subject.give(subject.batch("a")) == []
    subject.fails["a"] = ValueError(text)
    batch = subject.batch("a")
    assert [subject.give(batch) for _ in range(5)][-1] == []
    assert len(reasons()) == 2


def test_dead_letters_that_are_away_return_the_record(subject: Subject) -> None:
    subject.fails["a"] = Permanent("no")
    batch = subject.batch("a", "b")
    with away("sqs", "SendMessage"):
        assert subject.give(batch) == [0]
    assert subject.give(batch) == []
    assert reasons() == ["Permanent: no"]
    assert subject.done == ["b"]


DOWN = [
    Unavailable("no"), psycopg.OperationalError("gone"), psycopg.errors.AdminShutdown("57P01"),
    psycopg.errors.TooManyConnections("53300"), EndpointConnectionError(endpoint_url="https://x"),
    ReadTimeoutError(endpoint_url="https://x"), client_error("InternalError", 500), client_error("ThrottlingException"),
    client_error("ProvisionedThroughputExceededException"), client_error("SlowDown", 503),
]  # fmt: skip


@pytest.mark.parametrize("error", DOWN, ids=lambda error: f"{type(error).__name__} {error}"[:60])
def test_a_store_that_is_away_returns_the_whole_batch_soon_and_counts_nothing(
    subject: Subject, waits: list[int], error: BaseException
) -> None:
    subject.fails["b"] = error
    batch = subject.batch(*"abcdefghijkl")
    for _ in range(7):
        assert subject.give(batch) == list(range(12))
    assert set(waits) == {consume.DOWN_VISIBILITY_S} and len(waits) == 7 * 12
    assert subject.world.count("sync.attempts") == 0
    assert cloud.dead_letters() == []
    subject.fails.clear()
    assert subject.give(batch) == []
    assert sorted(subject.done) == sorted("abcdefghijkl"), "each once, however often it was delivered"


NOT_DOWN = [
    ValueError("no"), psycopg.errors.UniqueViolation("no"), client_error("AccessDeniedException"),
    client_error("ValidationException"),
    ParamValidationError(report="a mail address with a space"), psycopg.errors.NumericValueOutOfRange("no"),
]  # fmt: skip


@pytest.mark.parametrize("error", NOT_DOWN, ids=lambda error: f"{type(error).__name__} {error}"[:60])
def test_what_the_record_is_to_blame_for_is_counted(subject: Subject, error: BaseException) -> None:
    subject.fails["b"] = error
    assert subject.give(subject.batch("a", "b", "c")) == [1]
    assert subject.world.count("sync.attempts") == 1


def test_postgresql_away_returns_everything(subject: Subject, waits: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    db.forget(CONTEXT)
    monkeypatch.setenv("PG_PORT", "1")
    batch = subject.batch("a", "b")
    assert subject.give(batch) == [0, 1]
    assert waits == [60, 60]
    monkeypatch.undo()
    assert subject.give(batch) == []


def test_a_letter_that_was_sent_is_not_sent_again_while_a_store_is_down(subject: Subject, waits: list[int]) -> None:
    """The buried record stays off the queue though the rest of its batch goes back."""
    subject.fails["b"] = Unavailable("no")
    batch = subject.batch("a", "b")
    batch["Records"][0]["body"] = "poison"
    assert subject.give(batch) == [1]
    assert len(reasons()) == 1


def test_what_came_too_early_comes_back_after_growing_waits(subject: Subject, waits: list[int]) -> None:
    subject.fails["a"] = NotYet("its invoice is unknown")
    batch = subject.batch("a")
    assert [subject.give(batch) for _ in range(5)] == [[0]] * 4 + [[]]
    assert waits == sorted(set(waits)) and len(waits) == 4
    assert reasons() == ["NotYet: its invoice is unknown"]


@pytest.mark.parametrize("workspace_id", ["", "ws_\x00"])
def test_a_record_whose_tries_cannot_be_counted_poisons_no_batch(subject: Subject, workspace_id: str) -> None:
    """Its workspace is none, so not even the count of its tries can be written for it."""
    good = envelope(subject.world.workspace_id, Happened(thing_id="good"))
    batch = queue_batch(envelope(workspace_id, Happened(thing_id="odd")), good)
    assert subject.give(batch) == []
    assert len(reasons()) == 1
    assert subject.done == ["good"]


def test_consumers_do_not_share_their_inbox_nor_their_counts(world: World, subject: Subject) -> None:
    event_id = new_id("ev")

    def see(name: str) -> set[str]:
        return in_transaction(Scope(CONTEXT, world.workspace_id), lambda uow: first_seen(uow, name, [event_id]))

    seen = [see("one"), see("two"), see("one")]
    assert seen == [{event_id}, {event_id}, set()]


def batches(world: World, bad: str | None = None) -> tuple[Entry, list[list[str]]]:
    """A batch consumer and the groups that it was given."""
    groups: list[list[str]] = []

    @consumer(Happened, uses=USES, batch=True)
    def handler(received: list[Received]) -> None:
        things = [one.envelope.data["thing_id"] for one in received]
        groups.append(things)
        assert len({one.envelope.workspace_id for one in received}) == 1
        if bad in things:
            raise ValueError("poisoned")

    return handler, groups


def test_a_batch_consumer_gets_a_workspaces_records_together(world: World) -> None:
    handler, groups = batches(world)
    first, second = world.workspace_id, world.workspace()
    batch = queue_batch(*(envelope(ws, Happened(thing_id=thing)) for ws, thing in ((first, "a"), (second, "b"), (first, "c"))))
    assert handler(batch, None) == {"batchItemFailures": []}
    assert sorted(groups) == [["a", "c"], ["b"]]


def test_a_consumer_may_get_the_records_of_all_workspaces_together(world: World) -> None:
    """A bad one stands alone then too, and a letter that came home is resolved in its own workspace."""
    groups: list[list[str]] = []

    @consumer(Happened, uses=USES, batch=True, together=True)
    def handler(received: list[Received]) -> None:
        groups.append([one.envelope.data["thing_id"] for one in received])
        if "b" in groups[-1]:
            raise ValueError("poisoned")

    places = [(world.workspace_id, "a"), (world.workspace(), "b"), (world.workspace(), "c")]
    batch = queue_batch(*(envelope(ws, Happened(thing_id=thing)) for ws, thing in places))
    letter = _letter(world, "retrying", places[2][0])
    batch["Records"][2]["messageAttributes"] = {"dead_letter": {"stringValue": letter, "dataType": "String"}}
    assert handler(batch, None) == {"batchItemFailures": [{"itemIdentifier": batch["Records"][1]["messageId"]}]}
    assert groups == [["a", "b", "c"], ["a"], ["b"], ["c"]]
    row = world.admin.execute("SELECT status FROM tenancy.dead_letters WHERE id = %s", (letter,)).fetchone()
    assert row == ("resolved",)


def test_a_poisoned_record_in_a_batch_stands_alone(world: World) -> None:
    handler, groups = batches(world, bad="b")
    batch = queue_batch(*(envelope(world.workspace_id, Happened(thing_id=thing)) for thing in "abc"))
    assert handler(batch, None) == {"batchItemFailures": [{"itemIdentifier": batch["Records"][1]["messageId"]}]}
    assert groups == [["a", "b", "c"], ["a"], ["b"], ["c"]]


def test_an_erased_workspaces_record_is_counted_not_looped(world: World) -> None:
    cloud.dead_letters()

    @consumer(Happened, uses=(*USES, Keys()))
    def handler(uow: UnitOfWork, event: Happened) -> None:
        uow.audit("test.done", "thing", event.thing_id)

    batch = queue_batch(envelope(new_id("ws"), Happened(thing_id="a")))
    results = [handler(batch, None)["batchItemFailures"] for _ in range(5)]
    assert [len(one) for one in results] == [1, 1, 1, 1, 0]
    assert reasons() == ["KeyErased: This workspace has been erased."]


def test_the_handler_may_take_the_envelope(world: World) -> None:
    taken: list[Envelope] = []

    @consumer(Happened, uses=USES)
    def handler(uow: UnitOfWork, event: Happened, envelope: Envelope) -> None:
        taken.append(envelope)

    sent = envelope(world.workspace_id, Happened(thing_id="a"))
    assert handler(queue_batch(sent), None) == {"batchItemFailures": []}
    assert taken == [sent]


def sent_home(subject: Subject, thing: str, letter: str) -> dict[str, Any]:
    batch = subject.batch(thing)
    batch["Records"][0]["messageAttributes"] = {"dead_letter": {"stringValue": letter, "dataType": "String"}}
    return batch


def test_a_letter_that_came_home_keeps_its_name_when_it_dies_again(subject: Subject) -> None:
    subject.fails["a"] = Permanent("as before")
    assert subject.give(sent_home(subject, "a", "dl_1")) == []
    (letter,) = cloud.dead_letters()
    assert letter["MessageAttributes"]["dead_letter"]["StringValue"] == "dl_1"


@pytest.mark.parametrize("status", ["pending", "retrying", "kept"])
def test_a_letter_that_is_processed_is_resolved(subject: Subject, status: str) -> None:
    ids = [_letter(subject.world, status) for _ in range(2)]
    assert subject.give(sent_home(subject, "a", ids[0])) == []
    query = "SELECT status FROM tenancy.dead_letters WHERE id = %s"
    assert [subject.world.admin.execute(query, (one,)).fetchone() for one in ids] == [("resolved",), (status,)]


def test_a_letter_of_another_workspace_is_not_resolved(subject: Subject) -> None:
    letter = _letter(subject.world, "kept", subject.world.workspace())
    assert subject.give(sent_home(subject, "a", letter)) == []
    row = subject.world.admin.execute("SELECT status FROM tenancy.dead_letters WHERE id = %s", (letter,)).fetchone()
    assert row == ("kept",)


def _letter(world: World, status: str, workspace_id: str | None = None) -> str:
    letter = new_id("dl")
    world.admin.execute(
        "INSERT INTO tenancy.dead_letters (id, workspace_id, queue, error, message, tries, status, first_failed_at,"
        " last_failed_at, updated_at, message_ids, body_key)"
        " VALUES (%s, %s, 'q', 'e', 'm', 1, %s, now(), now(), now(), '{}', 'k')",
        (letter, workspace_id or world.workspace_id, status),
    )
    return letter
