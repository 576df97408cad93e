"""Balance transactions: the provider's balance and its fees against what moved the money."""

from oppulence.kernel.capabilities import Bus, Postgres
from oppulence.kernel.consume import Received, consumer
from oppulence.ledger import balance_rules, journal
from oppulence.sync.events import BalanceTransactionRecorded


@consumer(BalanceTransactionRecorded, uses=(Postgres("ledger"), Bus("ledger")), batch=True)
def handler(received: list[Received]) -> None:
    journal.post_received(received, balance_rules.balance_transaction_recorded)
