"""Chain the entries of the audit log that were written since the last minute, and keep the chains' heads outside."""

from oppulence.kernel.capabilities import AuditHeads, Bus, Postgres
from oppulence.kernel.schedules import schedule
from oppulence.kernel.uow import Scope
from oppulence.tenancy import audit_log


@schedule("1 minute", uses=(Postgres("tenancy"), Bus("tenancy"), AuditHeads()), timeout_s=50)
def handler(scope: Scope) -> dict[str, int]:
    return {"sealed": audit_log.seal_all(scope)}
