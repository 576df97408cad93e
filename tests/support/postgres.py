"""A real PostgreSQL for tests, with every context's schema."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.local.paths import DOMAIN
from infra.local.postgres import Postgres
from oppulence.kernel import db
from oppulence.kernel.migrate import contexts, migrate


@contextmanager
def server() -> Iterator[Postgres]:
    """A server of its own, migrated, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="oppulence-test-") as folder:
        root = Path(folder)
        root.chmod(0o711)
        made = Postgres(root, fast=True)
        made.start()
        try:
            migrate(made.url, DOMAIN / "oppulence")
            made.set_passwords(contexts(DOMAIN / "oppulence"))
            yield made
        finally:
            db.close_all()
            made.stop()


def variables(made: Postgres) -> dict[str, str]:
    """What leads functions to a server."""
    return {"PG_HOST": made.host, "PG_PORT": str(made.port), "PG_AUTH": "password", "PGPASSFILE": str(made.passfile)}
