"""What stands at one moment: up to which settlement events are settled, and which batches have only landed yet."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from oppulence.kernel.db import Connection
from oppulence.kernel.errors import Unavailable
from oppulence.kernel.uow import Scope, UnitOfWork, in_transaction

_REBUILDS_IN_S = 300


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A workspace at a moment. What is read with it again is the same, but for the tail, which settles.

    `settled`: the number of the shard's last settlement. `tail`: ids of landed batches that are not settled up to it; none with
    an `as_of`. `reckoned`: versions of meters up to this revision are reckoned in all of the tail; None without one.
    `on_its_way`: something that was sent has not landed. `whole`: the analytical store has all that is settled; it has less while
    it is rebuilt.
    `shard` is None while the workspace has had neither meters nor events.
    """

    shard: int | None
    settled: int
    tail: tuple[str, ...]
    reckoned: int | None
    on_its_way: bool
    whole: bool


_NOW = """
    WITH place AS MATERIALIZED (
      SELECT w.workspace_id, w.shard, metering.last_settled(w.shard) AS settled,
             metering.whole_generation(w.shard) IS NOT NULL AS whole
        FROM metering.workspaces w
    )
    SELECT p.shard, p.settled, p.whole,
           coalesce(array_agg(b.id ORDER BY b.landed_at, b.id) FILTER (WHERE b.id IS NOT NULL), '{}'),
           min(b.revision), (SELECT count(*) FROM metering.batches s WHERE s.id = ANY(%s))
      FROM place p
      LEFT JOIN metering.batches b
        ON b.workspace_id = p.workspace_id AND (b.settlement IS NULL OR b.settlement > p.settled)
     GROUP BY p.shard, p.settled, p.whole
"""
_REST = "metering.whole_generation(w.shard) IS NOT NULL, '{}'::text[], NULL::bigint, 0 FROM metering.workspaces w"
_THEN = f"SELECT w.shard, metering.last_settled_by(w.shard, %s), {_REST}"
_AT_NUMBER = f"SELECT w.shard, least(%s, metering.last_settled(w.shard)), {_REST}"


def snapshot(conn: Connection, as_of: datetime | int | None = None, sent: Collection[str] = ()) -> Snapshot:
    """The transaction's workspace as it is now, or what was settled by an instant of domain time or with a settlement's number.

    An instant that is not over yet gives what is settled by now; asked again later it may give more. `sent` are batches of which
    is asked whether all have landed; with an `as_of` none.
    """
    statement = _NOW if as_of is None else _AT_NUMBER if isinstance(as_of, int) else _THEN
    row = conn.execute(statement.encode(), (list(sent) if as_of is None else as_of,)).fetchone()
    if row is None:
        return Snapshot(None, 0, (), None, bool(sent), whole=True)
    shard, settled, is_whole, tail, reckoned, arrived = row
    return Snapshot(
        int(str(shard)), int(str(settled)), tuple(tail) if isinstance(tail, list) else (),
        None if reckoned is None else int(str(reckoned)), int(str(arrived)) < len(sent), bool(is_whole),
    )  # fmt: skip


@contextmanager
def whole(scope: Scope) -> Iterator[None]:
    """Read here what is told for good: from the beginning to the end the analytical store has all that is settled.

    Raises:
        Unavailable: the workspace's shard is being rebuilt, or was meanwhile.
    """
    before = in_transaction(scope, _generation)
    yield
    if in_transaction(scope, _generation) != before:
        raise Unavailable("Usage was being made anew meanwhile. Try again.", retry_after=1)


def _generation(uow: UnitOfWork) -> object:
    row = uow.conn.execute("SELECT metering.whole_generation(w.shard) FROM metering.workspaces w").fetchone()
    if row == (None,):
        raise Unavailable("Usage is being made anew in the analytical store.", retry_after=_REBUILDS_IN_S)
    return row
