"""Close a written-off invoice's case as lost."""

from oppulence.kernel.capabilities import Bus, Postgres
from oppulence.kernel.consume import consumer
from oppulence.kernel.events import Envelope
from oppulence.kernel.uow import UnitOfWork
from oppulence.recovery import cases
from oppulence.recovery.models import CloseReason
from oppulence.sync.events import InvoiceMarkedUncollectible


@consumer(InvoiceMarkedUncollectible, uses=(Postgres("recovery"), Bus("recovery")))
def handler(uow: UnitOfWork, event: InvoiceMarkedUncollectible, envelope: Envelope) -> None:
    cases.take_loss(uow, event, CloseReason.UNCOLLECTIBLE, envelope.occurred_at)
