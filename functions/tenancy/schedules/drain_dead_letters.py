"""Take dead letters off SQS, which forgets them after 14 days; forget those that closed long ago."""

from oppulence.kernel.capabilities import Bucket, DeadLetters, Keys, Postgres
from oppulence.kernel.schedules import schedule
from oppulence.kernel.uow import Scope
from oppulence.tenancy import dead_letter_care


@schedule(
    "1 hour", timeout_s=600,
    uses=(Postgres("tenancy"), Keys(), Bucket("dead_letters/", write=True), DeadLetters(take=True)),
)  # fmt: skip
def handler(scope: Scope) -> dict[str, int]:
    return dead_letter_care.drain(scope) | {"forgotten": dead_letter_care.forget_closed(scope)}
