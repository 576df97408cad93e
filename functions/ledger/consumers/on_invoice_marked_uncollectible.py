"""Invoices that were written off: bad debt against receivable."""

from oppulence.kernel.capabilities import Bus, Postgres
from oppulence.kernel.consume import Received, consumer
from oppulence.ledger import journal, rules
from oppulence.sync.events import InvoiceMarkedUncollectible


@consumer(InvoiceMarkedUncollectible, uses=(Postgres("ledger"), Bus("ledger")), batch=True)
def handler(received: list[Received]) -> None:
    journal.post_received(received, rules.invoice_marked_uncollectible)
