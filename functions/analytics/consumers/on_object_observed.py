"""Copy the money and the subscriptions that were listed or fetched."""

from oppulence.analytics import money
from oppulence.kernel.capabilities import ClickHouse, Postgres
from oppulence.kernel.consume import Received, consumer
from oppulence.sync.events import ObjectsObserved


@consumer(
    ObjectsObserved,
    uses=(Postgres("analytics"), ClickHouse()),
    batch=True,
    batch_size=100,
    window_s=2,
    timeout_s=60,
    concurrency=2,
)  # the store wants few large writes
def handler(received: list[Received]) -> None:
    told = [ObjectsObserved.model_validate(one.envelope.data) for one in received]
    money.take_observed(received[0].envelope.workspace_id, told)
