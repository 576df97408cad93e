"""Where benches run: a PostgreSQL of their own, migrated, and the environment that functions find."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from infra.local.paths import DOMAIN
from infra.local.postgres import Postgres
from oppulence.kernel import aws, db
from oppulence.kernel.migrate import contexts, migrate
from tests.bench import instant
from tests.support.world import World

BENCH_DOMAIN = Path(__file__).parent / "domain"
ENVIRONMENT = {
    "STAGE": "local", "PG_AUTH": "password", "AWS_DEFAULT_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "bench",
    "AWS_SECRET_ACCESS_KEY": "bench", "LIMITS_TABLE": "limits", "IDEMPOTENCY_TABLE": "idempotency", "DOMAIN_BUS": "domain",
    "INBOUND_BUS": "inbound", "BUCKET": "workspaces", "DATA_KEY_ID": "data-key", "KERNEL_SECRET": "kernel",
}  # fmt: skip


@contextmanager
def world(*, durable: bool = False) -> Iterator[World]:
    """A world over a fresh PostgreSQL, without durability if not told (what a commit waits for would hide our own work)."""
    with tempfile.TemporaryDirectory(prefix="oppulence-bench-") as folder:
        root = Path(folder)
        root.chmod(0o711)
        server = Postgres(root, fast=not durable)
        server.start()
        try:
            for domain in (DOMAIN / "oppulence", BENCH_DOMAIN):
                migrate(server.url, domain)
            server.set_passwords([*contexts(DOMAIN / "oppulence"), *contexts(BENCH_DOMAIN)])
            os.environ.update(
                ENVIRONMENT, PG_HOST=server.host, PG_PORT=str(server.port), PGPASSFILE=str(server.passfile), POWERTOOLS_DEV="0"
            )
            aws.reset()
            instant.answer_at_once("dynamodb", "kms", "secretsmanager", "events")
            with psycopg.connect(server.url, autocommit=True) as admin:
                yield World(admin)
        finally:
            db.close_all()
            aws.reset()
            server.stop()
