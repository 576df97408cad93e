"""The audit log is chained each minute."""

from oppulence.tenancy import audit_log
from tests.support import entries
from tests.support.api import Api
from tests.support.world import World


def test_what_was_written_is_chained_once(api: Api, world: World) -> None:
    api.as_key().put("/v1/feature_flags/beta", {"enabled": True})
    for _ in range(2):
        entries.entry("tenancy.schedules.seal_audit")({}, None)
    assert (world.count("tenancy.audit_seals"), world.count("tenancy.audit_pending")) == (1, 0)
    sealed = [one.data for one in world.envelopes() if one.type == "tenancy.audit_log.sealed"]
    assert sealed == [{"first_seq": 1, "last_seq": 1}]
    assert world.within("tenancy", audit_log.verify).broken is None
