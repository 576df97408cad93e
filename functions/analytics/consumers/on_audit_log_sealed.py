"""Copy sealed entries of the audit log to the analytical events."""

from oppulence.analytics import records
from oppulence.kernel.capabilities import ClickHouse, Postgres
from oppulence.kernel.consume import Received, consumer
from oppulence.tenancy.events import AuditLogSealed


@consumer(
    AuditLogSealed,
    uses=(Postgres("analytics"), ClickHouse()),
    batch=True,
    batch_size=100,
    window_s=2,
    timeout_s=60,
    concurrency=2,
)  # the store wants few large writes
def handler(received: list[Received]) -> None:
    told = [AuditLogSealed.model_validate(one.envelope.data) for one in received]
    records.copy_audit(received[0].envelope.workspace_id, [(one.first_seq, one.last_seq) for one in told])
