"""DELETE /v1/usage_exports/{export_id}"""

import pytest

from oppulence.kernel.errors import Unavailable
from oppulence.metering.exports import files_gateway
from tests.metering.exporting import CONSUMER, PATH, ask, keys, run, show
from tests.metering.usage import sent, take
from tests.support.api import Api
from tests.support.world import World


def test_its_files_go_with_it(store: World, api: Api) -> None:
    take(store, sent("a"))
    kept, asked = ask(api), ask(api)
    run(store)
    assert len(keys(store.workspace_id)) == 4
    assert api.as_key(["usage:write"]).delete(f"{PATH}/{asked['id']}").status == 204
    assert [key.split("/")[2] for key in keys(store.workspace_id)] == [kept["id"]] * 2
    assert api.as_key().get(f"{PATH}/{asked['id']}").status == 404
    assert api.as_key().delete(f"{PATH}/{asked['id']}").error.code == "usage_export_not_found"
    row = store.admin.execute(
        "SELECT count(*) FROM tenancy.audit_log WHERE resource_id = %s AND action = 'usage_export.deleted'", (asked["id"],)
    ).fetchone()
    assert row == (1,)


def test_one_that_is_written_leaves_nothing(store: World, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    take(store, sent("a"))
    asked = ask(api)
    (first,) = store.envelopes()
    write = files_gateway.write

    def deleted_meanwhile(*args: str) -> tuple[int, str]:
        monkeypatch.setattr(files_gateway, "write", write)
        assert api.as_key().delete(f"{PATH}/{asked['id']}").status == 204
        return write(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(files_gateway, "write", deleted_meanwhile)
    assert store.deliver(CONSUMER, first) == []
    assert keys(store.workspace_id) == [] and store.envelopes() == []
    assert store.count("metering.exports") == store.count("metering.export_files") == 0


def test_a_bucket_that_is_away_leaves_it_to_be_deleted_again(store: World, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    take(store, sent("a"))
    asked = ask(api)
    run(store)
    with monkeypatch.context() as patch:
        patch.setattr(files_gateway, "delete", lambda _: (_ for _ in ()).throw(Unavailable("away")))
        assert api.as_key().delete(f"{PATH}/{asked['id']}", Idempotency_Key="d").status == 503
    assert show(api, asked["id"])["id"] == asked["id"]
    assert [api.as_key().delete(f"{PATH}/{asked['id']}", Idempotency_Key="d").status for _ in range(2)] == [204, 204]
    assert keys(store.workspace_id) == []


def test_a_schedule_ends_and_what_it_made_stays(store: World, api: Api) -> None:
    schedule = ask(api, schedule="hour")
    store.admin.execute("UPDATE metering.exports SET next_at = next_at - interval '2 hours' WHERE id = %s", (schedule["id"],))
    from tests.support.entries import entry

    entry("metering.schedules.start_usage_exports")({}, None)
    run(store)
    assert api.as_key().delete(f"{PATH}/{schedule['id']}").status == 204
    rows = api.as_key().get(PATH).body["data"]
    assert [(one["schedule_id"], one["status"]) for one in rows] == [(schedule["id"], "completed")]
    entry("metering.schedules.start_usage_exports")({}, None)
    assert len(api.as_key().get(PATH).body["data"]) == 1


def test_a_key_without_the_scope_gets_403_and_another_workspace_404(api: Api, world: World) -> None:
    export_id = ask(api)["id"]
    assert api.as_key(["usage:read"]).delete(f"{PATH}/{export_id}").status == 403
    assert api.as_key(workspace_id=world.workspace()).delete(f"{PATH}/{export_id}").status == 404
    assert show(api, export_id)["status"] == "running"
