"""`oppulence workspaces`."""

from enum import StrEnum
from typing import Annotated, Any

import typer

from infra.ops.api import Api, send
from infra.ops.output import Aws, Failed, Json, answer, explained, table
from infra.ops.place import Place, find

app = typer.Typer(no_args_is_help=True)
COLUMNS = ("id", "name", "mode", "plan", "status", "created_at")


class Mode(StrEnum):
    """What a workspace's data are."""

    TEST = "test"
    LIVE = "live"
    SANDBOX = "sandbox"


@app.command()
def create(
    name: Annotated[str, typer.Option(help="What people call it.")],
    mode: Annotated[Mode, typer.Option(help="Real money, a provider's test mode, or made up.")] = Mode.TEST,
    owner: Annotated[str, typer.Option(help="The owner's e-mail address; local cloud only.")] = "owner@example.com",
    token: Annotated[str | None, typer.Option(envvar="OPPULENCE_TOKEN", help="The owner's OIDC token; needed on AWS.")] = None,
    on_aws: Aws = False,
    as_json: Json = False,
) -> None:
    """Create a workspace; the answer holds its owner's key, shown this once."""
    with explained(as_json):
        place = find(on_aws)
        made = Api(place.api_url(), token or development_token(place, owner)).call(
            "POST", "/v1/workspaces", {"name": name, "mode": mode.value}
        )
        rest = {name: made[name] for name in ("name", "slug", "mode", "plan")}
        document = {"workspace_id": made["id"], "api_key": made["api_key"], **rest}
        lines = [
            f"workspace_id  {made['id']}",
            f"api_key       {made['api_key']}",
            "Keep the key now: it is not shown again.",
        ]
        answer(document, lines, as_json)


@app.command("list")
def list_(
    postgres_url: Annotated[str | None, typer.Option(help="An administrator's connection; needed on AWS.")] = None,
    on_aws: Aws = False,
    as_json: Json = False,
) -> None:
    """All workspaces, the newest first."""
    import psycopg
    from psycopg.rows import dict_row

    with explained(as_json):
        url = postgres_url or administrator(find(on_aws))
        with psycopg.connect(url, row_factory=dict_row, connect_timeout=5) as conn:
            rows: list[dict[str, Any]] = conn.execute(
                "SELECT id, name, mode, plan, status, created_at FROM tenancy.workspaces ORDER BY created_at DESC, id DESC"
            ).fetchall()
        shown = [{**row, "created_at": row["created_at"].isoformat(timespec="seconds")} for row in rows]
        answer({"data": shown}, table(shown, COLUMNS, "no workspaces"), as_json)


def administrator(place: Place) -> str:
    """The administrator's connection to PostgreSQL: row-level security hides other workspaces from every function's role.

    Raises:
        Failed: on AWS, where only the operator has it.
    """
    if place.local is None:
        raise Failed("on AWS the administrator's connection must be given", "pass --postgres-url from the cluster's secret")
    return place.local.postgres_url


def development_token(place: Place, email: str) -> str:
    """A token of the local cloud's own issuer.

    Raises:
        Failed: there is none on AWS.
    """
    if place.local is None:
        raise Failed("on AWS the owner signs in", "pass their OIDC token with --token or OPPULENCE_TOKEN")
    answered = send(f"{place.local.api_url}/_dev/issuer/token", "POST", {"email": email}, {})
    return str(answered["id_token"])
