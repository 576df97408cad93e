"""The audit log is chained each minute."""

from oppulence.kernel.uow import Scope
from oppulence.tenancy import audit_log, chain_head_gateway
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


def test_a_chain_whose_end_was_cut_off_no_longer_holds_the_head_that_is_kept_outside(api: Api, world: World) -> None:
    for enabled in (True, False):
        api.as_key().put("/v1/feature_flags/beta", {"enabled": enabled})
        entries.entry("tenancy.schedules.seal_audit")({}, None)
    head = chain_head_gateway.read(world.workspace_id)
    assert head and head.seq == 2
    spanning = Scope("tenancy", None)
    assert audit_log.verify_one(spanning, world.workspace_id).broken is None
    for table in ("audit_seals", "audit_log"):
        world.admin.execute(f"ALTER TABLE tenancy.{table} DISABLE TRIGGER ALL".encode())
    cut = "DELETE FROM tenancy.audit_seals WHERE workspace_id = %s AND seq = 2 RETURNING audit_id"
    (audit_id,) = world.admin.execute(cut, (world.workspace_id,)).fetchone() or ("",)
    world.admin.execute("DELETE FROM tenancy.audit_log WHERE id = %s", (audit_id,))
    for table in ("audit_seals", "audit_log"):
        world.admin.execute(f"ALTER TABLE tenancy.{table} ENABLE TRIGGER ALL".encode())
    assert world.within("tenancy", audit_log.verify).broken is None, "from within nothing is to be seen"
    broken = audit_log.verify_one(spanning, world.workspace_id).broken
    assert broken and broken.seq == 2 and "head" in broken.reason
