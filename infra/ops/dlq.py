"""`oppulence dlq`: records that could not be processed, with their reasons, and the way back."""

from typing import Annotated, Any

import typer

from infra.ops import dead
from infra.ops.output import Aws, Failed, Json, answer, explained, table
from infra.ops.place import find

app = typer.Typer(no_args_is_help=True)
Queue = Annotated[str | None, typer.Argument(help="Part of a queue's name, such as sync-on_webhook_received; all, if left out.")]
Ids = Annotated[list[str] | None, typer.Option("--id", help="Only this letter; repeat it for more.")]
MOST = 10_000
COLUMNS = ("queue", "id", "event_type", "event_id", "tries", "reason")


@app.command("list")
def list_(on_aws: Aws = False, as_json: Json = False) -> None:
    """How many dead letters each queue has."""
    with explained(as_json):
        sqs = find(on_aws).client("sqs")
        rows = [{"queue": queue, "letters": dead.waiting(sqs, url)} for queue, url in dead.queues(sqs).items()]
        full = [row for row in rows if row["letters"]]
        lines = table(full, ("queue", "letters"), f"no dead letters in {len(rows)} queues")
        answer({"data": rows}, [*lines, *(["look at them with `oppulence dlq show`"] if full else [])], as_json)


@app.command()
def show(
    queue: Queue = None,
    most: Annotated[int, typer.Option(min=1, help="At most so many of each queue.")] = 20,
    on_aws: Aws = False,
    as_json: Json = False,
) -> None:
    """Dead letters with their reasons; they stay where they are."""
    with explained(as_json):
        sqs = find(on_aws).client("sqs")
        rows: list[dict[str, Any]] = []
        for name, url in dead.queues(sqs, queue).items():
            with dead.held(sqs, url, most) as letters:
                rows += [{"queue": name, **letter.shown()} for letter in letters]
        advice = ["mend the cause, then bring them home with `oppulence dlq redrive`"] if rows else []
        answer({"data": rows}, [*table(rows, COLUMNS, "no dead letters"), *advice], as_json)


@app.command()
def redrive(queue: Queue = None, ids: Ids = None, on_aws: Aws = False, as_json: Json = False) -> None:
    """Send dead letters back to the queues they came from. Harmless for what was processed meanwhile."""
    with explained(as_json):
        done = _each(find(on_aws).client("sqs"), queue, ids, dead.redrive)
        lines = [f"{count} sent back to {name}" for name, count in done.items() if count]
        answer({"redriven": done, "total": sum(done.values())}, lines or ["no dead letters to send back"], as_json)


@app.command()
def purge(
    queue: Queue = None,
    ids: Ids = None,
    yes: Annotated[bool, typer.Option("--yes", help="They are gone for good; say that you know.")] = False,
    on_aws: Aws = False,
    as_json: Json = False,
) -> None:
    """Delete dead letters for good."""
    with explained(as_json):
        if not yes:
            raise Failed("nothing deleted: dead letters are gone for good then", "look with `oppulence dlq show`, then add --yes")
        done = _each(find(on_aws).client("sqs"), queue, ids, dead.delete)
        lines = [f"{count} deleted from {name}" for name, count in done.items() if count]
        answer({"deleted": done, "total": sum(done.values())}, lines or ["no dead letters to delete"], as_json)


def _each(sqs: Any, queue: str | None, ids: list[str] | None, act: Any) -> dict[str, int]:
    """Do something to the chosen letters of the chosen queues; answers how many of each queue.

    Raises:
        Failed: a letter that was asked for is not there; the others were treated.
    """
    done: dict[str, int] = {}
    missing = set(ids or ())
    for name, url in dead.queues(sqs, queue).items():
        with dead.held(sqs, url, MOST) as letters:
            chosen = [letter for letter in letters if not ids or letter.id in ids]
            for letter in chosen:
                act(sqs, url, letter)
        missing -= {letter.id for letter in chosen}
        done[name] = len(chosen)
    if missing:
        raise Failed(f"no dead letter {', '.join(sorted(missing))}", "`oppulence dlq show` names those there are")
    return done
