"""POST /v1/sync/replays"""

from collections import Counter

import pytest

from oppulence.sync.stripe_events import read
from tests.support import stripe
from tests.support.api import Api
from tests.support.world import World
from tests.sync.replaying import PATH, started

BEGINNING = stripe.corpus()[:50]


@pytest.fixture(autouse=True)
def mirror(world: World) -> None:
    """A few stored events."""
    stripe.mirror(world, BEGINNING)
    world.emitted()


def test_it_begins_and_says_what_it_will_take(world: World, api: Api) -> None:
    answer = api.as_key(["sync:write"]).post(PATH, {"all": True})
    assert (answer.status, answer.body["status"], answer.body["events_done"]) == (202, "running", 0)
    events = [one for body in BEGINNING if (one := read(body)).has_object]
    assert answer.body["plan"]["by_type"] == Counter(one.type for one in events)
    assert answer.body["plan"]["events"] == len(events) and answer.body["plan"]["exports"] == []
    assert world.emitted() == ["sync.replay.scheduled.v1"]


def test_a_dry_run_begins_nothing(world: World, api: Api) -> None:
    kind = read(BEGINNING[0]).type
    answer = api.as_key().post(PATH, {"type": kind, "dry_run": True}).body
    created = sorted(one.created_at for body in BEGINNING if (one := read(body)).type == kind)
    assert (answer["id"], answer["status"], list(answer["plan"]["by_type"])) == (None, "planned", [kind])
    shown = [answer["plan"][name].replace("Z", "+00:00") for name in ("first_created_at", "last_created_at")]
    assert shown == [created[0].isoformat(), created[-1].isoformat()]
    assert world.emitted() == [] and world.count("sync.replays") == 0


def test_it_says_which_exports_may_hold_more(world: World, api: Api) -> None:
    for month in ("2025-11-01", "2026-02-01"):
        world.admin.execute(
            "INSERT INTO sync.raw_exports (workspace_id, s3_key, month, events, sha256, first_received_at, last_received_at,"
            " exported_at)"
            " VALUES (%(w)s, %(m)s::text, %(m)s::date, 7, '', %(m)s::date, %(m)s::date + 20, now())",
            {"w": world.workspace_id, "m": month},
        )

    def needed(**chosen: str) -> list[str]:
        plan = api.as_key().post(PATH, {"dry_run": True, **chosen}).body["plan"]
        return [one["month"] for one in plan["exports"]]

    assert needed(type="invoice.paid") == ["2025-11", "2026-02"]
    assert needed(created_since="2025-12-01T00:00:00Z") == ["2026-02"]
    assert needed(created_since="2026-02-14T00:00:00Z") == ["2026-02"]
    assert needed(created_until="2026-02-01T00:00:00Z") == ["2025-11"]
    assert needed(received_since="2026-03-01T00:00:00Z") == []


def test_one_runs_at_a_time(api: Api) -> None:
    started(api, all=True)
    refused = api.as_key().post(PATH, {"type": "invoice.paid"})
    assert (refused.status, refused.error.code) == (409, "replay_running")


def test_everything_must_be_said(api: Api) -> None:
    assert api.as_key().post(PATH, {}).error.code == "nothing_selected"


def test_it_is_audited(api: Api) -> None:
    replay_id = started(api, event_ids=["evt_1"])
    (entry,) = api.as_key().get("/v1/audit_events", action="replay.requested").body["data"]
    assert entry["resource"]["id"] == replay_id and entry["metadata"] == {"selection": {"event_ids": ["evt_1"]}, "events": 0}


def test_the_scope_is_needed(api: Api) -> None:
    assert api.as_key(["sync:read"]).post(PATH, {"all": True}).status == 403


def test_another_workspaces_events_are_not_taken(world: World, api: Api) -> None:
    other = api.as_key(workspace_id=world.workspace()).post(PATH, {"all": True})
    assert (other.status, other.body["plan"]["events"]) == (202, 0)
