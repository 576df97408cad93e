"""Stopping a backfill."""

from tests.sync.backfilling import Backfilling


def path(backfill_id: str) -> str:
    return f"/v1/sync/backfills/{backfill_id}/cancel"


def test_nothing_of_it_goes_on(backfilling: Backfilling) -> None:
    backfill_id = backfilling.ask("customer", "tax_id")
    backfilling.start()
    answer = backfilling.api.as_key(["sync:write"]).post(path(backfill_id))
    assert answer.status == 200 and answer.body["status"] == "cancelled" and answer.body["ended_at"]
    assert {one["state"] for one in answer.body["types"]} == {"cancelled"}
    assert backfilling.step(backfill_id, "customer")["next_step"] == "cancelled"
    backfilling.start()
    assert len(backfilling.executions()) == 1
    assert [one.data["status"] for one in backfilling.told if one.type == "sync.backfill.ended"] == ["cancelled"]


def test_twice_is_the_same_as_once(backfilling: Backfilling) -> None:
    backfill_id = backfilling.ask("customer")
    first, second = (backfilling.api.as_key().post(path(backfill_id)) for _ in range(2))
    assert first.body == second.body
    row = backfilling.world.admin.execute(
        "SELECT count(*) FROM tenancy.audit_log WHERE resource_id = %s AND action = 'sync.backfill.cancelled'", (backfill_id,)
    ).fetchone()
    assert row == (1,)


def test_one_that_is_over_stays_as_it_is(backfilling: Backfilling) -> None:
    backfill_id = backfilling.ask("customer")
    assert backfilling.run(backfill_id)["status"] == "completed"
    answer = backfilling.api.as_key().post(path(backfill_id))
    assert answer.status == 409 and answer.error.code == "backfill_over"


def test_another_workspaces_backfill_goes_on(backfilling: Backfilling) -> None:
    backfill_id = backfilling.ask("customer")
    other = backfilling.api.as_key(workspace_id=backfilling.world.workspace())
    assert other.post(path(backfill_id)).status == 404
    assert backfilling.view(backfill_id)["status"] == "running"


def test_it_needs_its_scope(backfilling: Backfilling) -> None:
    backfill_id = backfilling.ask("customer")
    assert backfilling.api.as_key(["sync:read"]).post(path(backfill_id)).status == 403
