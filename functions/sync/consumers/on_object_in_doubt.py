"""Ask Stripe what an object's latest state is, where events leave it open."""

from oppulence.kernel.capabilities import Bus, Keys, Postgres, Provider
from oppulence.kernel.consume import Received, consumer
from oppulence.sync import fetching
from oppulence.sync.events import ObjectInDoubt


@consumer(
    ObjectInDoubt, uses=(Postgres("sync"), Bus("sync"), Keys(), Provider("stripe")), batch=True, batch_size=1, concurrency=5,
    max_tries=8, timeout_s=30,
)  # fmt: skip
def handler(received: list[Received]) -> None:
    """One record a batch, so that an object which Stripe cannot show holds up no other."""
    for one in received:
        fetching.settle_doubt(one.envelope.workspace_id, ObjectInDoubt.model_validate(one.envelope.data))
