"""Erasing a workspace leaves nothing of its meters."""

import pytest
from botocore.exceptions import ClientError

from oppulence.kernel import aws
from oppulence.metering import usage_store
from oppulence.tenancy.events import WorkspaceErased
from tests.metering import exporting, usage
from tests.metering.importing import Importing
from tests.metering.support import CALLS, make, use, versions_for
from tests.support import cloud
from tests.support.api import Api
from tests.support.entries import entry
from tests.support.world import World


def test_usage_is_gone_wherever_it_was(api: Api, store: World) -> None:
    other = store.workspace()
    for workspace_id in (store.workspace_id, other):
        usage.make_in(api, workspace_id, effective_from=None)
        usage.take(store, usage.sent("a"), workspace_id=workspace_id)
        usage.land(store, usage.sent("b"), workspace_id=workspace_id)
    for _ in range(2):
        assert store.deliver("metering.consumers.on_workspace_erased", WorkspaceErased()) == []
    assert [usage.rows(store, table, "1") for table in usage_store.TABLES] == [[]] * len(usage_store.TABLES)
    assert store.count("metering.batches") == 0 and usage.archived(store) == []
    assert usage.take(store, usage.sent("c")) and usage.rows(store, "usage_landing", "id") == []
    usage.settle(store, other)
    assert len(usage.rows(store, "usage_values", "id", other)) == len(usage.archived(store, other)) == 2


def test_meters_are_gone_and_other_workspaces_keep_theirs(api: Api, world: World) -> None:
    use(world, make(api)["id"])
    other = world.workspace()
    assert api.as_key(workspace_id=other).post("/v1/meters", CALLS).status == 201
    assert len(versions_for(world, "api.call", max_age_s=60)) == 1
    for _ in range(2):
        assert world.deliver("metering.consumers.on_workspace_erased", WorkspaceErased()) == []
    assert [world.count(f"metering.{table}") for table in ("meters", "meter_versions")] == [0, 0]
    assert versions_for(world, "api.call", max_age_s=60) == []
    assert world.count("metering.meters", other) == world.count("metering.meter_versions", other) == 1


def test_alerts_closed_hours_and_exports_are_gone_with_their_files(api: Api, store: World) -> None:
    other = store.workspace()
    for workspace_id in (store.workspace_id, other):
        key = api.as_key(workspace_id=workspace_id)
        usage.make_in(api, workspace_id, effective_from=None)
        assert key.post("/v1/usage_alerts", {"meter": "calls", "period": "day", "subject": "Jo", "at": 1}).status == 201
        usage.take(store, usage.sent("a"), workspace_id=workspace_id)
        for body in ({"kind": "events"} | exporting.DAY, {"kind": "windows", "schedule": "day"}):
            assert key.post(exporting.PATH, body).status == 202
        store.admin.execute("INSERT INTO metering.closed_hours VALUES (%s, now())", (workspace_id,))
    for one in store.envelopes() + store.envelopes(workspace_id=other):
        if one.type == "metering.usage_export.requested":
            store.deliver(exporting.CONSUMER, one)
    entry("metering.schedules.look_at_usage_alerts")({}, None)
    for _ in range(2):
        assert store.deliver("metering.consumers.on_workspace_erased", WorkspaceErased()) == []
    tables = [f"metering.{name}" for name in ("alerts", "alert_hits", "closed_hours", "exports", "export_files")]
    assert [store.count(table) for table in tables] == [0] * 5 and exporting.keys(store.workspace_id) == []
    assert store.count("metering.alerts", other) == store.count("metering.closed_hours", other) == 1
    assert store.count("metering.exports", other) == 2


def test_imports_are_gone_with_their_files(importing: Importing) -> None:
    import_id = importing.started(b"bad\n")
    importing.run(import_id)
    waiting = importing.uploaded(b"\n")
    keys = [f"usage-imports/{importing.world.workspace_id}/{id_}/file" for id_ in (import_id, waiting)]
    for _ in range(2):
        assert importing.world.deliver("metering.consumers.on_workspace_erased", WorkspaceErased()) == []
    assert importing.world.count("metering.imports") == 0
    for key in [*keys, keys[0].replace("/file", "/errors.ndjson")]:
        with pytest.raises(ClientError, match="404"):
            aws.client("s3").head_object(Bucket=cloud.BUCKET, Key=key)


def test_files_of_answers_are_gone(api: Api, store: World) -> None:
    other = store.workspace()
    for workspace_id in (store.workspace_id, other):
        usage.make_in(api, workspace_id, effective_from=None)
        usage.take(store, usage.sent("a", subject="Jo"), workspace_id=workspace_id)
        asked = exporting.DAY | {"group_by": ["subject"], "link": True}
        assert api.as_key(workspace_id=workspace_id).post("/v1/meters/calls/query", asked).status == 200
    assert store.deliver("metering.consumers.on_workspace_erased", WorkspaceErased()) == []
    assert exporting.folders(store.workspace_id) == [] and exporting.folders(other) == ["usage-answers/", "usage/"]


def test_it_comes_again_while_the_bucket_keeps_something(store: World, monkeypatch: pytest.MonkeyPatch) -> None:
    usage.take(store, usage.sent("a"))
    s3 = aws.client("s3")
    with monkeypatch.context() as keeping:
        keeping.setattr(s3, "delete_objects", lambda **_: {"Errors": [{"Code": "InternalError"}]})
        assert len(store.deliver("metering.consumers.on_workspace_erased", WorkspaceErased())) == 1
    assert store.deliver("metering.consumers.on_workspace_erased", WorkspaceErased()) == []
    assert exporting.folders(store.workspace_id) == []


def test_an_import_that_runs_ends(importing: Importing) -> None:
    import_id = importing.started(b"bad\n")
    assert importing.world.deliver("metering.consumers.on_workspace_erased", WorkspaceErased()) == []
    assert importing.task(import_id, execution=import_id)["next_step"] == "stale"
