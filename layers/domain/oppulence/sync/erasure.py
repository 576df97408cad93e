"""Forgetting a workspace: nothing of the mirror is kept."""

from oppulence.kernel import olap
from oppulence.kernel.uow import UnitOfWork


def erase(uow: UnitOfWork) -> None:
    """Delete all that the mirror has of the workspace, here and in the analytical store. Repeating it is harmless.

    Exported raw events stay in the bucket, sealed under the key that was erased with the workspace: nobody can read them.

    Raises:
        Unavailable: the analytical store is down; nothing was deleted, and the record comes again.
    """
    uow.conn.execute("DELETE FROM sync.raw_events")
    uow.conn.execute("DELETE FROM sync.objects")
    for table in ("backfills", "reconciliations", "gaps", "comparisons", "settings", "raw_exports"):
        uow.conn.execute(f"DELETE FROM sync.{table}".encode())
    uow.conn.execute("DELETE FROM sync.replays")
    if olap.is_configured():
        olap.command("ALTER TABLE events DELETE WHERE workspace_id = {workspace_id:String}", {"workspace_id": uow.workspace_id})
