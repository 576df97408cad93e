"""A machine that gives up fails its type, so that the backfill can end."""

from tests.sync.backfilling import Backfilling


def test_the_type_fails_with_the_errors_class(backfilling: Backfilling) -> None:
    backfill_id = backfilling.ask("charge", "refund")
    backfilling.start()
    charge, _ = backfilling.rows(backfill_id)
    assert backfilling.task(charge, "record_failure", error="KeyError") == {"recorded": True}
    progress = backfilling.progress(backfill_id, "charge")
    assert progress["state"] == "failed" and "KeyError" in progress["error"]
    assert backfilling.run(backfill_id)["status"] == "failed", "once the other type is through"


def test_an_execution_that_was_followed_by_another_says_nothing(backfilling: Backfilling) -> None:
    backfill_id = backfilling.ask("charge")
    backfilling.start()
    (row,) = backfilling.rows(backfill_id)
    backfilling.task(row, "record_failure", error="KeyError", execution="another")
    backfilling.task(row, "record_failure", error="KeyError", workspace_id=backfilling.world.workspace())
    assert backfilling.progress(backfill_id, "charge")["state"] == "running"
