"""Bring a provider customer's link up to date; a key that turned up late has its effect."""

from oppulence.customers import links
from oppulence.kernel.capabilities import Bus, Keys, Postgres
from oppulence.kernel.consume import Received, consumer
from oppulence.sync.events import CustomerUpdated


@consumer(
    CustomerUpdated, uses=(Postgres("customers"), Bus("customers"), Keys()), batch=True, batch_size=50, window_s=1, concurrency=2
)
def handler(received: list[Received]) -> None:
    links.observe(received)
