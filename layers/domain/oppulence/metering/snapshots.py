"""What stands at one moment: up to which settlement events are settled, and which batches have only landed yet."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from oppulence.kernel.db import Connection


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A workspace at a moment. What is read with it again is the same, but for the tail, which settles.

    `settled`: the number of the shard's last settlement. `tail`: ids of landed batches that are not settled up to it; none with
    an `as_of`. `reckoned`: versions of meters up to this revision are reckoned in all of the tail; None without one.
    `on_its_way`: something that was sent has not landed.
    `shard` is None while the workspace has had neither meters nor events.
    """

    shard: int | None
    settled: int
    tail: tuple[str, ...]
    reckoned: int | None
    on_its_way: bool


_NOW = """
    WITH place AS MATERIALIZED (
      SELECT w.workspace_id, w.shard, metering.last_settled(w.shard) AS settled FROM metering.workspaces w
    )
    SELECT p.shard, p.settled, coalesce(array_agg(b.id ORDER BY b.landed_at, b.id) FILTER (WHERE b.id IS NOT NULL), '{}'),
           min(b.revision), (SELECT count(*) FROM metering.batches s WHERE s.id = ANY(%s))
      FROM place p
      LEFT JOIN metering.batches b
        ON b.workspace_id = p.workspace_id AND (b.settlement IS NULL OR b.settlement > p.settled)
     GROUP BY p.shard, p.settled
"""
_THEN = "SELECT w.shard, metering.last_settled_by(w.shard, %s), '{}'::text[], NULL::bigint, 0 FROM metering.workspaces w"
_AT_NUMBER = "SELECT w.shard, least(%s, metering.last_settled(w.shard)), '{}'::text[], NULL::bigint, 0 FROM metering.workspaces w"


def snapshot(conn: Connection, as_of: datetime | int | None = None, sent: Collection[str] = ()) -> Snapshot:
    """The transaction's workspace as it is now, or what was settled by an instant of domain time or with a settlement's number.

    An instant that is not over yet gives what is settled by now; asked again later it may give more. `sent` are batches of which
    is asked whether all have landed; with an `as_of` none.
    """
    statement = _NOW if as_of is None else _AT_NUMBER if isinstance(as_of, int) else _THEN
    row = conn.execute(statement.encode(), (list(sent) if as_of is None else as_of,)).fetchone()
    if row is None:
        return Snapshot(None, 0, (), None, bool(sent))
    shard, settled, tail, reckoned, arrived = row
    return Snapshot(
        int(str(shard)), int(str(settled)), tuple(tail) if isinstance(tail, list) else (),
        None if reckoned is None else int(str(reckoned)), int(str(arrived)) < len(sent),
    )  # fmt: skip
