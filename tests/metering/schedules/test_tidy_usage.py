"""Once a day: what erased workspaces left is deleted, and what stands twice is counted."""

import json
from typing import Any

import pytest
import requests

from oppulence.kernel import olap
from oppulence.metering import ingest, meters
from oppulence.tenancy.events import WorkspaceErased
from tests.metering import exporting, usage
from tests.metering.importing import Importing, event, ndjson
from tests.metering.usage import rows, sent
from tests.support.api import Api
from tests.support.entries import entry
from tests.support.world import World


def test_what_came_after_the_erasure_is_deleted(store: World) -> None:
    gone = store.workspace()
    usage.take(store, sent("a"), workspace_id=gone)
    usage.take(store, sent("a"))
    store.within("metering", meters.erase_workspace, workspace_id=gone)
    entry("metering.schedules.tidy_usage")({}, None)
    assert [rows(store, table, "1", gone) for table in usage.TABLES] == [[], [], [], []]
    assert usage.archived(store, gone) == [] and len(usage.archived(store)) == 1
    assert len(rows(store, "usage_events", "id")) == 1


def test_files_that_came_after_the_erasure_are_deleted(importing: Importing, monkeypatch: pytest.MonkeyPatch) -> None:
    """An import was being read, and a link to upload a file with still worked."""
    world, later = importing.world, importing.ask(b"Jo")
    import_id = importing.started(ndjson(event(1), "Jo"))
    send = ingest.send

    def erased(workspace_id: str, batches: Any) -> None:
        send(workspace_id, batches)
        assert world.deliver("metering.consumers.on_workspace_erased", WorkspaceErased()) == []

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr("oppulence.metering.imports.reading.ingest.send", erased)
        assert importing.task(import_id)["next_step"] == "stale"
    upload = later["upload"]
    assert requests.put(upload["url"], data=b"Jo", headers=upload["headers"], timeout=60).status_code == 200
    assert exporting.folders(world.workspace_id) == ["usage-imports/"]
    entry("metering.schedules.tidy_usage")({}, None)
    assert exporting.folders(world.workspace_id) == []


def test_what_stands_twice_is_counted(store: World, api: Api, capsys: pytest.CaptureFixture[str]) -> None:
    usage.make_in(api, store.workspace_id, effective_from=None)
    usage.take(store, sent("a"), sent("b"))
    entry("metering.schedules.tidy_usage")({}, None)
    for settlement in (1, 2):
        olap.insert("usage_ids", ("workspace_id", "id_hash", "settlement"), [(store.workspace_id, 7, settlement)])
    entry("metering.schedules.tidy_usage")({}, None)
    mine = {"ws": store.workspace_id}
    olap.work("ALTER TABLE usage_ids DELETE WHERE workspace_id = {ws:String} AND id_hash = 7", mine, {"mutations_sync": 2})
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"usage_rows_doubled":' in line]
    assert [line["usage_rows_doubled"] for line in lines] == [0, 1]
