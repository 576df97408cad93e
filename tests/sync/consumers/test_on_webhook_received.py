"""The mirror ends at the provider's true state, whatever the order, grouping and repetition of webhooks."""

import json
import random
from collections import Counter
from typing import Any

import pytest

from oppulence.sync.stripe_events import StripeEvent, read
from tests.support import cloud, stripe
from tests.support.world import World

CONSUMER = "sync.consumers.on_webhook_received"


def deliver(world: World, bodies: list[bytes], batch: int = 100) -> None:
    for start in range(0, len(bodies), batch):
        webhooks = [stripe.webhook(world.workspace_id, body) for body in bodies[start : start + batch]]
        assert world.deliver(CONSUMER, *webhooks) == []


def mirrored(world: World) -> dict[tuple[str, str, str], dict[str, Any]]:
    rows = world.admin.execute(
        "SELECT account, type, id, data, deleted FROM sync.objects WHERE workspace_id = %s AND version > 0", (world.workspace_id,)
    )
    gone = {"deleted": True}
    return {
        (account, kind, id): data if not deleted else gone | {"id": id, "object": kind}
        for account, kind, id, data, deleted in rows
    }


def test_new_events_and_their_age_are_measured(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    bodies = list(stripe.corpus()[:3])
    deliver(world, bodies)
    (line,) = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "sync_freshness_seconds" in line]
    assert line["sync_events_total"] == 3 and line["sync_freshness_seconds"] >= 0
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert directive["Dimensions"] == [["service"]]


def test_facts_are_told_once_whatever_is_repeated_or_reordered(world: World) -> None:
    bodies = [body for body in stripe.corpus() if read(body).object_type in ("invoice", "payment_intent", "payout", "refund")]
    random.Random(3).shuffle(bodies)
    deliver(world, bodies)
    told = Counter(world.emitted())
    deliver(world, bodies)
    again = [kind for kind in world.emitted() if kind != "sync.event.stored.v1"]
    events = [read(body) for body in bodies]
    assert told["sync.invoice.paid.v1"] == len({e.object_id for e in events if e.type == "invoice.paid"})
    assert told["sync.invoice.payment_failed.v1"] == sum(e.type == "invoice.payment_failed" for e in events)
    assert told["sync.payment.failed.v1"] == sum(e.type == "payment_intent.payment_failed" for e in events)
    assert told["sync.payout.created.v1"] == sum(e.type == "payout.created" for e in events)
    assert again == []


def test_a_repeated_webhook_only_counts_its_delivery(world: World) -> None:
    body = stripe.corpus()[0]
    deliver(world, [body, body])
    deliver(world, [body])
    row = world.admin.execute(
        "SELECT deliveries, body, version FROM sync.raw_events JOIN sync.objects USING (workspace_id, account)"
        " WHERE workspace_id = %s",
        (world.workspace_id,),
    ).fetchone()
    assert row == (3, body, 1)


def test_a_removed_object_is_never_revived(world: World) -> None:
    removal = next(body for body in stripe.corpus() if read(body).type == "product.deleted")
    updates = [body for body in stripe.corpus() if read(body).key == read(removal).key and body != removal]
    deliver(world, [removal])
    deliver(world, [_later(updates[-1])])
    row = world.admin.execute(
        "SELECT deleted, version FROM sync.objects WHERE workspace_id = %s", (world.workspace_id,)
    ).fetchone()
    assert row == (True, 1)


def _later(body: bytes) -> bytes:
    document = json.loads(body)
    return json.dumps(document | {"id": "evt_later", "created": document["created"] + 10_000_000}).encode()


def test_an_upcoming_invoice_never_becomes_an_invoice(world: World) -> None:
    upcoming = next(body for body in stripe.corpus() if read(body).type == "invoice.upcoming")
    deliver(world, [upcoming])
    assert (world.count("sync.raw_events"), world.count("sync.objects")) == (1, 0)


def test_an_event_of_the_other_mode_is_kept_and_not_applied(world: World) -> None:
    live = json.dumps(json.loads(stripe.corpus()[0]) | {"livemode": True}).encode()
    deliver(world, [live])
    row = world.admin.execute(
        "SELECT status, error FROM sync.raw_events WHERE workspace_id = %s", (world.workspace_id,)
    ).fetchone()
    assert row == ("not_applied", "a live event in a test workspace")
    assert world.count("sync.objects") == 0


def test_text_that_postgresql_refuses_is_kept_exactly_and_mirrored_all_the_same(world: World) -> None:
    document = json.loads(stripe.corpus()[0])
    document["data"]["object"]["name"] = "nul \x00 and half a pair \ud83d"
    body = json.dumps(document).encode()
    deliver(world, [body])
    row = world.admin.execute("SELECT body FROM sync.raw_events WHERE workspace_id = %s", (world.workspace_id,)).fetchone()
    assert row == (body,)
    (shown,) = mirrored(world).values()
    assert shown["name"].startswith("nul \ufffd and half a pair")


def test_what_is_no_stripe_event_goes_to_the_dead_letters_and_its_neighbours_do_not(world: World) -> None:
    cloud.dead_letters()
    good = stripe.corpus()[1]
    bad = b'{"id": "evt_1", "type": "x"}'
    assert world.deliver(CONSUMER, stripe.webhook(world.workspace_id, bad), stripe.webhook(world.workspace_id, good)) == []
    (dead,) = cloud.dead_letters()
    assert "not a Stripe event" in dead["MessageAttributes"]["reason"]["StringValue"]
    assert world.count("sync.raw_events") == 1


def test_two_workspaces_keep_their_own_copy(world: World) -> None:
    other = world.workspace()
    deliver(world, [stripe.corpus()[0]])
    world.deliver(CONSUMER, stripe.webhook(other, stripe.corpus()[0]), workspace_id=other)
    assert (world.count("sync.objects"), world.count("sync.objects", other)) == (1, 1)


def test_the_event_reader_knows_removals_from_changes_of_status() -> None:
    gone = {read(body).type for body in stripe.corpus() if read(body).removes}
    assert "customer.deleted" in gone and "customer.subscription.deleted" not in gone
    assert isinstance(read(stripe.corpus()[0]), StripeEvent)
