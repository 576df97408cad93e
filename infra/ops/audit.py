"""`oppulence audit`: the log's chain of hashes."""

from dataclasses import asdict
from typing import Annotated, Any

import typer

from infra.ops.output import Aws, Json, answer, explained, table
from infra.ops.place import find

app = typer.Typer(no_args_is_help=True)
COLUMNS = ("workspace_id", "sealed", "unsealed", "result", "last_hash")


@app.callback()
def group() -> None:
    """The audit log."""


@app.command()
def verify(
    workspace: Annotated[str | None, typer.Option(help="Only this workspace's log; all logs, if left out.")] = None,
    on_aws: Aws = False,
    as_json: Json = False,
) -> None:
    """Compute every link anew. Exit code 1 when a log was tampered with; the first link that does not hold is named."""
    with explained(as_json):
        find(on_aws).act_as("tenancy")
        from oppulence.kernel.uow import Scope
        from oppulence.tenancy import audit_log

        if workspace is None:
            found = audit_log.verify_all(Scope("tenancy", None))
        else:
            found = [audit_log.verify_one(Scope("tenancy", None), workspace)]
        rows = [_row(one) for one in found]
        answer({"data": rows, "whole": all(one.broken is None for one in found)}, table(rows, COLUMNS, "no logs yet"), as_json)
        if any(one.broken for one in found):
            raise typer.Exit(1)


def _row(one: Any) -> dict[str, Any]:
    broken = one.broken
    result = "whole" if broken is None else f"BROKEN at {broken.seq or '-'}: {broken.reason} ({broken.audit_id or '-'})"
    return {**asdict(one), "result": result}
