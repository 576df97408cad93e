"""Forgetting a workspace: nothing of the mirror is kept."""

from oppulence.kernel import olap
from oppulence.kernel.uow import UnitOfWork


def erase(uow: UnitOfWork) -> None:
    """Delete the workspace's raw events, objects and analytical rows. Repeating it is harmless.

    Raises:
        Unavailable: the analytical store is down; nothing was deleted, and the record comes again.
    """
    uow.conn.execute("DELETE FROM sync.raw_events")
    uow.conn.execute("DELETE FROM sync.objects")
    if olap.is_configured():
        olap.command("ALTER TABLE events DELETE WHERE workspace_id = {workspace_id:String}", {"workspace_id": uow.workspace_id})
