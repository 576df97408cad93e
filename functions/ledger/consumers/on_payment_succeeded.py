"""Payments: provider clearing against what they settle."""

from oppulence.kernel.capabilities import Bus, Postgres
from oppulence.kernel.consume import Received, consumer
from oppulence.ledger import journal, rules
from oppulence.sync.events import PaymentSucceeded


@consumer(PaymentSucceeded, uses=(Postgres("ledger"), Bus("ledger")), batch=True)
def handler(received: list[Received]) -> None:
    journal.post_received(received, rules.payment_succeeded)
