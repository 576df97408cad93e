"""Objects in doubt: what only Stripe can tell is asked for, where the connection has a key."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Self

from oppulence.connections import api as connections
from oppulence.kernel.uow import UnitOfWork
from oppulence.sync import object_types
from oppulence.sync.events import ObjectInDoubt
from oppulence.sync.store import ObjectKey
from oppulence.sync.stripe_events import StripeEvent

Reason = Literal["same_second", "thin_event", "listed"]


@dataclass(frozen=True)
class Doubt:
    """An object whose state is open. `path` is where Stripe shows it, None where it shows it nowhere."""

    key: ObjectKey
    connection_id: str
    path: str | None
    reason: Reason

    @classmethod
    def of(cls, event: StripeEvent, connection_id: str, reason: Reason) -> Self:
        """The doubt about what an event is about."""
        path = (
            event.related.url if event.related else object_types.retrieve_path(event.object_type, event.object_id, event.object)
        )
        return cls(event.key, connection_id, path, reason)


def announce(uow: UnitOfWork, doubts: Sequence[Doubt]) -> None:
    """Have the objects fetched. Without a key that works nobody can be asked: then what came last stands."""
    doubts = [one for one in doubts if one.path]
    if not doubts:
        return
    askable = {one.id for one in connections.stripe_connections(uow.conn) if one.has_key and one.status == "active"}
    for one in {one.key: one for one in doubts if one.connection_id in askable}.values():
        account, kind, object_id = one.key
        uow.emit(
            ObjectInDoubt(
                connection_id=one.connection_id, account=account or None, object_type=kind, object_id=object_id,
                path=one.path or "", reason=one.reason,
            )
        )  # fmt: skip
