"""`oppulence analytics`: the analytical store."""

from functools import partial
from typing import Annotated

import typer

from infra.ops.output import Aws, Failed, Json, answer, explained, say
from infra.ops.place import find

app = typer.Typer(no_args_is_help=True)


@app.callback()
def group() -> None:
    """The analytical store."""


@app.command()
def rebuild(
    workspace: Annotated[str | None, typer.Option(help="Only this workspace; every one, if left out.")] = None,
    table: Annotated[str | None, typer.Option(help="Only this table; every one, if left out.")] = None,
    on_aws: Aws = False,
    as_json: Json = False,
) -> None:
    """Write the analytical tables again from PostgreSQL. Harmless to repeat, and while consumers run."""
    with explained(as_json):
        place = find(on_aws)
        place.act_as("analytics")
        from oppulence.analytics.rebuild import TABLES
        from oppulence.kernel import olap

        if table not in (None, *TABLES):
            raise Failed(f"there is no table {table}", f"choose one of: {', '.join(TABLES)}")
        if not olap.is_configured():
            raise Failed("this deployment has no analytical store", "set its ClickHouse URL and deploy")
        tables = [table] if table else list(TABLES)
        done = {one: run(one, tables) for one in ([workspace] if workspace else workspaces())}
        rows = sum(sum(of_table.values()) for of_table in done.values())
        lines = [f"{name}: {number} rows in {of}" for of, of_table in done.items() for name, number in of_table.items()]
        answer(done, [*lines, f"{rows} rows written in {len(done)} workspaces on {place.name}"], as_json)


def workspaces() -> list[str]:
    """Every workspace: each has an audit log. Erased ones have no rows."""
    from oppulence.kernel.uow import Scope, in_transaction
    from oppulence.tenancy.store import audit

    return in_transaction(Scope("tenancy", None), lambda uow: audit.audited_workspaces(uow.conn))


def run(workspace_id: str, tables: list[str]) -> dict[str, int]:
    """Rebuild a workspace's tables; returns the rows written of each."""
    from oppulence.analytics import rebuild as use_case

    written: dict[str, int] = {}
    for table in tables:
        written[table] = use_case.rebuild(workspace_id, table, partial(_tell, f"{workspace_id} {table}"))
        if table == "events":
            written[table] += provider_events(workspace_id)
    return written


def _tell(what: str, read: int) -> None:
    say(f"{what}: {read} read so far")


def provider_events(workspace_id: str) -> int:
    """Copy the stored webhooks, which are the sync engine's part of `events`."""
    from oppulence.sync import analytics

    copied, after = 0, None
    while True:
        number, after = analytics.copy_after(workspace_id, after, 500)
        copied += number
        if after is None:
            return copied
        say(f"{workspace_id} events: {copied} webhooks so far")
