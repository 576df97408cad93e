"""Failed payments from the queue: each opens or feeds a case, and an open case gets its machine."""

from collections.abc import Sequence

from oppulence.kernel.consume import Received, first_seen
from oppulence.kernel.uow import Scope, UnitOfWork, in_transaction
from oppulence.recovery import cases, machines, store
from oppulence.sync.events import InvoicePaymentFailed

CONSUMER = "recovery.consumers.on_invoice_payment_failed"


def take_failures(received: Sequence[Received]) -> None:
    """Take in failures of one workspace, and start the machines they need with no transaction held.

    A machine that does not start sends the record back to its queue; the second time the case is there and only the machine
    is started. So nothing depends on the sweep, which looks after what dies in between.
    """
    scope = Scope("recovery", received[0].envelope.workspace_id)
    for one in received:
        case_id = _taken(scope, one)
        if case_id is not None:
            machines.ensure_started(scope, case_id)


def _taken(scope: Scope, one: Received) -> str | None:
    def work(uow: UnitOfWork) -> str | None:
        fact = InvoicePaymentFailed.model_validate(one.event.model_dump())
        if first_seen(uow, CONSUMER, [one.envelope.id]):
            return cases.take_failure(uow, fact, one.envelope.occurred_at)
        case = store.lock_case_of(uow.conn, fact.account, fact.object_id)
        return case.id if case else None

    return in_transaction(scope, work)
