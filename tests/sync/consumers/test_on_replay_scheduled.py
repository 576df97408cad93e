"""Replaying stored webhooks mends the mirror, survives crashes, and tells nothing twice."""

from typing import Any

import pytest

from oppulence.sync import settling
from oppulence.sync.events.replays import ReplayScheduled
from oppulence.sync.replays import requests, store
from oppulence.sync.stripe_events import read
from tests.support import stripe
from tests.support.api import Api
from tests.support.world import World
from tests.sync.replaying import CONSUMER, PATH, mirrored, run, started


@pytest.fixture(autouse=True)
def mirror(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mirror of the corpus' beginning, and steps of a hundred events."""
    monkeypatch.setattr(requests, "BATCH", 100)
    stripe.mirror(world, stripe.corpus()[:450])
    world.emitted()


def damage(world: World) -> None:
    query = "UPDATE sync.objects SET data = '{}', event_created_at = 'epoch', arrival = 0 WHERE workspace_id = %s AND NOT deleted"
    world.admin.execute(query.encode(), (world.workspace_id,))


def test_over_an_intact_mirror_it_changes_and_tells_nothing(world: World, api: Api) -> None:
    before = mirrored(world)
    done, told = run(world, api, all=True)
    assert (done["status"], done["events_done"], done["objects_changed"]) == ("completed", done["plan"]["events"], 0)
    assert mirrored(world) == before and told == []


def test_a_lost_part_of_the_mirror_is_mended_and_no_fact_is_told_again(world: World, api: Api) -> None:
    before = mirrored(world)
    damage(world)
    done, told = run(world, api, all=True)
    assert mirrored(world) == before and done["objects_changed"] > 0 and told == []


def test_a_selection_holds_only_what_it_names(world: World, api: Api) -> None:
    events = [read(body) for body in stripe.corpus()[:450] if read(body).has_object]
    one = events[0]
    of_type, of_object = ([e for e in events if e.type == one.type], [e for e in events if e.key == one.key])
    assert run(world, api, type=one.type)[0]["events_done"] == len(of_type)
    assert run(world, api, object_type=one.object_type, object_id=one.object_id)[0]["events_done"] == len(of_object)
    assert run(world, api, event_ids=[one.id, events[7].id, "evt_none"])[0]["events_done"] == 2
    later = [e for e in events if e.created_at >= events[200].created_at]
    assert run(world, api, created_since=events[200].created_at.isoformat())[0]["events_done"] == len(later)
    assert run(world, api, received_until="2020-01-01T00:00:00Z")[0]["events_done"] == 0


def test_what_comes_in_later_is_no_part_of_it(world: World, api: Api) -> None:
    replay_id = started(api, all=True)
    (first,) = world.envelopes()
    stripe.mirror(world, stripe.corpus()[450:460])
    steps = [first]
    while steps:
        world.deliver(CONSUMER, *steps)
        steps = [one for one in world.envelopes() if one.type == "sync.replay.scheduled"]
    done = api.as_key().get(f"{PATH}/{replay_id}").body
    assert done["status"] == "completed" and done["events_done"] == done["plan"]["events"]


def test_a_step_that_dies_leaves_nothing_and_comes_again(world: World, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    replay_id = started(api, all=True)
    (step,) = world.envelopes()
    damage(world)
    before = mirrored(world)

    def die(*_: Any) -> None:
        raise ValueError("killed")

    with monkeypatch.context() as dying:
        dying.setattr(store, "advance", die)
        assert len(world.deliver(CONSUMER, step)) == 1
    assert mirrored(world) == before and world.envelopes() == []
    assert world.deliver(CONSUMER, step) == []
    assert api.as_key().get(f"{PATH}/{replay_id}").body["events_done"] == 100


def test_a_step_of_the_past_does_nothing(world: World, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    replay_id = started(api, all=True)
    (step,) = world.envelopes()
    world.deliver(CONSUMER, step)
    world.emitted()
    with monkeypatch.context() as unable:
        unable.setattr(settling, "settle", None)
        assert world.deliver(CONSUMER, step, ReplayScheduled(replay_id=replay_id, step=0)) == []
        assert world.deliver(CONSUMER, ReplayScheduled(replay_id="rpl_gone", step=0)) == []
    assert api.as_key().get(f"{PATH}/{replay_id}").body["events_done"] == 100 and world.emitted() == []


def test_a_cancelled_one_goes_no_further(world: World, api: Api) -> None:
    replay_id = started(api, all=True)
    (step,) = world.envelopes()
    api.as_key().post(f"{PATH}/{replay_id}/cancel")
    assert world.deliver(CONSUMER, step) == [] and world.emitted() == []
    assert api.as_key().get(f"{PATH}/{replay_id}").body["events_done"] == 0
