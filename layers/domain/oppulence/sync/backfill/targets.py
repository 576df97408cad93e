"""Which lists of a type come next: account by account, and within one parent by parent, each in the order of ids."""

from oppulence.kernel.db import Connection
from oppulence.sync.backfill import store
from oppulence.sync.backfill.listing import Lister, Target, is_of_the_platform
from oppulence.sync.backfill.models import Backfill, TypeRow

PARENTS = 100


def following(conn: Connection, backfill: Backfill, row: TypeRow, lister: Lister) -> list[Target]:
    """The lists to read next, the one that was begun first; none when all were read.

    Parents are those in the mirror, so that a parent that is found later than its children's turn is not missed by the next
    backfill, nor by its events.
    """
    begun = row.account is not None and not row.done
    rest = [Target(row.account or "", row.parent, row.after, row.reached)] if begun else []
    if not lister.kind.parent:
        account = None if begun else _account_after(conn, backfill, row.account, lister)
        return rest if account is None else [Target(account)]
    account = row.account if row.account is not None else _account_after(conn, backfill, None, lister)
    while account is not None and not rest:
        after = row.parent if account == row.account else ""
        rest = [Target(account, parent) for parent in _parents(conn, lister, account, after)]
        account = _account_after(conn, backfill, account, lister)
    return rest


def _account_after(conn: Connection, backfill: Backfill, account: str | None, lister: Lister) -> str | None:
    if is_of_the_platform(lister.kind):
        return "" if account is None else None
    return store.next_account(conn, backfill, account)


def _parents(conn: Connection, lister: Lister, account: str, after: str) -> list[str]:
    """Where the children do not say when they were created, the range is the parents'."""
    parent, window = lister.kind.parent, lister.window
    assert parent is not None, "asked for types that have one"
    narrowed = lister.kind.created == "none"
    wanted = {
        "type": parent.type, "account": None if parent.type == "account" else account, "embedded": parent.embedded,
        "after": after, "start": window.start if narrowed else None, "end": window.end if narrowed else None,
    }  # fmt: skip
    return store.parents(conn, wanted, PARENTS)
