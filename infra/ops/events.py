"""`oppulence events`: stored webhooks."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from infra.ops.output import Aws, Failed, Json, answer, explained, say
from infra.ops.place import dev_json, find

app = typer.Typer(no_args_is_help=True)


@app.callback()
def group() -> None:
    """Stored webhooks."""


@app.command()
def replay(
    ids: Annotated[list[str] | None, typer.Argument(help="Provider event ids, `evt_…`.")] = None,
    workspace: Annotated[str | None, typer.Option(help="Workspace id; the development workspace, if left out.")] = None,
    type_: Annotated[str | None, typer.Option("--type", help="Only this type, such as invoice.paid.")] = None,
    since: Annotated[str | None, typer.Option(help="Only those received at or after this ISO time.")] = None,
    until: Annotated[str | None, typer.Option(help="Only those received before this ISO time.")] = None,
    all_: Annotated[bool, typer.Option("--all", help="Every stored webhook of the workspace.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count them.")] = False,
    on_aws: Aws = False,
    as_json: Json = False,
) -> None:
    """Apply stored webhooks to the mirror again. Harmless to repeat: states never go back, facts are told once."""
    with explained(as_json):
        if not (ids or type_ or since or until or all_):
            raise Failed("which webhooks?", "name ids, --type, --since or --until; --all takes every one")
        place = find(on_aws)
        workspace_id = workspace or (None if on_aws else dev_json().get("workspace_id"))
        if workspace_id is None:
            raise Failed("which workspace?", "name it with --workspace")
        place.act_as("sync")
        from oppulence.sync.replay import Selection

        chosen = Selection(list(ids or []), type_, instant(since), instant(until))
        found, changed = (run_dry if dry_run else run)(workspace_id, chosen)
        done = {"workspace_id": workspace_id, "events": found, "objects_changed": changed, "dry_run": dry_run}
        what = f"{found} stored webhooks fit" if dry_run else f"{found} webhooks applied again, {changed} objects changed"
        answer(done, [f"{what} in {workspace_id} on {place.name}"], as_json)


def run(workspace_id: str, chosen: object) -> tuple[int, int]:
    """Replay batch by batch, each in its own transaction."""
    from oppulence.kernel import crypto
    from oppulence.kernel.uow import Scope, in_transaction
    from oppulence.sync import replay as use_case

    assert isinstance(chosen, use_case.Selection)
    crypto.warm("sync", workspace_id)
    scope, cursor, events, changed = Scope("sync", workspace_id), 0, 0, 0
    while True:
        step = in_transaction(scope, lambda uow, at=cursor: use_case.replay(uow, chosen, at))  # type: ignore[misc]
        events, changed = events + step.events, changed + step.changed
        if step.cursor is None:
            return events, changed
        cursor = step.cursor
        say(f"{events} webhooks so far")


def run_dry(workspace_id: str, chosen: object) -> tuple[int, int]:
    """Count what a replay would take."""
    from oppulence.kernel.uow import Scope, in_transaction
    from oppulence.sync import replay as use_case

    assert isinstance(chosen, use_case.Selection)
    return in_transaction(Scope("sync", workspace_id), lambda uow: use_case.count(uow, chosen)), 0


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
