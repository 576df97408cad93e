"""Whether a workspace is still there: of an erased one nothing is copied any more, also of its audit log and its books."""

from oppulence.analytics import store, tables
from oppulence.kernel import olap
from oppulence.kernel.uow import UnitOfWork
from oppulence.tenancy import api as tenancy


def is_there(uow: UnitOfWork) -> bool:
    """Whether the workspace may have analytical rows."""
    found = tenancy.workspace(uow.conn)
    return found is not None and found.status != "deleted"


def erase(uow: UnitOfWork) -> None:
    """Delete the workspace's states and its analytical rows. Repeating it is harmless.

    Raises:
        Unavailable: the analytical store is down; nothing was deleted, and the record comes again.
    """
    store.erase(uow.conn)
    if olap.is_configured():
        tables.erase(uow.workspace_id)
