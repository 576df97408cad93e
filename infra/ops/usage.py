"""`oppulence usage`: metered usage events."""

from typing import TYPE_CHECKING, Annotated

import typer

from infra.ops.output import Aws, Failed, Json, answer, explained, say
from infra.ops.place import find

if TYPE_CHECKING:
    from oppulence.metering.rebuild import Rebuilt

app = typer.Typer(no_args_is_help=True)

_UNTIL = "until a rebuild of the shard is done, none of its usage is settled"


@app.callback()
def group() -> None:
    """Metered usage events."""


@app.command()
def rebuild(
    workspace: Annotated[str | None, typer.Option(help="Only the shard that holds this workspace.")] = None,
    on_aws: Aws = False,
    as_json: Json = False,
) -> None:
    """Make usage in the analytical store anew, of the archive: the same numbers. Answers have less in them until it is done."""
    with explained(as_json):
        place = find(on_aws)
        place.act_as("metering")
        done = run(workspace)
        lines = [
            f"shard {shard}: {one.events} events of {one.batches} batches, {one.settlements} settlements"
            for shard, one in done.items()
        ]
        total = sum(one.events for one in done.values())
        rows = {str(shard): [one.batches, one.events, one.settlements] for shard, one in done.items()}
        answer(rows, [*lines, f"{total} events made anew on {place.name}"], as_json)


def run(workspace: str | None) -> "dict[int, Rebuilt]":
    """Rebuild the shard of a workspace, or all; returns what was written of each.

    Raises:
        Failed: there is no analytical store, a shard is being settled, a store fails, or the archive lacks a batch.
    """
    from oppulence.kernel import olap
    from oppulence.kernel.errors import Unavailable
    from oppulence.metering import rebuild as use_case
    from oppulence.metering import settling, store

    if not olap.is_configured():
        raise Failed("this deployment has no analytical store", "set its ClickHouse URL and deploy")
    done = {}
    for shard in [store.shard_of(workspace)] if workspace else range(store.SHARDS):
        try:
            done[shard] = use_case.rebuild(shard, say)
        except use_case.ShardIsHeld as error:
            raise Failed(f"shard {shard} is being settled", "run this again in three minutes") from error
        except use_case.ArchiveIncomplete as error:
            raise Failed(str(error), f"bring the object back from the bucket's versions, and run this again; {_UNTIL}") from error
        except settling.LeaseLost as error:
            raise Failed(f"another one rebuilds shard {shard} by now", f"let it end; {_UNTIL}") from error
        except Unavailable as error:
            raise Failed(f"shard {shard}: {error.message}", f"run this again when the store answers; {_UNTIL}") from error
    return done
