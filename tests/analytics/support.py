"""What tests of analytics tell it, and read of it."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from oppulence.kernel import olap
from oppulence.kernel.events import Envelope
from oppulence.kernel.uow import UnitOfWork
from oppulence.ledger import journal, rules
from oppulence.recovery import cases
from oppulence.recovery import store as recovery_store
from oppulence.recovery.events import MailSent
from oppulence.recovery.models import CloseReason
from oppulence.sync import events
from tests.ledger.facts import fact
from tests.support import stripe
from tests.support.world import World

CONSUMERS = {
    "sync.event.stored": "on_event_stored", "sync.object.observed": "on_object_observed",
    "recovery.case.opened": "on_case_opened", "recovery.case.dated_back": "on_case_dated_back",
    "recovery.case.closed": "on_case_closed", "recovery.case.reopened": "on_case_reopened",
    "recovery.mail.sent": "on_mail_sent", "ledger.entry.posted": "on_entry_posted",
    "tenancy.audit_log.sealed": "on_audit_log_sealed", "tenancy.workspace.erased": "on_workspace_erased",
}  # fmt: skip
VIEWS = {
    "transactions": "account, kind, transaction_id", "linked_transactions": "account, kind, transaction_id",
    "mrr_movements": "account, customer_id, currency, occurred_at",
    "recovery_events": "case_id, slot", "events": "event_source, event_type, event_id",
}  # fmt: skip
BATCH = 100


def take_in(world: World, bodies: Sequence[bytes], workspace_id: str | None = None) -> list[Envelope]:
    """Have the sync engine take in events, batch by batch; returns what it told analytics."""
    workspace = workspace_id or world.workspace_id
    for start in range(0, len(bodies), BATCH):
        part = [stripe.webhook(workspace, body) for body in bodies[start : start + BATCH]]
        assert world.deliver("sync.consumers.on_webhook_received", *part, workspace_id=workspace) == []
    return told(world, workspace)


def tell(world: World, facts: Iterable[Envelope], workspace_id: str | None = None) -> list[str]:
    """Deliver facts to the consumers of their type, many at once; returns those that go back."""
    by_type: dict[str, list[Envelope]] = {}
    for one in facts:
        by_type.setdefault(one.type, []).append(one)
    back: list[str] = []
    for kind, group in by_type.items():
        for start in range(0, len(group), BATCH):
            part = group[start : start + BATCH]
            back += world.deliver(f"analytics.consumers.{CONSUMERS[kind]}", *part, workspace_id=workspace_id)
    return back


def rows(world: World, view: str, columns: str = "*", workspace_id: str | None = None) -> list[tuple[Any, ...]]:
    """A workspace's rows of a view, in the order of their keys."""
    query = f"SELECT {columns} FROM workspace_{view}(ws = {{ws:String}}) ORDER BY {VIEWS.get(view, '1')}"
    return [tuple(row) for row in olap.query(query, {"ws": workspace_id or world.workspace_id})]


START = datetime(2026, 1, 5, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def fail(world: World, invoice_id: str, at: datetime = START, **fields: Any) -> str:
    """Open an invoice's recovery case by a failed payment, or feed it; returns the case's id."""
    told = fact(events.InvoicePaymentFailed, object_id=invoice_id, attempt_count=1, next_attempt_at=None, **fields)
    found: str = world.within("recovery", lambda uow: cases.take_failure(uow, told, at))
    return found


def pay(world: World, invoice_id: str, at: datetime = START + 2 * DAY) -> None:
    """Pay an invoice, which recovers its case."""
    told = fact(events.InvoicePaid, object_id=invoice_id, object_version=2)
    world.within("recovery", lambda uow: cases.take_payment(uow, told, at))


def lose(world: World, invoice_id: str, at: datetime = START + 2 * DAY) -> None:
    """Void an invoice, which loses its case."""
    told = fact(events.InvoiceVoided, object_id=invoice_id, object_version=2)
    world.within("recovery", lambda uow: cases.take_loss(uow, told, CloseReason.VOIDED, at))


def mail(world: World, case_id: str, step: str, at: datetime = START + DAY) -> None:
    """Have a case's mail sent."""

    def work(uow: UnitOfWork) -> None:
        sent = {"case_id": case_id, "step": step, "status": "sent", "message_id": f"m-{step}", "at": at}
        recovery_store.finish_step(uow.conn, uow.workspace_id, sent)
        uow.emit(MailSent(case_id=case_id, invoice_id="in_1", customer_id=None, step=step, message_id=f"m-{step}"))

    world.within("recovery", work)


def post(world: World, payment_id: str = "pi_1") -> None:
    """Have the ledger post a payment."""
    paid = fact(events.PaymentSucceeded, object_id=payment_id, invoice_id="in_1")
    world.within("ledger", lambda uow: journal.post(uow, [journal.Occurrence(paid, START)], rules.payment_succeeded))


def told(world: World, workspace_id: str | None = None) -> list[Envelope]:
    """What analytics was told of since the last look."""
    return [one for one in world.envelopes(workspace_id=workspace_id) if one.type in CONSUMERS]
