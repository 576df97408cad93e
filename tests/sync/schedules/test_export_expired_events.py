"""Raw events past their retention: in the bucket before they are deleted, exactly, whatever happens in between."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from oppulence.kernel import aws, crypto, db
from oppulence.sync import bucket_gateway, retention, retention_store
from tests.support import cloud, stripe
from tests.support.entries import entry
from tests.support.world import World

SCHEDULE = "sync.schedules.export_expired_events"
NOW = datetime(2026, 3, 20, tzinfo=UTC)
BODIES = [*stripe.corpus()[:40], *stripe.corpus()[-20:]]


@pytest.fixture
def old(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """A workspace that keeps events for 60 days; those it has are of December and January, and came in at once."""
    monkeypatch.setattr("oppulence.kernel.clock.now", lambda: NOW)
    stripe.mirror(world, BODIES)
    world.admin.execute("UPDATE sync.raw_events SET received_at = created_at WHERE workspace_id = %s", (world.workspace_id,))
    keep(world, 60)
    return world


def keep(world: World, days: int | None) -> None:
    world.within("sync", lambda uow: retention_store.save_retention_days(uow.conn, world.workspace_id, days, NOW))


def run() -> None:
    entry(SCHEDULE)({}, None)


def exports(world: World) -> list[tuple[str, str]]:
    """Key and hash of what was exported."""
    query = "SELECT s3_key, sha256 FROM sync.raw_exports WHERE workspace_id = %s"
    return world.admin.execute(query, (world.workspace_id,)).fetchall()


def parts(world: World) -> list[dict[str, Any]]:
    """The exported events, read with the workspace's key."""
    ring = db.read("sync", lambda conn: crypto.keyring(conn, world.workspace_id))
    return [line for key, _ in exports(world) for line in retention.lines(ring, content(key))]


def content(key: str) -> bytes:
    found: bytes = aws.client("s3").get_object(Bucket=cloud.BUCKET, Key=key)["Body"].read()
    return found


def test_a_month_that_is_over_for_long_enough_leaves_and_can_be_read_exactly(old: World) -> None:
    run()
    assert old.count("sync.raw_events") == 20
    assert sorted(one["body"] for one in parts(old)) == sorted(BODIES[:40])
    ((key, sha256),) = exports(old)
    manifest = json.loads(content(key.replace(".ndjson.gz.sealed", ".manifest.json")))
    assert (manifest["events"], manifest["sha256"], sum(manifest["types"].values())) == (40, sha256, 40)
    assert BODIES[0][:30] not in content(key)
    run()
    assert len(parts(old)) == 40
    assert old.count("sync.objects") > 0


def test_a_month_leaves_in_parts_that_memory_holds(old: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention_store, "PART_EVENTS", 17)
    run()
    assert sorted(one["event_id"] for one in parts(old)) == sorted(json.loads(body)["id"] for body in BODIES[:40])
    assert len(exports(old)) == 3


def test_large_bodies_make_small_parts_and_each_has_at_least_one(old: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention_store, "PART_BYTES", 1)
    run()
    assert len(exports(old)) == 40


@pytest.mark.parametrize("days", [None, 400])
def test_what_is_to_be_kept_stays(old: World, days: int | None) -> None:
    keep(old, days)
    run()
    assert (old.count("sync.raw_events"), parts(old)) == (60, [])


def test_an_old_event_that_came_in_lately_stays(old: World) -> None:
    old.admin.execute("UPDATE sync.raw_events SET received_at = %s WHERE workspace_id = %s", (NOW, old.workspace_id))
    run()
    assert old.count("sync.raw_events") == 60


def test_a_crash_between_writing_and_deleting_loses_and_doubles_nothing(old: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(retention_store, "take_out", lambda *_: (_ for _ in ()).throw(RuntimeError("killed")))
        with pytest.raises(RuntimeError, match="killed"):
            run()
    assert (old.count("sync.raw_events"), parts(old)) == (60, [])
    late = json.dumps(json.loads(BODIES[0]) | {"id": "evt_late"}).encode()
    stripe.mirror(old, [late])
    old.admin.execute("UPDATE sync.raw_events SET received_at = created_at WHERE workspace_id = %s", (old.workspace_id,))
    run()
    assert sorted(one["body"] for one in parts(old)) == sorted([*BODIES[:40], late])


def test_nothing_is_deleted_when_the_bucket_gives_back_something_else(old: World, monkeypatch: pytest.MonkeyPatch) -> None:
    write = bucket_gateway.write
    monkeypatch.setattr(bucket_gateway, "write", lambda key, content: write(key, content[:-1]))
    run()
    assert (old.count("sync.raw_events"), parts(old)) == (60, [])


def test_a_bucket_that_is_away_leaves_all_where_it_is(old: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUCKET", "no-such-bucket")
    run()
    assert old.count("sync.raw_events") == 60


def test_another_workspace_keeps_its_own(old: World) -> None:
    other = old.workspace()
    old.deliver("sync.consumers.on_webhook_received", stripe.webhook(other, BODIES[0]), workspace_id=other)
    old.admin.execute("UPDATE sync.raw_events SET received_at = created_at WHERE workspace_id = %s", (other,))
    run()
    assert old.count("sync.raw_events", other) == 1
    assert old.count("sync.raw_exports", other) == 0
