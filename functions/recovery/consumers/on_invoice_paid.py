"""Close a paid invoice's case as recovered, also when it had been lost."""

from oppulence.kernel.capabilities import Bus, Postgres
from oppulence.kernel.consume import consumer
from oppulence.kernel.events import Envelope
from oppulence.kernel.uow import UnitOfWork
from oppulence.recovery import cases
from oppulence.sync.events import InvoicePaid


@consumer(InvoicePaid, uses=(Postgres("recovery"), Bus("recovery")))
def handler(uow: UnitOfWork, event: InvoicePaid, envelope: Envelope) -> None:
    cases.take_payment(uow, event, envelope.occurred_at)
