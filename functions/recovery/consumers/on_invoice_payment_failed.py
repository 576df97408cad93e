"""Open a case for an invoice whose payment failed, and start its dunning machine."""

from oppulence.kernel.capabilities import Bus, Machine, Postgres
from oppulence.kernel.consume import Received, consumer
from oppulence.recovery import intake
from oppulence.sync.events import InvoicePaymentFailed


@consumer(
    InvoicePaymentFailed, uses=(Postgres("recovery"), Bus("recovery"), Machine("recovery/dunning")), batch=True, timeout_s=30
)  # fmt: skip
def handler(received: list[Received]) -> None:
    intake.take_failures(received)
