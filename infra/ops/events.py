"""`oppulence events`: stored webhooks, and a load of usage events."""

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from infra.ops.load.command import load
from infra.ops.output import Aws, Failed, Json, answer, explained, say, table
from infra.ops.place import dev_json, find, operating

if TYPE_CHECKING:
    from oppulence.kernel.uow import Scope

app = typer.Typer(no_args_is_help=True)
app.command("load")(load)
LOOK_EVERY_S = 1.0
COLUMNS = ("workspace_id", "replay_id", "status", "events", "events_done", "objects_changed")


@app.callback()
def group() -> None:
    """Stored webhooks, and a load of usage events."""


@app.command()
def replay(
    ids: Annotated[list[str] | None, typer.Argument(help="Provider event ids, `evt_…`.")] = None,
    workspace: Annotated[list[str] | None, typer.Option(help="Workspace ids; the development workspace, if left out.")] = None,
    everywhere: Annotated[bool, typer.Option("--everywhere", help="All workspaces that have stored webhooks.")] = False,
    type_: Annotated[str | None, typer.Option("--type", help="Only this type, such as invoice.paid.")] = None,
    since: Annotated[str | None, typer.Option(help="Only those received at or after this ISO time.")] = None,
    until: Annotated[str | None, typer.Option(help="Only those received before this ISO time.")] = None,
    all_: Annotated[bool, typer.Option("--all", help="Every stored webhook of the workspace.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count them.")] = False,
    on_aws: Aws = False,
    as_json: Json = False,
) -> None:
    """Apply stored webhooks to the mirror again. Harmless to repeat: states never go back, facts are told once.

    The platform does it; when this command is interrupted it goes on.
    """
    with explained(as_json):
        if not (ids or type_ or since or until or all_):
            raise Failed("which webhooks?", "name ids, --type, --since or --until; --all takes every one")
        place = find(on_aws)
        place.act_as("sync")
        chosen = {
            "event_ids": list(ids or []), "type": type_, "received_since": instant(since), "received_until": instant(until),
            "all": all_, "dry_run": dry_run,
        }  # fmt: skip
        scopes = [operating("sync", one) for one in _workspaces(workspace, everywhere, on_aws)]
        rows = [_replayed(scope, chosen) for scope in scopes]
        done = {"data": rows, "dry_run": dry_run, "events": sum(row["events"] for row in rows)}
        done["objects_changed"] = sum(row["objects_changed"] for row in rows)
        answer(done, table(rows, COLUMNS, "no workspace has stored webhooks"), as_json)


def _workspaces(named: list[str] | None, everywhere: bool, on_aws: bool) -> list[str]:
    """Ids of the workspaces that are meant.

    Raises:
        Failed: none is.
    """
    from oppulence.kernel.uow import in_transaction
    from oppulence.sync.replays import store

    if everywhere:
        return in_transaction(operating("sync", None), lambda uow: store.workspaces_with_events(uow.conn))
    found = named or [one for one in [None if on_aws else dev_json().get("workspace_id")] if one]
    if not found:
        raise Failed("which workspace?", "name it with --workspace, or all with --everywhere")
    return found


def _replayed(scope: "Scope", chosen: dict[str, Any]) -> dict[str, Any]:
    """One workspace's replay, followed to its end."""
    from oppulence.kernel import crypto
    from oppulence.kernel.uow import in_transaction
    from oppulence.sync.replays import requests
    from oppulence.sync.replays.models import NewReplay

    crypto.warm("sync", scope.workspace_id or "")
    replay = in_transaction(scope, lambda uow: requests.request(uow, NewReplay(**chosen)))
    while replay.id is not None and replay.status == "running":
        time.sleep(LOOK_EVERY_S)
        known = replay.id
        replay = in_transaction(scope, lambda uow, known=known: requests.get(uow, known))  # type: ignore[misc]
        say(f"{replay.events_done} of {replay.plan.events} webhooks of {scope.workspace_id}")
    return {
        "workspace_id": scope.workspace_id, "replay_id": replay.id, "status": replay.status, "events": replay.plan.events,
        "by_type": replay.plan.by_type, "exports": [one.key for one in replay.plan.exports], "events_done": replay.events_done,
        "objects_changed": replay.objects_changed,
    }  # fmt: skip


def instant(text: str | None) -> datetime | None:
    """An ISO time; without a zone it is UTC.

    Raises:
        Failed: it is none.
    """
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise Failed(f"{text} is no time", "write it as 2026-01-31T12:00:00Z") from error
    return at if at.tzinfo else at.replace(tzinfo=UTC)
