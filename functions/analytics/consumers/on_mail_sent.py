"""Copy recovery cases for which a mail went out."""

from oppulence.analytics import recovery
from oppulence.kernel.capabilities import ClickHouse, Postgres
from oppulence.kernel.consume import Received, consumer
from oppulence.recovery.events import MailSent


@consumer(
    MailSent, uses=(Postgres("analytics"), ClickHouse()), batch=True, batch_size=100, window_s=2, timeout_s=30, concurrency=2
)  # the store wants few large writes
def handler(received: list[Received]) -> None:
    told = [MailSent.model_validate(one.envelope.data) for one in received]
    recovery.copy(received[0].envelope.workspace_id, [one.case_id for one in told])
