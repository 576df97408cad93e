"""Replaying stored webhooks mends the mirror and doubles nothing."""

from oppulence.sync import replay
from oppulence.sync.replay import Selection
from oppulence.sync.stripe_events import read
from tests.support import stripe
from tests.support.world import World
from tests.sync.support import replay_all


def mirrored(world: World) -> list[tuple[object, ...]]:
    query = "SELECT account, type, id, data FROM sync.objects WHERE workspace_id = %s ORDER BY account, type, id"
    return world.admin.execute(query, (world.workspace_id,)).fetchall()


def test_a_replay_over_an_intact_mirror_changes_nothing(world: World) -> None:
    stripe.mirror(world, stripe.corpus()[:450])
    world.emitted()
    assert replay_all(world) == (450, 0)
    assert world.emitted() == []


def test_a_lost_part_of_the_mirror_is_mended_and_no_fact_is_told_again(world: World) -> None:
    stripe.mirror(world, stripe.corpus()[:450])
    world.emitted()
    before = mirrored(world)
    damage = "UPDATE sync.objects SET data = '{}', event_created_at = 'epoch' WHERE workspace_id = %s AND NOT deleted"
    world.admin.execute(damage.encode(), (world.workspace_id,))
    events, changed = replay_all(world)
    after = mirrored(world)
    assert (events, after) == (450, before) and changed > 0
    assert world.emitted() == []


def test_a_selection_by_type_and_id_holds_only_those(world: World) -> None:
    stripe.mirror(world, stripe.corpus()[:450])
    kind = read(stripe.corpus()[0]).type
    of_kind = [event.id for body in stripe.corpus()[:450] if (event := read(body)).type == kind]
    assert world.within("sync", lambda uow: replay.count(uow, Selection(type=kind))) == len(of_kind)
    assert replay_all(world, Selection(event_ids=of_kind[:2])) == (2, 0)
