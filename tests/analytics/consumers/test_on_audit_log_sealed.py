"""Sealed entries of the audit log are analytical events, without what is personal."""

import json

from tests.analytics.support import rows, tell, told
from tests.support import entries
from tests.support.api import Api
from tests.support.world import World


def test_entries_come_by_the_sealing(store: World, api: Api) -> None:
    for enabled in (True, False):
        api.as_key().put("/v1/feature_flags/beta", {"enabled": enabled})
    entries.entry("tenancy.schedules.seal_audit")({}, None)
    facts = told(store)
    for _ in range(2):
        assert tell(store, facts) == []
    found = rows(store, "events", "event_source, event_type, entity_type, entity_id, data")
    assert {row[:4] for row in found} == {("oppulence", "audit.feature_flag.changed", "feature_flag", "beta")}, found
    shown = sorted((json.loads(row[4]) for row in found), key=lambda one: int(one["seq"]))
    assert [(one["seq"], one["actor_type"]) for one in shown] == [(1, "api_key"), (2, "api_key")]
    assert "203.0.113.7" not in str(found)


def test_a_long_range_is_read_in_parts(store: World, api: Api) -> None:
    api.as_key().put("/v1/feature_flags/beta", {"enabled": True})
    entries.entry("tenancy.schedules.seal_audit")({}, None)
    (sealed,) = told(store)
    longer = sealed.model_copy(update={"data": {"first_seq": 1, "last_seq": 2_500}})
    assert tell(store, [longer]) == []
    assert len(rows(store, "events")) == 1
