"""Disputes: the bank gave the money back to provider clearing."""

from oppulence.kernel.capabilities import Bus, Postgres
from oppulence.kernel.consume import Received, consumer
from oppulence.ledger import journal, rules
from oppulence.sync.events import DisputeFundsReinstated


@consumer(DisputeFundsReinstated, uses=(Postgres("ledger"), Bus("ledger")), batch=True)
def handler(received: list[Received]) -> None:
    journal.post_received(received, rules.dispute_funds_reinstated)
