"""What a workspace must show once all that happened at Stripe has arrived, and what is not so."""

from typing import Any

from infra.local.demo import report
from infra.local.demo.corpus import Story
from tests.e2e.running import Running, until

VIEWS = ("workspace_events", "workspace_transactions", "workspace_mrr_movements", "workspace_recovery_events")


def wrong(running: Running, story: Story) -> dict[str, Any]:
    """What is not as it must be, each with what was found and what was expected; empty when all is well.

    Every event once, every object as it ended, the ledger to the cent, cases, mails, no dead letter, the analytical store.
    """
    figures = [
        *report.figures(running.platform, story),
        report.Figure("rows of raw events", running.everything_stored(), len(story.events)),
        report.Figure("steps mailed twice", _mailed_twice(running), 0),
        report.Figure("dead letters kept", _kept_letters(running), 0),
        *_analysed(running),
    ]
    return {one.name: [one.found, one.expected, one.note] for one in figures if not one.ok}


def objects_wrong(running: Running, story: Story) -> int:
    """How many objects of the mirror are not as they ended."""
    return sum(one.expected - one.found for one in report.objects(running.platform, story))


def _mailed_twice(running: Running) -> int:
    query = (
        "SELECT count(*) FROM (SELECT case_id, step FROM recovery.timeline WHERE workspace_id = %s AND kind = 'mail'"
        " GROUP BY case_id, step HAVING count(*) > 1) AS twice"
    )
    return int(running.platform.scalar(query, running.platform.workspace_id))


def _kept_letters(running: Running) -> int:
    query = "SELECT count(*) FROM tenancy.dead_letters WHERE workspace_id = %s AND status NOT IN ('resolved', 'discarded')"
    return int(running.platform.scalar(query, running.platform.workspace_id))


def _analysed(running: Running) -> list[report.Figure]:
    """Rows of the analytical views beside the same once everything was written anew from PostgreSQL."""
    until("the analytical store has caught up", lambda: running.analysed() >= running.kept_for_analysis())
    webhooks = running.olap("SELECT count() FROM workspace_events(ws = {ws:String}) WHERE event_source = 'stripe'")[0][0]
    before = _rows(running)
    running.operator("analytics", "rebuild", "--workspace", running.platform.workspace_id)
    after = _rows(running)
    return [
        report.Figure("webhooks in the analytical store", int(webhooks), running.kept_for_analysis()),
        *(report.Figure(f"rows of {view}", before[view], after[view]) for view in VIEWS),
    ]


def _rows(running: Running) -> dict[str, int]:
    return {view: int(running.olap(f"SELECT count() FROM {view}(ws = {{ws:String}})")[0][0]) for view in VIEWS}
