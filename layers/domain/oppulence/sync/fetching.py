"""Objects in doubt, asked for at Stripe. No transaction is open meanwhile."""

from datetime import UTC, datetime

from pydantic_core import from_json

from oppulence.connections import api as connections
from oppulence.connections.api import (
    ConnectionHasNoKey,
    ConnectionNotFound,
    ProviderBusy,
    ProviderKeyRefused,
    ProviderObjectMissing,
    ProviderRefused,
    ProviderUnavailable,
)
from oppulence.kernel.errors import NotYet, Permanent
from oppulence.kernel.uow import Scope, UnitOfWork, in_transaction
from oppulence.sync import raw_store, settling
from oppulence.sync.events import ObjectInDoubt
from oppulence.sync.observing import Observed, observe

_NEVER = datetime.fromtimestamp(0, UTC)


def settle_doubt(workspace_id: str, doubt: ObjectInDoubt) -> None:
    """Fetch an object and give the mirror the state it has at Stripe; nothing where events have settled it meanwhile.

    An object that Stripe has no more is removed. Without a key that works, what came last stands.

    Raises:
        NotYet: Stripe failed on it; it is asked again later, a bounded number of times.
        ProviderBusy: the rate limit is reached; it is asked again later, however often.
        Permanent: Stripe refuses to show it.
    """
    scope = Scope("sync", workspace_id)
    asked_after = in_transaction(scope, lambda uow: _asked_after(uow, doubt))
    if asked_after is None:
        return
    try:
        seen = _ask(scope, doubt, asked_after)
    except (ConnectionNotFound, ConnectionHasNoKey):
        return
    except ProviderKeyRefused as error:
        in_transaction(scope, lambda uow, why=error: connections.note_refused_key(uow, doubt.connection_id, why))  # type: ignore[misc]
        return
    in_transaction(scope, lambda uow: observe(uow, [seen], doubt.connection_id))


def _asked_after(uow: UnitOfWork, doubt: ObjectInDoubt) -> int | None:
    """What had come in by now; None when the object is in doubt no more."""
    key = (doubt.account or "", doubt.object_type, doubt.object_id)
    if doubt.reason == "same_second" and not settling.is_in_doubt(uow, key):
        return None
    return raw_store.last_arrival(uow.conn)


def _ask(scope: Scope, doubt: ObjectInDoubt, asked_after: int) -> Observed:
    account = doubt.account or ""
    try:
        answer = connections.stripe(scope, doubt.connection_id).get(doubt.path, account=account)
        return Observed(account, from_json(answer.body), answer.asked_at, object_type=doubt.object_type, asked_after=asked_after)
    except ProviderObjectMissing:
        gone = {"id": doubt.object_id, "object": doubt.object_type}
        return Observed(account, gone, _NEVER, deleted=True, asked_after=asked_after)
    except ProviderBusy:
        raise
    except ProviderUnavailable as error:
        raise NotYet(f"{doubt.object_type} {doubt.object_id}: {error}") from error
    except (ProviderRefused, ValueError) as error:
        raise Permanent(f"{doubt.object_type} {doubt.object_id}: {error}") from error
