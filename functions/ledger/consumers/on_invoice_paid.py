"""Invoices that were paid: what came past the provider, and write-offs that were too early."""

from oppulence.kernel.capabilities import Bus, Postgres
from oppulence.kernel.consume import Received, consumer
from oppulence.ledger import journal, rules
from oppulence.sync.events import InvoicePaid


@consumer(InvoicePaid, uses=(Postgres("ledger"), Bus("ledger")), batch=True)
def handler(received: list[Received]) -> None:
    journal.post_received(received, rules.invoice_paid)
