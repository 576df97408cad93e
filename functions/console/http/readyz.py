"""Answer whether every store that a request may need can be reached, and name those that cannot."""

from oppulence.console import stores_gateway
from oppulence.console.errors import NotReady
from oppulence.kernel.capabilities import Bus, ClickHouse, Postgres, Table
from oppulence.kernel.http import Model, route


class Readiness(Model):
    """Each store with `ok`, or `not configured` where this deployment does without it."""

    status: str
    checks: dict[str, str]


@route(
    "GET",
    "/readyz",
    access="public",
    errors=(NotReady,),
    uses=(Postgres("console"), Bus("console"), Table("limits"), ClickHouse()),
)
def handler() -> Readiness:
    return Readiness(status="ready", checks=stores_gateway.check())
