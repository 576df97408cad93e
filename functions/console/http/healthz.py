"""Answer that the API is up."""

from oppulence.kernel.http import Model, route


class Health(Model):
    """What the route answers: it runs, and knows nothing of the stores behind it (see `/readyz`)."""

    status: str


@route("GET", "/healthz", access="public", timeout_s=3, memory_mb=256)
def handler() -> Health:
    return Health(status="ok")
