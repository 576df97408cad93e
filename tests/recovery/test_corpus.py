"""The corpus at the pace of its own timestamps: each failed invoice ends as its final object says, with the mails due until then.

Some invoices are paid, by the provider's own retry, in the very second a mail is due: then the payment is told first.
"""

import json
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.recovery.support import DAY, Dunning
from tests.support.stripe import corpus, final_objects, webhook

OUTCOMES = {"paid": ("recovered", "paid"), "uncollectible": ("lost", "uncollectible"), "open": ("lost", "cadence_over")}
ENDS = {"paid": "paid_at", "uncollectible": "marked_uncollectible_at"}
MAIL_DAYS = (1, 3, 7, 14)


def failures() -> dict[str, list[datetime]]:
    """When payments of each invoice failed."""
    found: dict[str, list[datetime]] = defaultdict(list)
    for event in map(json.loads, corpus()):
        if event["type"] == "invoice.payment_failed":
            found[event["data"]["object"]["id"]].append(datetime.fromtimestamp(event["created"], UTC))
    return found


def expected_mails(invoice: dict[str, Any], failed_at: datetime) -> int:
    """Mails due between the first failure and the end of the invoice."""
    end = invoice["status_transitions"].get(ENDS.get(invoice["status"], ""))
    return sum(end is None or failed_at + day * DAY < datetime.fromtimestamp(end, UTC) for day in MAIL_DAYS)


def act(dunning: Dunning, until: datetime) -> None:
    """Let the machines do what is due."""
    rows = dunning.world.admin.execute(
        "SELECT invoice_id, opened_at, next_step_at FROM recovery.cases"
        " WHERE workspace_id = %s AND status = 'open' AND next_step_at <= %s", (dunning.workspace_id, until)
    ).fetchall()  # fmt: skip
    for invoice_id, opened_at, next_step_at in rows:
        dunning.clock.set(max(opened_at, next_step_at))
        dunning.run(invoice_id, until)


def test_every_failed_invoice_ends_as_its_final_object_says(dunning: Dunning) -> None:
    failed = failures()
    invoices = {one["id"]: one["object"] for one in final_objects() if one["object_type"] == "invoice" and one["id"] in failed}
    for body in corpus():
        event = json.loads(body)
        if event["data"]["object"].get("id") not in failed:
            continue
        at = datetime.fromtimestamp(event["created"], UTC)
        act(dunning, at - timedelta(seconds=1))
        dunning.clock.set(at)
        sent = webhook(dunning.workspace_id, body)
        assert dunning.world.deliver("sync.consumers.on_webhook_received", sent, workspace_id=dunning.workspace_id) == []
        told = dunning.world.envelopes(workspace_id=dunning.workspace_id)
        ours = ("sync.invoice.payment_failed", "sync.invoice.paid", "sync.invoice.marked_uncollectible", "sync.invoice.voided")
        assert dunning.deliver(*(one for one in told if one.type in ours)) == []
    act(dunning, at + timedelta(days=30))

    assert len(invoices) == len(failed) == 32
    mails = 0
    for invoice_id, invoice in invoices.items():
        case, first = dunning.case(invoice_id), min(failed[invoice_id])
        assert (case["status"], case["close_reason"]) == OUTCOMES[invoice["status"]], invoice_id
        assert datetime.fromisoformat(case["opened_at"]) == first and case["failures"] == len(failed[invoice_id])
        assert case["recovered_minor"] == (case["amount_at_risk_minor"] if invoice["status"] == "paid" else 0)
        kinds = Counter(kind for kind, _ in dunning.timeline(invoice_id))
        assert kinds["mail"] == expected_mails(invoice, first) and kinds["skipped"] == 0, invoice_id
        mails += kinds["mail"]
    assert len(dunning.mailbox.subjects) == mails > 80
