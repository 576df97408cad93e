"""What higher contexts ask of tenancy."""

import pytest

from oppulence.kernel.uow import UnitOfWork
from oppulence.tenancy import api
from oppulence.tenancy.models import Mode
from tests.support.world import World


def facts(world: World, workspace_id: str) -> api.WorkspaceFacts:
    def read(uow: UnitOfWork) -> api.WorkspaceFacts | None:
        return api.workspace(uow.conn)

    found: api.WorkspaceFacts = world.within("ledger", read, workspace_id=workspace_id)
    return found


def test_a_context_reads_its_workspace_under_its_own_role(world: World) -> None:
    test = facts(world, world.workspace(settings='{"test_recipients": ["*@example.com"], "time_zone": "Europe/Berlin"}'))
    assert (test.mode, test.settings.time_zone) == (Mode.TEST, "Europe/Berlin")


def test_a_key_of_another_workspace_has_no_name(world: World) -> None:
    world.api_key(["usage:write"], world.workspace_id)
    row = world.admin.execute("SELECT id FROM tenancy.api_keys WHERE workspace_id = %s", (world.workspace_id,)).fetchone()
    assert row

    def read(uow: UnitOfWork) -> str | None:
        return api.key_name(uow.conn, str(row[0]))

    assert world.within("metering", read) == "test"
    assert world.within("metering", read, workspace_id=world.workspace()) is None


@pytest.mark.parametrize(
    ("mode", "patterns", "address", "allowed"),
    [
        ("live", "[]", "anyone@anywhere.com", True),
        ("test", "[]", "bob@example.com", False),
        ("test", '["*@example.com"]', "Bob@Example.com", True),
        ("test", '["*@example.com"]', "bob@example.com.evil.org", False),
        ("sandbox", '["bob+*@example.com"]', "bob+1@example.com", True),
        ("sandbox", '["bob+*@example.com"]', "bob@example.com", False),
    ],
)
def test_only_live_workspaces_mail_everybody(world: World, mode: str, patterns: str, address: str, allowed: bool) -> None:
    workspace_id = world.workspace(mode=mode, settings=f'{{"test_recipients": {patterns}}}')
    assert api.may_mail(facts(world, workspace_id), address) is allowed
