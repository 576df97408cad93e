"""Landing: accepted batches go into the archive and the analytical store, and are registered; then they may be acknowledged.

It may stop anywhere and be done again, with any other batches: rows that are written twice are read once, and a batch is
registered once. Nothing counts that is not registered.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from oppulence.kernel import collector, telemetry
from oppulence.kernel.errors import Permanent, Unavailable
from oppulence.kernel.uow import Scope, UnitOfWork, in_transaction
from oppulence.metering import archive_gateway, batches, reckoning, settlements, settling, usage_store
from oppulence.metering.batches import Written
from oppulence.metering.events import UsageAccepted
from oppulence.metering.reckoning import Counting, Reckoning
from oppulence.metering.settlements import NewBatch

CONTEXT = "metering"
MOST_EVENTS, MOST_BYTES = 20_000, 24_000_000
"""Of one insert: what a function's memory takes with ease."""

SETTLE_S = 20.0
"""As long a consumer settles, beside landing."""

_MOST_CACHED = 2_000
_counting: dict[str, Counting] = {}


@dataclass(frozen=True, slots=True)
class Accepted:
    """An accepted batch as it came: its text, and the object in which it is archived already, if it is."""

    workspace_id: str
    text: bytes
    archived: str | None = None


def accepted(workspace_id: str, event: UsageAccepted) -> Accepted:
    """A batch that was announced, wherever it is.

    Raises:
        ClientError, BotoCoreError: it lies in an object that cannot be read.
    """
    if event.batch is not None or event.object_key is None:
        return Accepted(workspace_id, (event.batch or "").encode())
    (text,) = archive_gateway.read(event.object_key)
    return Accepted(workspace_id, text, event.object_key)


def take(events: Sequence[tuple[str, UsageAccepted]]) -> None:
    """Land batches that were announced, each of a workspace, and settle their shards where that is due.

    Raises:
        Unavailable, Permanent: as `land` says.
    """
    shards = land(accepted(workspace_id, event) for workspace_id, event in events)
    try:
        settling.settle_due(SETTLE_S, shards)
    except Exception as error:  # noqa: BLE001 - what has landed is done with; the clock settles it, and fails for all to see
        telemetry.logger().warning("not_settled", exc_info=error, extra={"shards": sorted(shards)})


def land(given: Iterable[Accepted]) -> set[int]:
    """Land batches of any workspaces; returns the shards that have more to settle.

    Raises:
        Unavailable: a store is down; what has landed may land again.
        Permanent: a batch cannot be read, or is another workspace's.
    """
    shards: set[int] = set()
    with collector.paused():
        for group in _groups(given):
            shards |= _land(group)
    return shards


def forget_all() -> None:
    """Drop what this process knows of meters."""
    _counting.clear()


def _groups(given: Iterable[Accepted]) -> Iterator[list[tuple[Accepted, Written]]]:
    """As many batches as one insert takes, each once."""
    group: dict[str, tuple[Accepted, Written]] = {}
    events = size = 0
    for one in given:
        batch = _parsed(one)
        group[batch.id] = (one, batch)
        events, size = events + len(batch.events), size + len(one.text)
        if events >= MOST_EVENTS or size >= MOST_BYTES:
            yield list(group.values())
            group, events, size = {}, 0, 0
    if group:
        yield list(group.values())


def _parsed(one: Accepted) -> Written:
    try:
        batch = batches.parse(one.text)
    except ValueError as error:
        raise Permanent(f"no batch of usage events: {error}") from error
    if batch.workspace_id != one.workspace_id or not batch.events:
        raise Permanent(f"batch {batch.id} is of workspace {batch.workspace_id}, or empty, and came for {one.workspace_id}")
    return batch


def _land(group: Sequence[tuple[Accepted, Written]]) -> set[int]:
    generations, new = in_transaction(Scope(CONTEXT, None), lambda uow: _still_to_land(uow, group))
    if not new:
        return set()
    usage_store.is_up()  # else every try while it is down would leave another copy in the archive
    writer, reckoned = archive_gateway.Writer(), Reckoning()
    try:
        archived = _archive(writer, new)
        usage_store.land(reckoned.of_batches((batch for _, batch in new), _counting))
    finally:
        writer.finish()
    rows = [_row(batch, archived[batch.id]) for _, batch in new]

    def register(uow: UnitOfWork) -> int:
        settlements.mark_counted(uow.conn, reckoned.used, uow.now)
        registered = settlements.register(uow.conn, rows)
        if settlements.generations(uow.conn, generations) != generations:
            raise Unavailable("A rebuild may have deleted what has landed. The usage events land again.")
        return registered

    landed = in_transaction(Scope(CONTEXT, None), register)
    events = sum(row.events for row in rows)
    telemetry.metrics({"usage_events_landed_total": (events, "Count"), "usage_batches_landed_total": (landed, "Count")})
    return set(generations)


def _still_to_land(
    uow: UnitOfWork, group: Sequence[tuple[Accepted, Written]]
) -> tuple[dict[int, int], list[tuple[Accepted, Written]]]:
    """The shards with their generations, and the batches that are of living workspaces and not registered; what these workspaces
    count is read.
    """
    found = settlements.open_workspaces(uow.conn, {batch.workspace_id for _, batch in group})
    known = settlements.known_batches(uow.conn, [(batch.workspace_id, batch.id) for _, batch in group])
    new = [
        (one, batch)
        for one, batch in group
        if batch.workspace_id in found and (batch.workspace_id, batch.id) not in known
    ]  # fmt: skip
    _learn(uow, {batch.workspace_id: found[batch.workspace_id][1] for _, batch in new})
    generations = settlements.generations(uow.conn, {shard for shard, _ in found.values()})
    return generations, [pair for pair in new if pair[1].workspace_id in _counting]


def _learn(uow: UnitOfWork, revisions: Mapping[str, int]) -> None:
    """Read anew what has another revision than this process knows."""
    stale = [one for one, revision in revisions.items() if one not in _counting or _counting[one].revision < revision]
    if len(_counting) + len(stale) > _MOST_CACHED:
        _counting.clear()
        stale = list(revisions)
    for one in stale:
        _counting.pop(one, None)
    _counting.update(settlements.counting(uow.conn, stale))


def _archive(writer: archive_gateway.Writer, new: Sequence[tuple[Accepted, Written]]) -> dict[str, str]:
    """Put the batches of each workspace into one object; returns the objects by batch."""
    found = {batch.id: one.archived for one, batch in new if one.archived}
    rest = sorted(((batch, one.text) for one, batch in new if not one.archived), key=lambda pair: pair[0].workspace_id)
    for _, group in groupby(rest, key=lambda pair: pair[0].workspace_id):
        texts = list(group)
        key = writer.put(texts)
        found |= {batch.id: key for batch, _ in texts}
    return found


def _row(batch: Written, key: str) -> NewBatch:
    size = sum(len(event.data or "") for event in batch.events)
    return NewBatch(
        batch.workspace_id, batch.id, len(batch.events), size, reckoning.latest(batch), _counting[batch.workspace_id].revision,
        key.removeprefix(archive_gateway.folder(batch.workspace_id)),
    )  # fmt: skip
