"""Ask providers whether connections' keys and endpoints still work, and finish what was begun there and left."""

from oppulence.connections import care
from oppulence.kernel.capabilities import Bus, Keys, Postgres, Provider, Table
from oppulence.kernel.schedules import schedule
from oppulence.kernel.uow import Scope


@schedule(
    "1 hour", timeout_s=900,
    uses=(Postgres("connections"), Bus("connections"), Keys(), Table("connections", write=True), Provider("stripe")),
)  # fmt: skip
def handler(scope: Scope) -> dict[str, int]:
    return care.check_connections(scope) | care.clean_up(scope)
