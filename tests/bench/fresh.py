"""What one fresh process does for `cold_init`: `python -m tests.bench.fresh <module>`, or `baseline` for the comparison.

Prints the seconds that passed and those it computed, from its first line to its last. Loads nothing of its own before that.
"""

import importlib
import sys
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from oppulence.kernel.capabilities import Capability


def baseline() -> None:
    """boto3 with one client, psycopg and pydantic."""
    boto3: Any = importlib.import_module("boto3")
    boto3.client("dynamodb")
    importlib.import_module("psycopg")
    importlib.import_module("pydantic").BaseModel  # noqa: B018 - pydantic loads its parts on first use


def entry_point(module: str) -> None:
    """Import an entry point and build all that its declaration says it may use, through the kernel, as its calls would."""
    handler = importlib.import_module(module).handler
    from oppulence.kernel import aws, telemetry
    from oppulence.kernel.declarations import declaration_of

    declared = declaration_of(handler)
    telemetry.logger()
    services = {name for use in declared.uses for name in _services(use)} | _of_route(declared)
    for service in sorted(services):
        aws.client(service)
    for use in declared.uses:
        _load(use)


def _of_route(declared: object) -> set[str]:
    """Limits stand in DynamoDB, the secret that signs cursors in Secrets Manager."""
    from oppulence.kernel.declarations import Route

    if not isinstance(declared, Route) or declared.access == "public":
        return set()
    return {"dynamodb"} | ({"secretsmanager"} if declared.query and "cursor" in declared.query.model_fields else set())


def _services(use: "Capability") -> set[str]:
    from oppulence.kernel import capabilities

    return {
        capabilities.Bus: {"events"}, capabilities.Inbound: {"events"}, capabilities.Keys: {"kms"},
        capabilities.Table: {"dynamodb"}, capabilities.Bucket: {"s3"}, capabilities.Machine: {"stepfunctions"},
        capabilities.Mail: {"sesv2"}, capabilities.ClickHouse: {"secretsmanager"},
    }.get(type(use), set())  # fmt: skip


def _load(use: "Capability") -> None:
    """What is no AWS client. Connecting to PostgreSQL goes as far as the refused connection, the IAM token included."""
    from oppulence.kernel import capabilities

    match use:
        case capabilities.Postgres(context=context):
            from oppulence.kernel import db
            from oppulence.kernel.errors import Unavailable

            try:
                db.connection(context)
            except Unavailable:
                return
            raise RuntimeError("something listens where nothing should")
        case capabilities.Keys():
            importlib.import_module("cryptography.hazmat.primitives.ciphers.aead")
        case capabilities.ClickHouse():
            importlib.import_module("clickhouse_connect")
        case capabilities.Provider():
            importlib.import_module("urllib3")


if __name__ == "__main__":
    started = time.perf_counter(), time.process_time()
    baseline() if sys.argv[1] == "baseline" else entry_point(sys.argv[1])
    print(time.perf_counter() - started[0], time.process_time() - started[1])
