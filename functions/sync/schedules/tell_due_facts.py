"""Tell, every hour, of invoices that became overdue, and of balance transactions whose source is known now."""

from oppulence.kernel.capabilities import Bus, Postgres
from oppulence.kernel.schedules import schedule
from oppulence.kernel.uow import Scope
from oppulence.sync import due_facts


@schedule("1 hour", uses=(Postgres("sync"), Bus("sync")), timeout_s=300)
def handler(scope: Scope) -> dict[str, int]:
    return {"overdue": due_facts.tell_overdue_invoices(scope), "converted": due_facts.tell_conversions(scope)}
