"""Copy journal entries to the analytical events."""

from oppulence.analytics import records
from oppulence.kernel.capabilities import ClickHouse, Postgres
from oppulence.kernel.consume import Received, consumer
from oppulence.ledger.events import EntryPosted


@consumer(
    EntryPosted, uses=(Postgres("analytics"), ClickHouse()), batch=True, batch_size=100, window_s=2, timeout_s=30, concurrency=2
)  # the store wants few large writes
def handler(received: list[Received]) -> None:
    told = [EntryPosted.model_validate(one.envelope.data) for one in received]
    records.copy_ledger(received[0].envelope.workspace_id, [one.entry_id for one in told])
