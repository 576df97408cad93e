"""A machine that gives up leaves a note, once."""

from tests.recovery.support import Dunning


def test_the_note_names_the_machine_and_the_kind_of_error_once(dunning: Dunning) -> None:
    invoice_id = dunning.invoice()
    dunning.fail(invoice_id)
    case = dunning.case(invoice_id)
    for _ in range(2):
        assert dunning.task("record_failure", case, error="Unavailable") == {"recorded": True}
    assert dunning.reasons(invoice_id, "step") == [
        f"the machine {case['id']} stopped: a task kept failing (Unavailable); another one takes over"
    ]
    assert dunning.case(invoice_id)["status"] == "open"


def test_a_machine_that_is_not_the_cases_own_leaves_none(dunning: Dunning) -> None:
    invoice_id = dunning.invoice()
    dunning.fail(invoice_id)
    dunning.task("record_failure", dunning.case(invoice_id), error="Unavailable", execution="other")
    dunning.task("record_failure", dunning.case(invoice_id), error="Unavailable", workspace_id=dunning.world.workspace_id)
    assert dunning.reasons(invoice_id, "step") == []
