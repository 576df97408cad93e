"""`oppulence sync`: the sync engine's work in the background, through the API."""

import sys
import time
from typing import Annotated, Any

import typer

from infra.ops.api import Api
from infra.ops.events import instant
from infra.ops.keys import ApiKey, ApiUrl, api
from infra.ops.output import Aws, Failed, Json, answer, explained, table

PATH = "/v1/sync/backfills"
LOOK_EVERY_S = 2.0
LIST = ("id", "status", "source", "rows_listed", "rows_changed", "requested_at")
TYPES = ("type", "state", "rows_listed", "rows_changed", "rows_per_second", "reached", "left", "error")

app = typer.Typer(no_args_is_help=True)
backfill = typer.Typer(no_args_is_help=True)
app.add_typer(backfill, name="backfill", help="Objects listed at Stripe into the mirror.")
BackfillId = Annotated[str, typer.Argument(help="The backfill's id, `bf_…`.")]


@app.callback()
def group() -> None:
    """The sync engine's work in the background."""


@backfill.command()
def start(
    types: Annotated[list[str] | None, typer.Argument(help="Stripe's names, such as invoice; all types, if none.")] = None,
    connection: Annotated[str | None, typer.Option(help="Its id; the only one to Stripe that has a key, if left out.")] = None,
    since: Annotated[str | None, typer.Option(help="Only objects created at or after this ISO time.")] = None,
    until: Annotated[str | None, typer.Option(help="Only objects created before this ISO time.")] = None,
    per_second: Annotated[float | None, typer.Option(help="Requests a second; a quarter of Stripe's limit, if left out.")] = None,
    account: Annotated[list[str] | None, typer.Option(help="`self`, or a connected account; repeat it for more.")] = None,
    connected: Annotated[bool, typer.Option("--connected", help="Every connected account as well.")] = False,
    related: Annotated[bool, typer.Option(help="Fetch what listed objects name and the mirror lacks.")] = True,
    follow: Annotated[bool, typer.Option("--follow", help="Show its progress until it ends.")] = False,
    api_key: ApiKey = None,
    api_url: ApiUrl = None,
    on_aws: Aws = False,
    as_json: Json = False,
) -> None:
    """Ask for a backfill."""
    with explained(as_json):
        platform = api(api_key, api_url, on_aws)
        created = {name: at.isoformat() for name, text in (("gte", since), ("lt", until)) if (at := instant(text))}
        body = {
            "connection_id": connection or _only_connection(platform), "object_types": types or None, "created": created,
            "requests_per_second": per_second, "connected_accounts": connected, "include_related": related,
        }  # fmt: skip
        made = platform.call("POST", PATH, body | ({"accounts": account} if account else {}))
        _show(_followed(platform, made) if follow else made, as_json)


@backfill.command()
def status(
    backfill_id: Annotated[str | None, typer.Argument(help="The backfill's id; the latest ones are listed, if left out.")] = None,
    follow: Annotated[bool, typer.Option("--follow", help="Show its progress until it ends.")] = False,
    api_key: ApiKey = None,
    api_url: ApiUrl = None,
    on_aws: Aws = False,
    as_json: Json = False,
) -> None:
    """How far a backfill is, type by type."""
    with explained(as_json):
        platform = api(api_key, api_url, on_aws)
        if backfill_id is None:
            found = platform.call("GET", PATH)
            answer(found, table(found["data"], LIST, "no backfills"), as_json)
            return
        seen = platform.call("GET", f"{PATH}/{backfill_id}")
        _show(_followed(platform, seen) if follow else seen, as_json)


@backfill.command()
def cancel(
    backfill_id: BackfillId, api_key: ApiKey = None, api_url: ApiUrl = None, on_aws: Aws = False, as_json: Json = False
) -> None:
    """Stop a backfill; what it has written stays."""
    with explained(as_json):
        _show(api(api_key, api_url, on_aws).call("POST", f"{PATH}/{backfill_id}/cancel", {}), as_json)


def _only_connection(platform: Api) -> str:
    """Raises:
    Failed: there is none, or several.
    """
    found = [
        one for one in platform.call("GET", "/v1/connections")["data"] if one["provider"] == "stripe" and one.get("has_api_key")
    ]
    if len(found) != 1:
        raise Failed(f"{len(found)} connections to Stripe have a key", "name one with --connection")
    return str(found[0]["id"])


def _followed(platform: Api, seen: dict[str, Any]) -> dict[str, Any]:
    """The backfill at its end; meanwhile one line on stderr says how far it is."""
    while seen["status"] == "running":
        time.sleep(LOOK_EVERY_S)
        seen = platform.call("GET", f"{PATH}/{seen['id']}")
        over = sum(one["ended_at"] is not None for one in seen["types"])
        line = f"{seen['status']}: {over} of {len(seen['types'])} types, {seen['rows_listed']} rows"
        print(f"\r{line}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return seen


def _show(seen: dict[str, Any], as_json: bool) -> None:
    rows = [{**one, "left": _left(one)} for one in seen["types"]]
    lines = [f"{seen['id']}  {seen['status']}", *table(rows, TYPES, "no types")]
    answer(seen, lines, as_json)


def _left(one: dict[str, Any]) -> str:
    rows = one["remaining"]["rows"]
    return "?" if rows is None else str(rows)
