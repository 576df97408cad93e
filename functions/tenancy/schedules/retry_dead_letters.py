"""Send dead letters back an hour after they failed, once; and measure how many wait for a person."""

from oppulence.kernel.capabilities import Bucket, DeadLetters, Keys, Postgres
from oppulence.kernel.schedules import schedule
from oppulence.kernel.uow import Scope
from oppulence.tenancy import dead_letter_care


@schedule("5 minutes", uses=(Postgres("tenancy"), Keys(), Bucket("dead_letters/"), DeadLetters()), timeout_s=120)
def handler(scope: Scope) -> dict[str, int]:
    return dead_letter_care.retry_due(scope)
