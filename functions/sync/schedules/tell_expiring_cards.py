"""Tell, every day, of customers' cards that expire this month or the next."""

from oppulence.kernel.capabilities import Bus, Postgres
from oppulence.kernel.schedules import schedule
from oppulence.kernel.uow import Scope
from oppulence.sync import due_facts


@schedule("1 day", uses=(Postgres("sync"), Bus("sync")), timeout_s=300)
def handler(scope: Scope) -> dict[str, int]:
    return {"expiring": due_facts.tell_expiring_cards(scope)}
