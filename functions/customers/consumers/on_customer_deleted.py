"""Note that a provider has removed a customer; ours stays."""

from oppulence.customers import links
from oppulence.kernel.capabilities import Bus, Keys, Postgres
from oppulence.kernel.consume import Received, consumer
from oppulence.sync.events import CustomerDeleted


@consumer(
    CustomerDeleted, uses=(Postgres("customers"), Bus("customers"), Keys()), batch=True, batch_size=50, window_s=1, concurrency=2
)
def handler(received: list[Received]) -> None:
    links.observe(received)
