"""Making usage in the analytical store anew, of the archive: the same rows under the same numbers.

PostgreSQL knows which batches each settlement settled, what each version of a meter was filled with, and where each batch is
archived. So batches land again and settlements are carried out again, in their order, by the code that does it every day. Only
`landed_at` is that of the rebuild.

A shard is marked before anything of it is deleted, until all is there again. On what is half there an id that was settled would
count a second time; so while it is marked only a rebuild gets its lease, whatever became of the one before.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby

from oppulence.kernel.uow import Scope, UnitOfWork, in_transaction
from oppulence.metering import archive_gateway, batches, settlements, settling, usage_store
from oppulence.metering.batches import Written
from oppulence.metering.landing import CONTEXT, MOST_BYTES, MOST_EVENTS
from oppulence.metering.reckoning import Reckoning
from oppulence.metering.settling import Lease

_NOBODY = Scope(CONTEXT, None)
_AT_ONCE = 500

Tell = Callable[[str], None]
Known = tuple[str, str]
"""A batch's id, and the object that holds it."""


class ShardIsHeld(RuntimeError):
    """The shard is being settled or rebuilt; its lease ends within minutes."""


class ArchiveIncomplete(RuntimeError):
    """A registered batch is not in the object that should hold it."""


@dataclass(slots=True)
class Rebuilt:
    """What a rebuild wrote."""

    batches: int = 0
    events: int = 0
    settlements: int = 0


def rebuild(shard: int, tell: Tell) -> Rebuilt:
    """Delete a shard's usage from the analytical store, and make it again. Harmless to repeat, and while consumers run.

    Until it is done, answers for the shard's workspaces have less in them, or are refused. Once it has begun, nothing of the
    shard is settled until one comes to its end.

    Raises:
        ShardIsHeld
        Unavailable: a store is down; repeat it.
        LeaseLost: another one rebuilds it by now, as this one took too long over a step.
        ArchiveIncomplete: an object lacks a batch; repeat it when that is back.
    """
    usage_store.is_up()
    lease = Lease.take(shard, to_rebuild=True)
    if lease is None:
        raise ShardIsHeld
    try:
        return _rebuild(lease, tell)
    finally:
        lease.leave()


def _rebuild(lease: Lease, tell: Tell) -> Rebuilt:
    """A generation of its own: else the store would take the same rows for repeats, and leave them out. It begins when all is
    deleted, so what lands is registered by then, or in the store, or refused and comes again.
    """
    done = Rebuilt()
    workspaces = list(_workspaces(lease.shard))
    for start in range(0, len(workspaces), usage_store.WORKSPACES_AT_ONCE):
        usage_store.erase(workspaces[start : start + usage_store.WORKSPACES_AT_ONCE], lease.prolong)
    lease = in_transaction(_NOBODY, partial(_renewed, lease))
    for one in workspaces:
        _land(lease, one, done, tell)
    number = 0
    while some := in_transaction(_NOBODY, lambda uow: settlements.settled_after(uow.conn, lease.shard, number, _AT_ONCE)):  # noqa: B023
        for intent in some:
            settling.carry_out(lease, intent)
            number, done.settlements = intent.number, done.settlements + 1
        tell(f"shard {lease.shard}: settled up to number {number}")
    in_transaction(_NOBODY, partial(_end, lease))
    return done


def _renewed(lease: Lease, uow: UnitOfWork) -> Lease:
    lease.hold(uow)
    return replace(lease, generation=settlements.renew(uow.conn, lease.shard, lease.holder))


def _end(lease: Lease, uow: UnitOfWork) -> None:
    lease.hold(uow)
    settlements.end_rebuild(uow.conn, lease.shard, lease.holder)


def _workspaces(shard: int) -> Iterator[str]:
    after = ""
    while some := in_transaction(_NOBODY, lambda uow: settlements.workspaces_after(uow.conn, shard, after, _AT_ONCE)):  # noqa: B023
        yield from some
        after = some[-1]


def _land(lease: Lease, workspace_id: str, done: Rebuilt, tell: Tell) -> None:
    """Land all registered batches of a workspace."""

    def known(uow: UnitOfWork) -> list[Known]:
        rows = uow.conn.execute("SELECT id, archive FROM metering.batches ORDER BY archive, id").fetchall()
        return [(str(id_), str(key)) for id_, key in rows]

    wanted = in_transaction(Scope(CONTEXT, workspace_id), known)
    for group in _groups(_read(workspace_id, wanted)):
        lease.prolong()
        counting = in_transaction(_NOBODY, lambda uow: settlements.counting(uow.conn, [workspace_id]))
        if not counting:  # erased meanwhile
            break
        usage_store.land(Reckoning().of_batches(group, counting))
        done.batches, done.events = done.batches + len(group), done.events + sum(len(one.events) for one in group)
        tell(f"{workspace_id}: {done.events} events landed so far")


def _read(workspace_id: str, wanted: list[Known]) -> Iterator[tuple[Written, int]]:
    """Batches from their objects, each with the bytes of its text."""
    for key, group in groupby(wanted, key=lambda one: one[1]):
        missing = {id_ for id_, _ in group}
        for text in archive_gateway.read(archive_gateway.folder(workspace_id) + key):
            batch = batches.parse(text)
            if batch.id in missing:
                missing.discard(batch.id)
                yield batch, len(text)
        if missing:
            raise ArchiveIncomplete(f"{key} of {workspace_id} lacks {', '.join(sorted(missing))}")


def _groups(found: Iterator[tuple[Written, int]]) -> Iterator[list[Written]]:
    """As many batches as one insert takes."""
    group: list[Written] = []
    events = size = 0
    for batch, own in found:
        group.append(batch)
        events, size = events + len(batch.events), size + own
        if events >= MOST_EVENTS or size >= MOST_BYTES:
            yield group
            group, events, size = [], 0, 0
    if group:
        yield group
