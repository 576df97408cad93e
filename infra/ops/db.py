"""`oppulence db`: migrations."""

import json
from typing import Annotated

import typer

from infra.deployed import PREFIX
from infra.local.paths import DOMAIN
from infra.ops.output import Aws, Failed, Json, answer, explained
from infra.ops.place import Place, find

app = typer.Typer(no_args_is_help=True)
PACKAGE = DOMAIN / "oppulence"
MIGRATOR = f"{PREFIX}-migrate"
MIGRATION_S = 905


@app.callback()
def group() -> None:
    """The databases."""


@app.command()
def migrate(
    postgres_url: Annotated[str | None, typer.Option(help="An administrator's connection, instead of the place's own.")] = None,
    on_aws: Aws = False,
    as_json: Json = False,
) -> None:
    """Apply the migrations that are due, to PostgreSQL and ClickHouse. Harmless to repeat."""
    with explained(as_json):
        applied = _with_url(postgres_url) if postgres_url else _in(find(on_aws))
        lines = [*(f"applied {name}" for name in applied), f"{len(applied)} applied, now up to date"]
        answer({"applied": applied}, lines, as_json)


def _with_url(url: str) -> list[str]:
    from oppulence.kernel.migrate import migrate as run

    return run(url, PACKAGE)


def _in(place: Place) -> list[str]:
    return _by_function(place) if place.local is None else [*_with_url(place.local.postgres_url), *_clickhouse(place)]


def _clickhouse(place: Place) -> list[str]:
    from dataclasses import asdict

    import clickhouse_connect

    from oppulence.kernel.migrate_olap import migrate as run

    assert place.local is not None
    client = clickhouse_connect.get_client(**asdict(place.local.clickhouse))
    try:
        return run(client, PACKAGE)
    finally:
        client.close()


def _by_function(place: Place) -> list[str]:
    """On AWS the database is reached from inside the network only: the function that each deployment runs does it.

    It may take its full quarter of an hour, and is not asked twice meanwhile.
    """
    from botocore.config import Config

    waiting = Config(read_timeout=MIGRATION_S, tcp_keepalive=True, retries={"total_max_attempts": 1})
    functions = place.client("lambda", config=waiting)
    answered = functions.invoke(FunctionName=MIGRATOR, Payload=json.dumps({"RequestType": "Update"}).encode())
    document = json.loads(answered["Payload"].read() or b"null")
    if "FunctionError" in answered:
        raise Failed(f"{MIGRATOR}: {document.get('errorMessage', document)}", f"see the log group /aws/lambda/{MIGRATOR}")
    return list((document or {}).get("applied", []))
