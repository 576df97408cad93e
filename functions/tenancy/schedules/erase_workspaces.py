"""Erase the workspaces whose deletion has become due."""

from oppulence.kernel.capabilities import Bucket, Bus, Keys, Postgres
from oppulence.kernel.schedules import schedule
from oppulence.kernel.uow import Scope
from oppulence.tenancy import deletion


@schedule(
    "1 hour", timeout_s=300,
    uses=(Postgres("tenancy"), Bus("tenancy"), Keys(), Bucket("exports/", write=True), Bucket("dead_letters/", write=True)),
)  # fmt: skip
def handler(scope: Scope) -> dict[str, int]:
    return deletion.erase_due(scope)
