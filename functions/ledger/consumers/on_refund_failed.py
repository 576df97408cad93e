"""Refunds that did not arrive: their money came back to provider clearing."""

from oppulence.kernel.capabilities import Bus, Postgres
from oppulence.kernel.consume import Received, consumer
from oppulence.ledger import journal, rules
from oppulence.sync.events import RefundFailed


@consumer(RefundFailed, uses=(Postgres("ledger"), Bus("ledger")), batch=True)
def handler(received: list[Received]) -> None:
    journal.post_received(received, rules.refund_failed)
