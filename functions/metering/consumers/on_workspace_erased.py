"""Delete an erased workspace's meters, alerts, usage, exports and imports."""

from oppulence.kernel.capabilities import Bucket, ClickHouse, Postgres
from oppulence.kernel.consume import Received, consumer
from oppulence.metering import tidying
from oppulence.tenancy.events import WorkspaceErased


@consumer(
    WorkspaceErased, batch=True, timeout_s=300,
    uses=(Postgres("metering"), ClickHouse(), *(Bucket(folder, write=True, find=True) for folder in tidying.FOLDERS)),
)  # fmt: skip
def handler(received: list[Received]) -> None:
    tidying.erase_workspace(received[0].envelope.workspace_id)
