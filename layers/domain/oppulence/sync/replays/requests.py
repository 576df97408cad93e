"""Asking for replays, looking at them, stopping them, and their steps."""

from oppulence.kernel.ids import new_id
from oppulence.kernel.pagination import Page, paginate
from oppulence.kernel.uow import UnitOfWork
from oppulence.sync import raw_store, settling
from oppulence.sync.errors import NothingSelected, ReplayNotFound, ReplayOver, ReplayRunning
from oppulence.sync.events.replays import ReplayScheduled
from oppulence.sync.ordering import Seen
from oppulence.sync.replays import store
from oppulence.sync.replays.models import NewReplay, ReplayQuery, ReplayView, Selection, Status
from oppulence.sync.stripe_events import read

BATCH = 500
"""Events a step: a transaction of about a second."""


def request(uow: UnitOfWork, wanted: NewReplay) -> ReplayView:
    """Begin a replay of what has come in so far; for a dry run only say what it would hold.

    Raises:
        NothingSelected: neither a filter nor `all` was said.
        ReplayRunning: another one of this workspace is not through.
    """
    if wanted.is_everything() and not wanted.all:
        raise NothingSelected("Say which events: by a filter, or `all` for every one.", param="all")
    last_arrival = raw_store.last_arrival(uow.conn)
    chosen = Selection(**wanted.model_dump(include=set(Selection.model_fields)))
    replay = ReplayView(
        id=None if wanted.dry_run else new_id("rpl"), status=Status.PLANNED if wanted.dry_run else Status.RUNNING,
        selection=chosen, plan=store.plan(uow.conn, chosen, last_arrival), events_done=0, objects_changed=0,
        requested_by=uow.actor.id, created_at=uow.now, updated_at=uow.now, ended_at=None,
    )  # fmt: skip
    if replay.id is None:
        return replay
    if not store.insert(uow.conn, uow.workspace_id, replay, last_arrival):
        raise ReplayRunning("A replay of this workspace is running: wait until it is through, or cancel it.")
    filters = chosen.model_dump(mode="json", exclude_defaults=True)
    uow.audit("replay.requested", "replay", replay.id, metadata={"selection": filters, "events": replay.plan.events})
    uow.emit(ReplayScheduled(replay_id=replay.id, step=0))
    return replay


def get(uow: UnitOfWork, replay_id: str) -> ReplayView:
    """One replay.

    Raises:
        ReplayNotFound: there is none.
    """
    replay = store.find(uow.conn, replay_id)
    if replay is None:
        raise ReplayNotFound("There is no such replay.")
    return replay


def list_replays(uow: UnitOfWork, query: ReplayQuery) -> Page[ReplayView]:
    """Replays, the latest first."""
    return paginate(
        uow, query, lambda after, most: store.list_replays(uow.conn, query.status, after, most),
        key=lambda one: (one.created_at, one.id),
    )  # fmt: skip


def cancel(uow: UnitOfWork, replay_id: str) -> ReplayView:
    """Stop a replay after the step that it is at. What it did stays.

    Raises:
        ReplayNotFound: there is none.
        ReplayOver: it is through, or was cancelled.
    """
    running = store.lock(uow.conn, replay_id)
    if running is not None and running.status != Status.RUNNING:
        raise ReplayOver(f"This replay is {running.status} already.")
    if running is not None:
        store.end(uow.conn, replay_id, Status.CANCELLED, uow.now)
        uow.audit("replay.cancelled", "replay", replay_id)
    return get(uow, replay_id)


def step(uow: UnitOfWork, replay_id: str, number: int) -> None:
    """Replay the next batch, and have the one after it come; what is not the step it is at changes nothing."""
    running = store.lock(uow.conn, replay_id)
    if running is None or running.status != Status.RUNNING or running.steps != number:
        return
    chosen = Selection.model_validate_json(running.selection)
    found = store.page(uow.conn, chosen, running.last_arrival, running.place, BATCH)
    seen = [Seen(read(row.body), row.arrival, row.connection_id) for row in found]
    changed = settling.settle(uow, [one for one in seen if one.event.has_object]).changed
    store.advance(uow.conn, replay_id, (len(found), changed), found[-1].place if found else running.place, uow.now)
    if len(found) < BATCH:
        store.end(uow.conn, replay_id, Status.COMPLETED, uow.now)
    else:
        uow.emit(ReplayScheduled(replay_id=replay_id, step=number + 1))
