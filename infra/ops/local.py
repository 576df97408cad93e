"""`oppulence local`: the cloud on this machine."""

from dataclasses import asdict
from typing import Annotated

import typer

from infra.ops import stripe
from infra.ops.output import Failed, Json, answer, explained, say, table
from infra.ops.place import root

app = typer.Typer(no_args_is_help=True)
app.add_typer(stripe.app, name="stripe", help="The local Stripe: its time, its cards, its faults.")


@app.command()
def up(
    watch: Annotated[bool, typer.Option("--watch", help="Take code edits at once.")] = False,
    follow: Annotated[bool, typer.Option("--follow", help="Show logs until Ctrl-C, then stop it. Implies --watch.")] = False,
    as_json: Json = False,
) -> None:
    """Start it; what runs already is left alone."""
    from infra.local import cloud

    with explained(as_json):
        services = cloud.status(root()).services
        if (watch or follow) and services and "watch" not in services:
            say("the cloud runs without the code watcher: starting it again")
            cloud.down(root())
        if follow:
            cloud.dev(root(), say=say)
            return
        dev = cloud.up(root(), watch=watch, say=say)
        lines = [
            f"api        {dev['api_url']}",
            f"workspace  {dev.get('workspace_id', '-')}",
            f"keys, URLs and secrets: {root()}/.local/dev.json",
        ]
        answer(dev, lines, as_json)


@app.command()
def down(as_json: Json = False) -> None:
    """Stop it. Both databases keep their data; what the emulator forgets is rebuilt by the next start."""
    from infra.local import cloud

    with explained(as_json):
        stopped = cloud.down(root())
        answer({"stopped": stopped}, ["stopped; its data stay" if stopped else "it was not running"], as_json)


@app.command()
def status(as_json: Json = False) -> None:
    """What runs. Exit code 1 unless all of it does."""
    from infra.local import cloud

    with explained(as_json):
        now = cloud.status(root())
        rows = [{"service": name, "state": state} for name, state in now.services.items()]
        answer(asdict(now), [f"local cloud: {now.phase}", *(table(rows, ("service", "state"), "") if rows else [])], as_json)
        if now.phase != "ready" or set(now.services.values()) != {"running"}:
            raise typer.Exit(1)


@app.command()
def logs(
    services: Annotated[list[str] | None, typer.Argument(help="Such as functions, postgres, emulator; all, if none.")] = None,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="How many of each.")] = 20,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with new ones until Ctrl-C.")] = False,
    as_json: Json = False,
) -> None:
    """The last lines of the services' logs."""
    from infra.local import cloud

    with explained(as_json):
        if as_json and follow:
            raise Failed("--json gives one document and --follow never ends", "leave one of them out")
        found = cloud.logs(root(), names=tuple(services or ()), lines=lines, follow=follow)
        if as_json:
            split = [line.partition(": ") for line in found]
            answer([{"service": service, "line": line} for service, _, line in split], [], True)
            return
        try:
            for line in found:
                print(line, flush=True)
        except KeyboardInterrupt:
            raise typer.Exit(0) from None
