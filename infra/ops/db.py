"""`oppulence db`: migrations, a masked copy, a rehearsed restore."""

import json
import tempfile
from pathlib import Path
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


@app.command()
def mask(
    postgres_url: Annotated[str, typer.Option(help="An administrator's connection to a restored copy.")],
    key_file: Annotated[Path | None, typer.Option(help="A file whose content makes equal pseudonyms in every run.")] = None,
    as_json: Json = False,
) -> None:
    """Make a restored copy fit for staging: pseudonyms for people, nothing that was encrypted, amounts as they are."""
    from infra.ops.masking import mask as run

    with explained(as_json):
        rows = run(postgres_url, key_file.read_text().strip() if key_file else None)
        lines = [*(f"{table}: {count} rows" for table, count in rows.items() if count), "masked"]
        answer({"masked": rows}, lines, as_json)


@app.command("rehearse-restore")
def rehearse_restore(as_json: Json = False) -> None:
    """Dump the local PostgreSQL, restore it into a fresh one and prove it whole. Exit code 1 when it is not, or too slow."""
    from infra.ops.rehearsal import RTO_S, rehearse

    with explained(as_json):
        place = find(False)
        assert place.local is not None
        place.act_as("tenancy")
        with tempfile.TemporaryDirectory(prefix="oppulence-restore-") as folder:
            root = Path(folder)
            root.chmod(0o711)
            done = rehearse(place.local.postgres_url, root)
        whole = not done.faults and done.total_s <= RTO_S
        took = ", ".join(f"{step} {seconds} s" for step, seconds in done.seconds.items())
        lines = [f"{done.rows} rows of {done.tables} tables and {done.logs} audit logs: {took}; {RTO_S} s are allowed",
                 *done.faults, "whole" if whole else "NOT whole"]  # fmt: skip
        answer({"rows": done.rows, "seconds": done.seconds, "faults": done.faults, "whole": whole}, lines, as_json)
        if not whole:
            raise typer.Exit(1)


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
