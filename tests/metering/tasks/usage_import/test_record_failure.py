"""An import whose machine gives up fails with a reason; nobody else's does."""

from tests.metering.importing import Importing, event, ndjson


def test_the_import_fails_and_says_what_to_do(importing: Importing) -> None:
    import_id = importing.started(ndjson(event(1)))
    assert importing.task(import_id, "record_failure", error="Unavailable") == {"recorded": True}
    view = importing.view(import_id)
    assert view["status"] == "failed" and "(Unavailable)" in view["reason"] and view["ended_at"]


def test_only_its_own_execution_may_say_so(importing: Importing) -> None:
    import_id = importing.started(ndjson(event(1)))
    importing.task(import_id, "record_failure", error="x", execution="other")
    assert importing.view(import_id)["status"] == "running"


def test_what_is_over_stays_as_it_ended(importing: Importing) -> None:
    import_id = importing.started(ndjson(event(1)))
    importing.run(import_id)
    importing.task(import_id, "record_failure", error="x")
    assert importing.view(import_id)["status"] == "completed"
