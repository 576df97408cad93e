"""Past events of a new meter: until they are counted, its answers could not be told from no usage, and say nothing of that."""

from datetime import datetime

from oppulence.kernel.errors import Unavailable
from oppulence.kernel.uow import Scope, UnitOfWork, in_transaction
from oppulence.metering import event_reads, store
from oppulence.metering.asked import MAX_TAIL
from oppulence.metering.event_reads import Moment, Wanted
from oppulence.metering.snapshots import snapshot

RETRY_AFTER_S = 20
"""Clients try three times more, as long after each other: that is how long it takes at most."""


def check(scope: Scope, meter: str) -> None:
    """Make sure that a meter counts what was sent before it was made; one for which nothing was sent passes at once.

    Raises:
        Unavailable: earlier events are still being counted for it.
    """
    moment, unfilled = in_transaction(scope, lambda uow: _unfilled(uow, meter))
    for event_type, since, until in unfilled:
        if event_reads.events(moment, Wanted(types=(event_type,), since=since, stored_until=until), None, 1):
            raise Unavailable(
                "The meter is new, and events that were sent before are still being counted for it. Ask again.",
                retry_after=RETRY_AFTER_S,
            )  # fmt: skip


def _unfilled(uow: UnitOfWork, meter: str) -> tuple[Moment, list[tuple[str, datetime | None, datetime]]]:
    found = snapshot(uow.conn)
    moment = Moment(uow.workspace_id, found.settled, found.tail[-MAX_TAIL:])
    return moment, store.unfilled(uow.conn, meter, found.reckoned)
