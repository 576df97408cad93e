"""POST /v1/events/imports/{id}/start: only a whole file is read, and only once."""

import pytest

from oppulence.kernel import aws
from tests.metering.importing import Importing, event, ndjson
from tests.support import cloud
from tests.support.api import Api

CONTENT = ndjson(event(1))


def path(import_id: str) -> str:
    return f"/v1/events/imports/{import_id}/start"


def test_a_machine_reads_the_file(importing: Importing) -> None:
    import_id = importing.uploaded(CONTENT)
    answer = importing.api.as_key(["usage:write"]).post(path(import_id))
    assert (answer.status, answer.body["status"]) == (202, "running") and answer.body["started_at"]
    assert importing.executions() == [import_id]
    assert importing.row(import_id)["execution_arn"].endswith(f":{import_id}")


def test_a_repeat_starts_nothing_else(importing: Importing) -> None:
    import_id = importing.started(CONTENT)
    assert importing.start(import_id).status == 202 and importing.executions() == [import_id]


def test_a_start_that_was_not_recorded_is_recorded(importing: Importing) -> None:
    import_id = importing.started(CONTENT)
    importing.world.admin.execute("UPDATE metering.imports SET execution_arn = NULL WHERE id = %s", (import_id,))
    assert importing.start(import_id).status == 202
    assert importing.executions() == [import_id] and importing.row(import_id)["execution_arn"]


def test_without_its_whole_file_it_does_not_start(importing: Importing) -> None:
    import_id = str(importing.ask(CONTENT)["id"])
    refused = importing.start(import_id)
    assert (refused.status, refused.error.code) == (409, "import_file_missing") and "No file" in refused.error.message
    key = f"usage-imports/{importing.world.workspace_id}/{import_id}/file"
    aws.client("s3").put_object(Bucket=cloud.BUCKET, Key=key, Body=CONTENT[:-3])
    refused = importing.start(import_id)
    assert refused.status == 409 and f"{len(CONTENT) - 3} bytes" in refused.error.message
    assert importing.executions() == [] and importing.view(import_id)["status"] == "waiting"


def test_what_has_ended_does_not_start_again(importing: Importing) -> None:
    import_id = importing.started(CONTENT)
    importing.run(import_id)
    refused = importing.start(import_id)
    assert (refused.status, refused.error.code) == (409, "import_over")


def test_a_machine_that_is_not_there_is_told_and_the_import_goes_on_later(
    importing: Importing, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_id = importing.uploaded(CONTENT)
    with monkeypatch.context() as away:
        away.setenv("MACHINE_METERING_USAGE_IMPORT", importing.machine_arn + "gone")
        assert importing.start(import_id).status == 500
    assert importing.start(import_id).status == 202 and importing.executions() == [import_id]


def test_unknown_forbidden_and_anothers(importing: Importing, api: Api) -> None:
    import_id = importing.uploaded(CONTENT)
    assert api.as_key().post(path("uim_" + "0" * 20)).error.code == "import_not_found"
    assert api.as_key(["usage:read"]).post(path(import_id)).status == 403
    assert api.as_key(workspace_id=api.world.workspace()).post(path(import_id)).status == 404
    assert importing.executions() == []
