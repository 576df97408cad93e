"""What every context's sweeper does: publish the events that stayed behind, and drop kernel rows past their use."""

from psycopg import sql

from oppulence.kernel import outbox
from oppulence.kernel.uow import Scope, in_transaction


def sweep(scope: Scope) -> dict[str, int]:
    """Publish outbox rows older than 30 seconds, and purge; returns how many of each."""
    published = in_transaction(scope, lambda uow: outbox.sweep(uow.conn, scope.context))
    purge = sql.SQL("SELECT {}.purge_kernel_rows()").format(sql.Identifier(scope.context))
    row = in_transaction(scope, lambda uow: uow.conn.execute(purge).fetchone())
    return {"published": published, "purged": int(str(row[0])) if row else 0}
