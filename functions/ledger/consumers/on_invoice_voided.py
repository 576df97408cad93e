"""Invoices that were cancelled: what was still open is taken back."""

from oppulence.kernel.capabilities import Bus, Postgres
from oppulence.kernel.consume import Received, consumer
from oppulence.ledger import journal, rules
from oppulence.sync.events import InvoiceVoided


@consumer(InvoiceVoided, uses=(Postgres("ledger"), Bus("ledger")), batch=True)
def handler(received: list[Received]) -> None:
    journal.post_received(received, rules.invoice_voided)
