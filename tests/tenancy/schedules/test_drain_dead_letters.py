"""Dead letters leave SQS for rows and S3: nothing is lost, nothing doubled, whatever dies in between."""

import os
from collections.abc import Iterator
from typing import Any

import pytest

from oppulence.kernel import aws, dead_letters
from oppulence.kernel.ids import new_id
from oppulence.kernel.uow import Scope
from oppulence.tenancy import dead_letter_care, letter_bodies
from oppulence.tenancy.api import dead_letters as counts_of
from oppulence.tenancy.store import dead_letters as store
from tests.kernel.support import away
from tests.support import letters, stripe
from tests.support.api import Api
from tests.support.entries import envelope
from tests.support.world import World


@pytest.fixture(autouse=True)
def queues(world: World) -> Iterator[None]:
    with letters.queues():
        yield


def rows(world: World, workspace_id: str | None = None) -> list[tuple[Any, ...]]:
    query = "SELECT event_id, status, tries FROM tenancy.dead_letters WHERE workspace_id = %s ORDER BY first_failed_at"
    return world.admin.execute(query, (workspace_id or world.workspace_id,)).fetchall()


def stored(world: World, workspace_id: str | None = None) -> list[bytes]:
    prefix = f"dead_letters/{workspace_id or world.workspace_id}/"
    s3, bucket = aws.client("s3"), os.environ["BUCKET"]
    found = s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])
    return [s3.get_object(Bucket=bucket, Key=one["Key"])["Body"].read() for one in found]


def webhook(world: World, at: int = 0) -> Any:
    return envelope(world.workspace_id, stripe.webhook(world.workspace_id, stripe.corpus()[at]))


def test_a_letter_becomes_a_row_with_its_reason_and_leaves_the_queue(world: World, api: Api) -> None:
    event = webhook(world)
    letters.die(event, reason="Permanent: no Stripe event of jane@example.com")
    letters.drain()
    (letter,) = api.as_key().get("/v1/dead_letters").body["data"]
    assert (letter["event_id"], letter["event_type"], letter["status"]) == (event.id, event.type, "pending")
    assert (letter["queue"], letter["consumer"], letter["tries"]) == (letters.QUEUE, letters.CONSUMER, 5)
    assert (letter["error"], letter["message"]) == ("Permanent", "no Stripe event of [redacted]")
    assert letters.waiting() == 0


def test_its_body_is_sealed_in_s3(world: World) -> None:
    event = webhook(world)
    letters.die(event)
    letters.drain()
    (body,) = stored(world)
    assert event.id.encode() not in body and body.startswith(b"\x01")


def test_more_than_one_batch_is_taken(world: World) -> None:
    for n in range(12):
        letters.die(webhook(world, n))
    letters.drain()
    assert len(rows(world)) == 12 and letters.waiting() == 0


@pytest.mark.parametrize("body", ["no json", '{"detail": 3}', '{"detail": {"workspace_id": "ws_1", "id": "ev_1"}}', "[]"])
def test_what_cannot_be_read_is_kept_for_the_operator_only(world: World, api: Api, body: str) -> None:
    before = len(rows(world, "none"))
    letters.die(body, reason="unreadable: what a mess", tries=1)
    letters.drain()
    assert len(rows(world, "none")) == before + 1 and letters.waiting() == 0
    assert body.encode() in stored(world, "none"), "no workspace's key seals it"
    assert api.as_key().get("/v1/dead_letters").body["data"] == []


def test_a_workspace_that_never_was_is_none(world: World) -> None:
    before, claimed = len(rows(world, "none")), new_id("ws")
    letters.die(f'{{"detail": {{"id": "{new_id("ev")}", "workspace_id": "{claimed}"}}}}')
    letters.drain()
    assert len(rows(world, "none")) == before + 1 and rows(world, claimed) == []


def test_what_eventbridge_could_not_deliver_says_why_and_can_go_home(world: World, api: Api) -> None:
    letters.undelivered(letters.QUEUE, f'{{"detail": {webhook(world).model_dump_json()}}}')
    letters.drain()
    (letter,) = api.as_key().get("/v1/dead_letters").body["data"]
    assert (letter["error"], letter["message"], letter["consumer"]) == ("NO_PERMISSIONS", "no way in", letters.CONSUMER)
    assert letter["status"] == "pending"


def test_a_clocks_tick_has_no_queue_to_go_back_to(world: World) -> None:
    letters.undelivered(letters.TICKS, '{"source": "aws.events", "detail": {}}')
    letters.drain()
    query = "SELECT consumer, status FROM tenancy.dead_letters WHERE queue = %s"
    assert world.admin.execute(query, (letters.TICKS,)).fetchall() == [(None, "kept")]


@pytest.mark.parametrize("step", ["body", "row", "delete"])
def test_a_crash_between_the_steps_loses_and_doubles_nothing(world: World, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    monkeypatch.setattr(dead_letters, "HOLD_S", 0)
    where: dict[str, tuple[Any, str]] = {
        "body": (letter_bodies, "write"), "row": (store, "record"), "delete": (dead_letters, "delete"),
    }  # fmt: skip
    letters.die(webhook(world), tries=5)
    with monkeypatch.context() as dying:

        def die(*_: Any) -> None:
            raise SystemExit("killed")

        dying.setattr(*where[step], die)
        with pytest.raises(SystemExit):
            letters.drain()
    assert letters.waiting() == 1
    letters.drain()
    ((_, status, tries),) = rows(world)
    assert (status, tries, len(stored(world)), letters.waiting()) == ("pending", 5, 1, 0)


def test_a_letter_that_comes_a_second_time_from_sqs_counts_once_though_it_was_sent_home_meanwhile(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dead_letters, "HOLD_S", 0)
    letters.die(webhook(world))
    dead_letter_care._keep(Scope("tenancy", None), dead_letters.take(letters.QUEUE, dead_letters.queues()[letters.QUEUE]))
    world.admin.execute("UPDATE tenancy.dead_letters SET last_failed_at = 'epoch' WHERE workspace_id = %s", (world.workspace_id,))
    letters.retry()
    letters.drain()
    ((_, status, tries),) = rows(world)
    assert (status, tries) == ("retrying", 5)


def test_a_queue_that_fails_does_not_stop_the_others(world: World) -> None:
    letters.die(webhook(world))
    with away("s3", "PutObject"):
        letters.drain()
    assert letters.waiting() == 1 and rows(world) == []


def test_what_closed_long_ago_is_forgotten_with_its_body(world: World, api: Api) -> None:
    for n in range(2):
        letters.die(webhook(world, n))
    letters.drain()
    done, other = (one["id"] for one in api.as_key().get("/v1/dead_letters").body["data"])
    api.as_key().post(f"/v1/dead_letters/{done}/discard", {"reason": "old"})
    letters.drain()
    assert len(rows(world)) == 2
    world.admin.execute(
        "UPDATE tenancy.dead_letters SET updated_at = now() - interval '36 days' WHERE id = ANY (%s)", ([done, other],)
    )
    letters.drain()
    assert [row[1] for row in rows(world)] == ["pending"] and len(stored(world)) == 1


def test_a_context_counts_its_own(world: World) -> None:
    letters.die(webhook(world))
    letters.drain()
    mine, others = (world.within(name, lambda uow, name=name: counts_of(uow.conn, name)) for name in ("sync", "ledger"))
    assert (mine.pending, mine.retrying, mine.kept, others.pending) == (1, 0, 0, 0)
    assert world.within("sync", lambda uow: counts_of(uow.conn, "sync"), world.workspace()).pending == 0
