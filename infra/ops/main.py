"""`oppulence`: the operator's command line. Each group of commands is a module; they import what they need when called."""

import typer

from infra.ops import analytics, audit, db, dlq, events, keys, local, origin, sync, usage, workspaces
from infra.ops.demo import demo
from infra.ops.smoke import smoke

app = typer.Typer(
    help="Operate the platform. Commands act on the local cloud of this checkout; --aws makes them act on AWS.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(local.app, name="local", help="The cloud on this machine.")
app.add_typer(workspaces.app, name="workspaces", help="Workspaces and their first key.")
app.add_typer(keys.app, name="keys", help="API keys.")
app.add_typer(origin.app, name="origin", help="What CloudFront proves itself with.")
app.add_typer(events.app, name="events", help="Stored webhooks; a load of usage events.")
app.add_typer(sync.app, name="sync", help="The sync engine: backfills.")
app.add_typer(dlq.app, name="dlq", help="Dead letters: records that could not be processed.")
app.add_typer(audit.app, name="audit", help="The audit log.")
app.add_typer(analytics.app, name="analytics", help="The analytical store.")
app.add_typer(usage.app, name="usage", help="Metered usage events.")
app.add_typer(db.app, name="db", help="The databases.")
app.command("demo")(demo)
app.command("smoke")(smoke)

if __name__ == "__main__":
    app(prog_name="oppulence")
