"""POST /v1/events/imports/{id}/cancel: what was accepted stays, nothing more is."""

from tests.metering.importing import Importing, event, ndjson
from tests.support.api import Api


def path(import_id: str) -> str:
    return f"/v1/events/imports/{import_id}/cancel"


def test_nothing_is_read_any_more(importing: Importing) -> None:
    import_id = importing.started(ndjson(event(1)))
    answer = importing.api.as_key(["usage:write"]).post(path(import_id))
    assert (answer.status, answer.body["status"]) == (200, "cancelled") and answer.body["ended_at"]
    assert importing.task(import_id)["next_step"] == "cancelled" and importing.sent() == []
    assert importing.api.as_key().post(path(import_id)).status == 200, "a repeat"


def test_one_that_waits_is_cancelled_and_does_not_start(importing: Importing) -> None:
    import_id = importing.uploaded(b"\n")
    assert importing.api.as_key().post(path(import_id)).body["status"] == "cancelled"
    assert importing.start(import_id).error.code == "import_over"


def test_what_has_ended_stays_as_it_did(importing: Importing) -> None:
    import_id = importing.started(b"\n")
    importing.run(import_id)
    refused = importing.api.as_key().post(path(import_id))
    assert (refused.status, refused.error.code) == (409, "import_over")


def test_unknown_forbidden_and_anothers(importing: Importing, api: Api) -> None:
    import_id = importing.started(b"\n")
    assert api.as_key().post(path("uim_" + "0" * 20)).error.code == "import_not_found"
    assert api.as_key(["usage:read"]).post(path(import_id)).status == 403
    assert api.as_key(workspace_id=api.world.workspace()).post(path(import_id)).status == 404
    assert importing.view(import_id)["status"] == "running"
