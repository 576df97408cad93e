"""Close a voided invoice's case as lost."""

from oppulence.kernel.capabilities import Bus, Postgres
from oppulence.kernel.consume import consumer
from oppulence.kernel.events import Envelope
from oppulence.kernel.uow import UnitOfWork
from oppulence.recovery import cases
from oppulence.recovery.models import CloseReason
from oppulence.sync.events import InvoiceVoided


@consumer(InvoiceVoided, uses=(Postgres("recovery"), Bus("recovery")))
def handler(uow: UnitOfWork, event: InvoiceVoided, envelope: Envelope) -> None:
    cases.take_loss(uow, event, CloseReason.VOIDED, envelope.occurred_at)
