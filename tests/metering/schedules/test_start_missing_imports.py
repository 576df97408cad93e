"""A running import never stays without a machine; machines that run are left alone."""

from tests.metering.importing import Importing
from tests.support import entries


def sweep() -> None:
    entries.entry("metering.schedules.start_missing_imports")({}, None)


def age(importing: Importing, seconds: int) -> None:
    """Let the imports be silent for some real seconds."""
    importing.world.admin.execute(
        "UPDATE metering.imports SET touched_at = touched_at - %s * interval '1 second' WHERE workspace_id = %s",
        (seconds, importing.world.workspace_id),
    )


def stop(importing: Importing, import_id: str) -> None:
    importing.states.stop_execution(executionArn=importing.row(import_id)["execution_arn"])


def test_one_that_was_not_started_is(importing: Importing) -> None:
    import_id = importing.started(b"\n")
    importing.world.admin.execute(
        "UPDATE metering.imports SET execution_arn = NULL, execution_name = id || '-x' WHERE id = %s", (import_id,)
    )
    sweep()
    assert importing.executions() == [import_id], "whoever asked has half a minute"
    age(importing, 31)
    sweep()
    assert importing.executions() == [import_id, f"{import_id}-x"]
    assert importing.run(import_id)["status"] == "completed"


def test_one_that_ended_before_its_time_is_followed_by_another(importing: Importing) -> None:
    import_id = importing.started(b"\n")
    stop(importing, import_id)
    age(importing, 301)
    sweep()
    assert importing.executions() == [import_id, f"{import_id}-2"]
    assert importing.run(import_id)["status"] == "completed"


def test_after_ten_it_fails(importing: Importing) -> None:
    import_id = importing.started(b"\n")
    stop(importing, import_id)
    importing.world.admin.execute("UPDATE metering.imports SET executions = 10 WHERE id = %s", (import_id,))
    age(importing, 301)
    sweep()
    view = importing.view(import_id)
    assert view["status"] == "failed" and "10 times" in view["reason"]


def test_one_that_runs_is_late_or_over_is_let_be(importing: Importing) -> None:
    runs, over = importing.started(b"\n"), importing.started(b"\n")
    importing.run(over)
    stop(importing, over)
    age(importing, 301)
    sweep()
    assert importing.executions() == sorted([runs, over])
    assert importing.view(runs)["status"] == "running"
