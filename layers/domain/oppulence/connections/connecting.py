"""Connecting an account and keeping its key good. A key is checked at Stripe before it is stored, and no transaction waits."""

from dataclasses import asdict, replace

from oppulence.connections import api, endpoints, manage, store, stripe_keys
from oppulence.connections.api import API_KEY
from oppulence.connections.door_table import SECRETS
from oppulence.connections.errors import (
    ConnectionExists,
    KeyNotUsable,
    KeyOfAnotherAccount,
    NothingToConnectWith,
    ProviderKeyRefused,
    ProviderRefused,
)
from oppulence.connections.models import ConnectionChange, ConnectionView, NewConnection
from oppulence.connections.store import Connection
from oppulence.connections.stripe_gateway import StripeGateway
from oppulence.connections.stripe_keys import Account
from oppulence.kernel.ids import new_id
from oppulence.kernel.uow import Scope, UnitOfWork, in_transaction
from oppulence.tenancy import api as tenancy


def connect(scope: Scope, wanted: NewConnection) -> ConnectionView:
    """Connect a provider account; its door opens with the answer.

    With a key and no signing secrets the endpoint is registered at Stripe: the connection is recorded as `connecting`, which
    nobody sees, and becomes active with the endpoint's secret. The same request goes on there after a failure; what is left
    for an hour is undone.

    Raises:
        NothingToConnectWith, KeyNotUsable, ConnectionExists
        ProviderRefused: Stripe does not take the endpoint; nothing is left of the connection.
        ProviderBusy, ProviderUnavailable: send the same request again.
    """
    if not (wanted.api_key or wanted.webhook_secrets or wanted.partner_event_source):
        raise NothingToConnectWith(
            "Give an api_key, and we register the webhook endpoint, or the webhook_secrets of one made by hand.", param="api_key"
        )
    account = _checked(scope, wanted) if wanted.api_key else None
    row = in_transaction(scope, lambda uow: _recorded(uow, wanted, account))
    if row.status == "connecting":
        try:
            row = endpoints.register(scope, row.id)
        except (ProviderRefused, ProviderKeyRefused):
            endpoints.undo(scope, row)
            raise
    return manage.view(row)


def change(scope: Scope, connection_id: str, wanted: ConnectionChange) -> ConnectionView:
    """Change a connection. A new key is checked first, belongs to the same account, and makes `needs_reauth` active again.

    Raises:
        ConnectionNotFound, KeyNotUsable, ConnectionExists
        ProviderBusy, ProviderUnavailable: nothing was changed.
    """
    row = in_transaction(scope, lambda uow: manage.live(uow, connection_id))
    account = None
    if wanted.api_key:
        account = _good_key(scope, StripeGateway(row.id, wanted.api_key), row)
    return in_transaction(scope, lambda uow: _changed(uow, connection_id, wanted, account))


def check(scope: Scope, connection_id: str) -> ConnectionView:
    """Ask Stripe whether the connection's key is good: it becomes `needs_reauth` with the reason, or active again.

    Raises:
        ConnectionNotFound, ConnectionHasNoKey
        ProviderBusy, ProviderUnavailable: Stripe cannot say at the moment.
    """
    gateway = api.stripe(scope, connection_id)
    row = in_transaction(scope, lambda uow: manage.live(uow, connection_id))
    try:
        account = _good_key(scope, gateway, row)
    except KeyNotUsable as bad:
        reason = bad.message
        in_transaction(scope, lambda uow: api.mark_needs_reauth(uow, connection_id, reason))
        return in_transaction(scope, lambda uow: manage.get(uow, connection_id))
    return in_transaction(scope, lambda uow: _changed(uow, connection_id, ConnectionChange(), account))


def rotate(scope: Scope, connection_id: str) -> ConnectionView:
    """Replace the endpoints at Stripe, and with them their secrets; a rotation that broke off is finished instead.

    A connection whose endpoint was made by hand gets one of ours beside it.

    Raises:
        ConnectionNotFound, ConnectionHasNoKey
        ProviderKeyRefused, ProviderRefused, ProviderBusy, ProviderUnavailable: send the same request again.
    """
    row = in_transaction(scope, lambda uow: manage.live(uow, connection_id))
    if not endpoints.replaced(row):
        endpoints.register(scope, connection_id)
    return manage.view(endpoints.retire(scope, connection_id))


def _checked(scope: Scope, wanted: NewConnection) -> Account:
    """Whose key it is, found good."""
    key = wanted.api_key or ""
    stripe_keys.check_mode(key, _mode(scope))
    gateway = StripeGateway(f"{scope.workspace_id}-new", key)
    account = stripe_keys.check(gateway, connect=wanted.connect, registers=not wanted.webhook_secrets)
    return _same(account, wanted.stripe_account)


def _good_key(scope: Scope, gateway: StripeGateway, row: Connection) -> Account:
    stripe_keys.check_mode(gateway.key, _mode(scope))
    return _same(stripe_keys.check(gateway, connect=row.connect, registers=bool(row.endpoints)), row.provider_account_id)


def _same(account: Account, expected: str | None) -> Account:
    if expected not in (None, account.id):
        raise KeyOfAnotherAccount(f"This key belongs to {account.id}, not to {expected}.", param="api_key")
    return account


def _mode(scope: Scope) -> str:
    facts = in_transaction(scope, lambda uow: tenancy.workspace(uow.conn))
    return str(facts.mode.value) if facts else ""


def _recorded(uow: UnitOfWork, wanted: NewConnection, account: Account | None) -> Connection:
    """The connection's row: complete, or the intent to register its endpoint, which an earlier try may have left."""
    registers = wanted.api_key is not None and not wanted.webhook_secrets
    account_id = account.id if account else wanted.stripe_account
    row = Connection(
        id=new_id("conn"), workspace_id=uow.workspace_id, provider=wanted.provider, provider_account_id=account_id,
        status="connecting" if registers else "active",
        api_key=manage.seal(uow, wanted.api_key, API_KEY) if wanted.api_key else None,
        webhook_secrets=manage.seal(uow, wanted.webhook_secrets or [], SECRETS), metadata=dict(wanted.metadata), version=1,
        created_at=uow.now, updated_at=uow.now, connect=wanted.connect, partner_event_source=wanted.partner_event_source,
        account=_facts(account),
    )  # fmt: skip
    begun = store.connecting(uow.conn, wanted.provider, account_id)
    if begun is not None:
        row = replace(row, id=begun.id, endpoint_intent_at=begun.endpoint_intent_at, created_at=begun.created_at)
        row = store.update(uow.conn, row)
    elif not store.insert(uow.conn, row):
        raise ConnectionExists(
            f"Account {account_id}, or the event source, is connected already. Change that connection, or remove it first."
        )
    if not registers:
        manage.announce(uow, row, "connection.created")
    return row


def _changed(uow: UnitOfWork, connection_id: str, wanted: ConnectionChange, account: Account | None) -> ConnectionView:
    row = manage.live(uow, connection_id)
    changed = row
    if wanted.metadata is not None:
        changed = replace(changed, metadata=dict(wanted.metadata))
    if wanted.partner_event_source is not None:
        changed = replace(changed, partner_event_source=wanted.partner_event_source)
    if wanted.api_key is not None:
        changed = replace(changed, api_key=manage.seal(uow, wanted.api_key, API_KEY))
    if account is not None:
        changed = replace(changed, provider_account_id=account.id, account=_facts(account), status="active", status_reason=None)
    if changed == row:
        return manage.view(row)
    changed = store.update(uow.conn, replace(changed, updated_at=uow.now))
    manage.announce(uow, changed, "connection.updated")
    return manage.view(changed)


def _facts(account: Account | None) -> dict[str, str | None]:
    facts = asdict(account) if account else {}
    facts.pop("id", None)
    return facts
