"""An erased workspace's cases are gone, and nobody else's."""

from oppulence.tenancy.events import WorkspaceErased
from tests.recovery.support import DAY, Dunning
from tests.support.standing_clock import START

TABLES = ("recovery.cases", "recovery.steps", "recovery.timeline")


def test_cases_steps_and_timelines_go_and_machines_end(dunning: Dunning) -> None:
    invoice_id = dunning.invoice()
    dunning.fail(invoice_id)
    dunning.run(invoice_id, until=START + 2 * DAY)
    case = dunning.case(invoice_id)
    assert all(dunning.world.count(table, dunning.workspace_id) for table in TABLES)
    assert (
        dunning.world.deliver("recovery.consumers.on_workspace_erased", WorkspaceErased(), workspace_id=dunning.workspace_id)
        == []
    )
    assert [dunning.world.count(table, dunning.workspace_id) for table in TABLES] == [0, 0, 0]
    assert dunning.task("decide_next_step", case)["next_step"] == "done"


def test_other_workspaces_keep_theirs(dunning: Dunning) -> None:
    invoice_id = dunning.invoice()
    dunning.fail(invoice_id)
    assert dunning.world.deliver("recovery.consumers.on_workspace_erased", WorkspaceErased()) == []
    assert dunning.case(invoice_id)["status"] == "open"
