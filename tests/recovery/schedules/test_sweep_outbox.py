"""Events that the bus did not take go out later."""

import pytest

from tests.recovery.support import Dunning
from tests.support import entries


def test_events_that_stayed_behind_are_published(dunning: Dunning, monkeypatch: pytest.MonkeyPatch) -> None:
    invoice_id = dunning.invoice()
    monkeypatch.setenv("DOMAIN_BUS", "gone" * 100)
    dunning.fail(invoice_id)
    monkeypatch.setenv("DOMAIN_BUS", "domain")
    assert dunning.world.emitted(workspace_id=dunning.workspace_id) == []
    dunning.world.admin.execute("UPDATE recovery.outbox SET created_at = now() - interval '1 minute'")
    entries.entry("recovery.schedules.sweep_outbox")({}, None)
    assert dunning.world.emitted(workspace_id=dunning.workspace_id) == ["recovery.case.opened.v1"]
    assert dunning.world.count("recovery.outbox", dunning.workspace_id) == 0
