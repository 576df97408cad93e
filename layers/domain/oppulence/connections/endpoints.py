"""Webhook endpoints that we register at Stripe: made, replaced with a new secret, and removed, whatever breaks in between.

Stripe shows a secret once, when the endpoint is made. So the intent is recorded first, the endpoints are asked for under
idempotency keys that follow from it, and then they are recorded with their secrets. A retry within a day asks under the same
keys and gets the same endpoints. After that Stripe has forgotten the keys, and after a failure that it answered it would answer
the same again: then what was made is found by its metadata, removed, and made anew.

Stripe's API cannot roll a secret: a rotation makes a second endpoint, accepts both secrets, and then deletes the first. While
both are there events come twice, which the mirror is made for.
"""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from oppulence.connections import store
from oppulence.connections.door_table import SECRETS
from oppulence.connections.errors import ConnectionNotFound, ProviderKeyRefused, ProviderObjectMissing, ProviderUnavailable
from oppulence.connections.manage import announce, digest, key_of, live, seal, secrets_of, url_of
from oppulence.connections.store import Connection
from oppulence.connections.stripe_gateway import API_VERSION, StripeGateway
from oppulence.kernel import clock
from oppulence.kernel.ids import new_id
from oppulence.kernel.uow import Scope, UnitOfWork, in_transaction

PATH = "/v1/webhook_endpoints"
MARK = "oppulence_connection"
"""Name of the metadata by which an endpoint of ours is known."""

KEYS_LIVE_FOR = timedelta(hours=20)
"""Stripe keeps idempotency keys for at least 24 hours."""

_FAREWELL_FOR = timedelta(days=3)


def register(scope: Scope, connection_id: str) -> Connection:
    """Make the connection's endpoints at Stripe and accept their secrets; the ones that it has stay.

    Raises:
        ConnectionNotFound, ConnectionHasNoKey
        ProviderKeyRefused, ProviderRefused, ProviderBusy, ProviderUnavailable: the intent stays recorded; call again.
    """
    row, key, intent = in_transaction(scope, lambda uow: _intent(uow, connection_id))
    gateway = StripeGateway(connection_id, key)
    if clock.real_now() - intent > KEYS_LIVE_FOR:
        remove(gateway, connection_id, keep=[one["id"] for one in row.endpoints])
        intent = in_transaction(scope, lambda uow: _begin(uow, live(uow, connection_id, connecting=True)))
    try:
        made = [_make(gateway, row, intent, connect=connect) for connect in ((False, True) if row.connect else (False,))]
    except ProviderUnavailable as error:
        if error.answered:
            in_transaction(scope, lambda uow: _abandon(uow, connection_id, intent))
        raise
    try:
        return in_transaction(scope, lambda uow: _record(uow, connection_id, intent, made))
    except ConnectionNotFound:  # removed, or undone, meanwhile
        for one in made:
            _delete(gateway, one["id"])
        raise


def retire(scope: Scope, connection_id: str) -> Connection:
    """Delete the endpoints that newer ones have replaced, at Stripe and then here, and accept their secrets no more.

    What Stripe had in flight under the old secret at that second is refused; the reconciler brings it.

    Raises:
        As `register`.
    """
    row = in_transaction(scope, lambda uow: live(uow, connection_id))
    old = replaced(row)
    if not old:
        return row
    gateway = StripeGateway(connection_id, in_transaction(scope, lambda uow: key_of(uow, row)))
    remove(gateway, connection_id, keep=[one["id"] for one in row.endpoints if one not in old])
    return in_transaction(scope, lambda uow: _forget(uow, connection_id, {one["id"] for one in old}))


def replaced(row: Connection) -> list[dict[str, str]]:
    """Endpoints that newer ones have replaced; the newest stand first."""
    return [one for one in row.endpoints if one["made"] != row.endpoints[0]["made"]]


def repair(scope: Scope, connection_id: str) -> bool:
    """Enable endpoints that Stripe, or somebody there, has disabled, and make new ones for those deleted; whether it had to.

    Raises:
        As `register`.
    """
    row, key = in_transaction(scope, lambda uow: (row := live(uow, connection_id), key_of(uow, row)))
    if not row.endpoints:
        return False
    gateway = StripeGateway(connection_id, key)
    states = {one["id"]: one["status"] for one in _listed(gateway)}
    disabled = [one["id"] for one in row.endpoints if states.get(one["id"]) == "disabled"]
    for endpoint_id in disabled:
        gateway.post(f"{PATH}/{endpoint_id}", {"disabled": False}, idempotency_key=new_id("enable"))
    deleted = any(one["id"] not in states for one in row.endpoints)
    if deleted:
        register(scope, connection_id)
        retire(scope, connection_id)
    return deleted or bool(disabled)


def remove(gateway: StripeGateway, connection_id: str, keep: Iterable[str] = ()) -> int:
    """Delete every endpoint at Stripe that was made for a connection, recorded or not; returns how many.

    Raises:
        ProviderKeyRefused, ProviderRefused, ProviderBusy, ProviderUnavailable
    """
    found = [one for one in _listed(gateway) if one["metadata"].get(MARK) == connection_id and one["id"] not in set(keep)]
    for one in found:
        _delete(gateway, one["id"])
    return len(found)


def say_farewell(scope: Scope, connection_id: str) -> None:
    """Remove a disconnected connection's endpoints, then destroy its key.

    Without success for three days, or with a key that is refused, the key alone: Stripe disables what is not answered.

    Raises:
        ProviderRefused, ProviderBusy, ProviderUnavailable: to be tried again.
    """
    row = in_transaction(scope, lambda uow: store.get(uow.conn, connection_id))
    if row is None or row.status != "disconnected" or row.api_key is None:
        return
    if in_transaction(scope, lambda uow: uow.now) - row.updated_at < _FAREWELL_FOR:
        key = in_transaction(scope, lambda uow: key_of(uow, row))
        with suppress(ProviderKeyRefused):  # whoever revoked the key has to delete the endpoint by hand
            remove(StripeGateway(connection_id, key), connection_id)
    gone = replace(row, api_key=None, endpoints=[], endpoint_intent_at=None)
    in_transaction(scope, lambda uow: store.update(uow.conn, gone))


def clean_up(scope: Scope, connection_id: str) -> str:
    """Finish what was begun an hour ago and left.

    A rotation is completed, a connection that never came about is undone, a removed one's endpoints and key are destroyed.

    Raises:
        As `register`.
    """
    row = in_transaction(scope, lambda uow: store.get(uow.conn, connection_id))
    if row is not None and row.status == "disconnected":
        say_farewell(scope, connection_id)
        return "left_stripe"
    if row is None or row.endpoint_intent_at is None:
        return "nothing"
    if row.status != "connecting":
        register(scope, connection_id)
        retire(scope, connection_id)
        return "rotated"
    undo(scope, row)
    return "undone"


def undo(scope: Scope, row: Connection) -> None:
    """Remove what a connection that never came about left at Stripe, and then the connection.

    Raises:
        ProviderRefused, ProviderBusy, ProviderUnavailable
    """
    now = in_transaction(scope, lambda uow: store.get(uow.conn, row.id))
    if now is None or now.status != "connecting":
        return  # somebody beside us finished it
    key = in_transaction(scope, lambda uow: key_of(uow, row))
    with suppress(ProviderKeyRefused):  # then it made none, or cannot be asked any more
        remove(StripeGateway(row.id, key), row.id)
    in_transaction(scope, lambda uow: store.delete(uow.conn, row.id))


def _intent(uow: UnitOfWork, connection_id: str) -> tuple[Connection, str, datetime]:
    """The connection, its key, and its intent: a new one, or what an earlier try has left."""
    row = live(uow, connection_id, connecting=True)
    return row, key_of(uow, row), row.endpoint_intent_at or _begin(uow, row)


def _begin(uow: UnitOfWork, row: Connection) -> datetime:
    at = clock.real_now()
    store.update(uow.conn, replace(row, endpoint_intent_at=at))
    return at


def _abandon(uow: UnitOfWork, connection_id: str, intent: datetime) -> None:
    """Make the intent one whose idempotency keys are of no use any more."""
    row = live(uow, connection_id, connecting=True)
    if row.endpoint_intent_at == intent:
        store.update(uow.conn, replace(row, endpoint_intent_at=intent - 2 * KEYS_LIVE_FOR))


def _make(gateway: StripeGateway, row: Connection, intent: datetime, *, connect: bool) -> dict[str, Any]:
    wanted = {
        "url": url_of(row), "enabled_events": ["*"], "api_version": API_VERSION, "connect": connect,
        "description": "Oppulence", "metadata": {MARK: row.id, "oppulence_workspace": row.workspace_id},
    }  # fmt: skip
    key = f"{row.id}-{intent.timestamp():.6f}-{'connect' if connect else 'own'}"
    made: dict[str, Any] = gateway.post(PATH, wanted, idempotency_key=key).json()
    return made


def _record(uow: UnitOfWork, connection_id: str, intent: datetime, made: list[dict[str, Any]]) -> Connection:
    """Take the endpoints and their secrets in, unless a request beside this one has done so."""
    row = live(uow, connection_id, connecting=True)
    if row.endpoint_intent_at != intent:
        return row
    fresh = [
        {"id": str(one["id"]), "sha256": digest(one["secret"]), "made": intent.isoformat(timespec="microseconds")} for one in made
    ]
    secrets = [str(one["secret"]) for one in made] + secrets_of(uow, row)
    was_connecting = row.status == "connecting"
    changed = store.update(uow.conn, replace(
        row, endpoints=fresh + row.endpoints, endpoint_intent_at=None, updated_at=uow.now,
        webhook_secrets=seal(uow, secrets, SECRETS),
        status="active" if was_connecting else row.status,
    ))  # fmt: skip
    announce(uow, changed, "connection.created" if was_connecting else "webhook.configured")
    return changed


def _forget(uow: UnitOfWork, connection_id: str, gone: set[str]) -> Connection:
    row = live(uow, connection_id)
    digests = {one["sha256"] for one in row.endpoints if one["id"] in gone}
    kept = [one for one in secrets_of(uow, row) if digest(one) not in digests]
    changed = store.update(uow.conn, replace(
        row, endpoints=[one for one in row.endpoints if one["id"] not in gone], updated_at=uow.now,
        webhook_secrets=seal(uow, kept, SECRETS),
    ))  # fmt: skip
    announce(uow, changed, "webhook.configured")
    return changed


def _listed(gateway: StripeGateway) -> list[dict[str, Any]]:
    """The account's endpoints; Stripe allows 16 of each mode, so one page holds them."""
    found: list[dict[str, Any]] = gateway.get(PATH, {"limit": 100}).json()["data"]
    return found


def _delete(gateway: StripeGateway, endpoint_id: str) -> None:
    try:
        gateway.delete(f"{PATH}/{endpoint_id}")
    except ProviderObjectMissing:
        return  # somebody was faster
