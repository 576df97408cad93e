"""`oppulence dlq`: what could not be processed, in all workspaces, with its reasons, and the way back."""

from typing import Annotated, Any

import typer

from infra.ops import dead
from infra.ops.dead import Choice
from infra.ops.output import Aws, Failed, Json, answer, explained, table
from infra.ops.place import find

app = typer.Typer(no_args_is_help=True)
Queue = Annotated[str | None, typer.Argument(help="Part of a queue's name, such as sync-on_webhook_received; all, if left out.")]
Ids = Annotated[list[str] | None, typer.Option("--id", help="Only this letter; repeat it for more.")]
Workspace = Annotated[str | None, typer.Option(help="Only this workspace's; `none` for letters that are of none.")]
Containing = Annotated[str | None, typer.Option("--containing", help="Only letters whose reason holds this text.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only count them.")]
COLUMNS = ("queue", "id", "status", "workspace_id", "event_type", "event_id", "tries", "reason")
LINE = 120
"""Characters of a reason that a table shows; `--json` has all."""

COUNTS = ("on_sqs", "pending", "retrying", "kept")


@app.command("list")
def list_(on_aws: Aws = False, as_json: Json = False) -> None:
    """How many dead letters each queue has, on SQS and taken in."""
    with explained(as_json):
        find(on_aws).act_as("tenancy")
        rows = dead.counts()
        full = [row for row in rows if any(row[name] for name in COUNTS)]
        lines = table(full, ("queue", *COUNTS), f"no dead letters in {len(rows)} queues")
        answer({"data": rows}, [*lines, *(["look at them with `oppulence dlq show`"] if full else [])], as_json)


@app.command()
def show(
    queue: Queue = None,
    ids: Ids = None,
    workspace: Workspace = None,
    containing: Containing = None,
    closed: Annotated[bool, typer.Option("--closed", help="Those that were processed or discarded, instead.")] = False,
    most: Annotated[int, typer.Option(min=1, help="At most so many.")] = 20,
    on_aws: Aws = False,
    as_json: Json = False,
) -> None:
    """Dead letters with their reasons. What stands on SQS is taken in first."""
    with explained(as_json):
        find(on_aws).act_as("tenancy")
        dead.take_in()
        wanted = ("resolved", "discarded") if closed else ("pending", "retrying", "kept")
        found = dead.letters(Choice(queue, tuple(ids or ()), workspace, containing), wanted)
        rows = [_row(scope.workspace_id, letter) for scope, letter in found][:most]
        advice = ["mend the cause, then bring them home with `oppulence dlq redrive`"] if rows and not closed else []
        short = [{**row, "reason": row["reason"].partition("\n")[0][:LINE]} for row in rows]
        answer({"data": rows}, [*table(short, COLUMNS, "no dead letters"), *advice], as_json)


@app.command()
def body(letter_id: Annotated[str, typer.Argument(help="A letter, `dl_…`.")], on_aws: Aws = False, as_json: Json = False) -> None:
    """A letter's event as it stood, with a webhook's body opened. Each reading is audited."""
    with explained(as_json):
        find(on_aws).act_as("tenancy")
        from oppulence.tenancy import dead_letters

        every = ("pending", "retrying", "kept", "resolved", "discarded")
        for scope, letter in dead.letters(Choice(ids=(letter_id,)), every):
            shown = dead_letters.body(scope, letter.id).model_dump()
            answer(shown, [str(value) for name, value in shown.items() if name != "id" and value is not None], as_json)
            return
        raise Failed(f"no dead letter {letter_id}", "`oppulence dlq show` names those there are")


@app.command()
def redrive(
    queue: Queue = None,
    ids: Ids = None,
    workspace: Workspace = None,
    containing: Containing = None,
    dry_run: DryRun = False,
    on_aws: Aws = False,
    as_json: Json = False,
) -> None:
    """Send dead letters back to the queues they came from. Harmless for what was processed meanwhile. Audited."""
    with explained(as_json):
        find(on_aws).act_as("tenancy")
        dead.take_in()
        done = dead.redrive(Choice(queue, tuple(ids or ()), workspace, containing), dry_run)
        _tell(done, "would be sent back to" if dry_run else "sent back to", {"dry_run": dry_run}, as_json)
        _miss(ids, done)


@app.command()
def discard(
    reason: Annotated[str, typer.Option(help="Why nobody will need them.")],
    queue: Queue = None,
    ids: Ids = None,
    workspace: Workspace = None,
    containing: Containing = None,
    dry_run: DryRun = False,
    on_aws: Aws = False,
    as_json: Json = False,
) -> None:
    """Give dead letters up, for a reason. Audited."""
    with explained(as_json):
        if not (queue or ids or workspace or containing):
            raise Failed("which letters?", "name a queue, --id, --workspace or --containing")
        find(on_aws).act_as("tenancy")
        dead.take_in()
        done = dead.discard(Choice(queue, tuple(ids or ()), workspace, containing), reason, dry_run)
        _tell(done, "would be discarded of" if dry_run else "discarded of", {"dry_run": dry_run}, as_json)
        _miss(ids, done)


def _tell(done: dict[str, int], what: str, more: dict[str, Any], as_json: bool) -> None:
    lines = [f"{count} {what} {name}" for name, count in done.items() if count]
    answer({"letters": done, "total": sum(done.values()), **more}, lines or ["no dead letters fit"], as_json)


def _miss(ids: list[str] | None, done: dict[str, int]) -> None:
    """Fail when fewer letters were treated than were named."""
    if ids and sum(done.values()) < len(set(ids)):
        raise typer.Exit(1)


def _row(workspace_id: str | None, letter: Any) -> dict[str, Any]:
    return {"workspace_id": workspace_id, **letter.model_dump(mode="json"), "reason": f"{letter.error}: {letter.message}"}
