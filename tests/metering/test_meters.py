"""What the pipeline is given: versions by event type, as old as it allows."""

from datetime import UTC, datetime, timedelta

from oppulence.metering.evaluation import Value, evaluate
from oppulence.metering.usage_event import UsageEvent
from tests.metering.support import CALLS, TOKENS, make, use, versions_for
from tests.support.api import Api
from tests.support.world import World

LATER = datetime(2099, 1, 1, tzinfo=UTC)


def test_versions_are_those_of_the_types_of_all_times(api: Api, world: World) -> None:
    make(api), make(api, **TOKENS), make(api, slug="other", event_type="other")
    api.as_key().patch("/v1/meters/calls", {"group_by": {"a": "$.a"}, "effective_from": LATER.isoformat()})
    found = versions_for(world, "api.call", "llm.request", "none")
    assert [(one.slug, one.version) for one in found] == [("calls", 1), ("calls", 2), ("tokens", 1)]
    assert (found[0].effective_until, found[1].effective_from, found[1].effective_until) == (LATER, LATER, None)
    assert versions_for(world, "api.call", workspace_id=world.workspace()) == []


def test_an_event_is_counted_by_one_version_also_after_storage(api: Api, world: World) -> None:
    make(api, **TOKENS, effective_from=None)
    api.as_key().patch("/v1/meters/tokens", {"value_property": "$.n", "effective_from": LATER.isoformat()})
    data = '{"usage": {"total tokens": 12345678901234567890.5}, "n": 2, "status": 200, "model": "x"}'
    for time, number in ((LATER - timedelta(microseconds=1), "12345678901234567890.5"), (LATER, "2")):
        event = UsageEvent("s", "1", "llm.request", "acme", time, data, time, 0)
        found = [value for one in versions_for(world, "llm.request") if (value := evaluate(one, event)) is not None]
        assert [(f"{one.number}", one.groups) for one in found if isinstance(one, Value)] == [(number, {"model": "x"})]


def test_an_archived_meter_counts_what_happened_before(api: Api, world: World) -> None:
    use(world, make(api, effective_from=None)["id"])
    api.as_key().delete("/v1/meters/calls")
    (found,) = versions_for(world, "api.call")
    assert found.effective_until is not None and found.covers(found.effective_until - timedelta(microseconds=1))
    assert not found.covers(found.effective_until)


def test_versions_are_kept_for_a_while_but_not_beyond_a_change_of_our_own(api: Api, world: World) -> None:
    assert versions_for(world, "api.call") == []
    make(api)
    assert len(versions_for(world, "api.call", max_age_s=60)) == 1
    world.admin.execute("DELETE FROM metering.meters WHERE workspace_id = %s", (world.workspace_id,))  # as another process would
    assert len(versions_for(world, "api.call", max_age_s=60)) == 1
    assert versions_for(world, "api.call", max_age_s=0) == []
    assert api.as_key().post("/v1/meters", CALLS).status == 201
    assert len(versions_for(world, "api.call", max_age_s=60)) == 1
