"""After ledger, recovery and all other consumers have done their work, a replay of everything leaves every row as it was."""

from datetime import timedelta
from typing import Any

import pytest

from oppulence.kernel.events import Envelope
from oppulence.sync.stripe_events import read
from tests.isolation import tenants
from tests.recovery.conftest import clock, dunning, mailbox  # noqa: F401 - fixtures
from tests.recovery.support import Dunning
from tests.support import stripe
from tests.support.api import Api
from tests.sync.replaying import PATH

OF_THE_REPLAY = {"sync.replays", "sync.inbox", "tenancy.audit_log", "tenancy.audit_pending", "idempotency", "tenancy.api_keys"}
"""Where a replay leaves its own traces."""


def rows(dunning: Dunning) -> dict[str, Any]:  # noqa: F811
    found = tenants.digest(dunning.world, dunning.workspace_id)
    return {table: what for table, what in found.items() if table not in OF_THE_REPLAY and not table.startswith("tenancy.audit")}


def pass_on(dunning: Dunning) -> list[Envelope]:  # noqa: F811
    """Bring what was told to its consumers, and what they tell to theirs; returns all of it."""
    told: list[Envelope] = []
    while fresh := dunning.world.envelopes(workspace_id=dunning.workspace_id):
        told += fresh
        for name, kind in tenants._consumers().items():
            mine = [one for one in fresh if one.type == kind]
            for start in range(0, len(mine), 100):
                assert dunning.world.deliver(name, *mine[start : start + 100], workspace_id=dunning.workspace_id) == [], name
    return told


def act(dunning: Dunning) -> None:  # noqa: F811
    """Let the machines of open cases send what is due."""
    query = "SELECT invoice_id FROM recovery.cases WHERE workspace_id = %s AND status = 'open' ORDER BY invoice_id"
    for (invoice_id,) in dunning.world.admin.execute(query, (dunning.workspace_id,)).fetchall():
        dunning.run(invoice_id, dunning.clock.now + timedelta(days=30))


@pytest.mark.slow
def test_a_replay_of_the_whole_corpus_doubles_nothing(dunning: Dunning, api: Api) -> None:  # noqa: F811
    corpus, workspace_id = stripe.corpus(), dunning.workspace_id
    failed = [one.created_at for body in corpus if (one := read(body)).type == "invoice.payment_failed"]
    dunning.clock.set(max(failed))
    for start in range(0, len(corpus), 200):
        webhooks = [stripe.webhook(workspace_id, body) for body in corpus[start : start + 200]]
        assert dunning.world.deliver("sync.consumers.on_webhook_received", *webhooks, workspace_id=workspace_id) == []
        pass_on(dunning)
    act(dunning)
    pass_on(dunning)
    before, mails = rows(dunning), list(dunning.mailbox.subjects)
    assert before["ledger.postings"][0] > 1000 and before["recovery.cases"][0] == 32 and mails

    caller = api.as_key(workspace_id=workspace_id)
    replay = caller.post(PATH, {"all": True}).body
    told = pass_on(dunning)
    act(dunning)
    done = caller.get(f"{PATH}/{replay['id']}").body
    assert (done["status"], done["events_done"], done["objects_changed"]) == ("completed", replay["plan"]["events"], 0)
    assert {one.type for one in told} == {"sync.replay.scheduled"}
    assert rows(dunning) == before and dunning.mailbox.subjects == mails
