"""API keys: issue, list, rotate, revoke. The key itself is shown once; only its SHA-256 is stored.

Keys live in real time, whatever the domain's clock says: a lease on access must not end early or late.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from oppulence.kernel import auth, clock, crypto
from oppulence.kernel import scopes as vocabulary
from oppulence.kernel.ids import new_id, random_text
from oppulence.kernel.pagination import After
from oppulence.kernel.uow import Scope, UnitOfWork, in_transaction
from oppulence.tenancy import roles
from oppulence.tenancy.access import authority
from oppulence.tenancy.errors import ApiKeyAlreadyRotated, ApiKeyNotFound, ApiKeyRevoked, ExpiryInThePast, UnknownScope
from oppulence.tenancy.events import ApiKeyCreated, ApiKeyRotated
from oppulence.tenancy.events import ApiKeyRevoked as ApiKeyWasRevoked
from oppulence.tenancy.models import ApiKey
from oppulence.tenancy.roles import Authority
from oppulence.tenancy.store import api_keys as store
from oppulence.tenancy.store import workspaces as workspace_store

AGED_AFTER = timedelta(days=90)
_PREFIX_LENGTH = 12
_RANDOM_LENGTH = 32


@dataclass(frozen=True, slots=True)
class KeySpec:
    """What a key shall be. `rate_limit_per_minute` lies under the plan's limit, not over it."""

    name: str
    scopes: tuple[str, ...]
    expires_at: datetime | None = None
    rate_limit_per_minute: int | None = None
    rotated_from: str | None = None


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A key and, for this once, the secret that callers send."""

    key: ApiKey
    secret: str


def create(uow: UnitOfWork, spec: KeySpec) -> IssuedKey:
    """Issue a key for the caller.

    Raises:
        UnknownScope: a scope that does not exist.
        EscalationRefused: a scope that the caller lacks, or a longer life or higher limit than that of the calling key.
        ExpiryInThePast: it would never work.
    """
    unknown = vocabulary.unknown(spec.scopes)
    if unknown:
        raise UnknownScope(f"There is no scope {', '.join(unknown)}.", param="scopes")
    return issue(uow, authority(uow), spec)


def issue(uow: UnitOfWork, by: Authority, spec: KeySpec) -> IssuedKey:
    """Make a key, which has no more than its maker and the mode of its workspace.

    Raises:
        EscalationRefused, ExpiryInThePast: see `create`.
    """
    now = clock.real_now()
    roles.check_scopes(by, spec.scopes)
    roles.check_limits(by, spec.expires_at, spec.rate_limit_per_minute)
    if spec.expires_at is not None and spec.expires_at <= now:
        raise ExpiryInThePast("The key would have expired already. Send a later `expires_at`.", param="expires_at")
    secret = f"op_{workspace_store.read_workspace(uow.conn).mode}_{random_text(_RANDOM_LENGTH)}"
    key = ApiKey(
        id=new_id("key"), name=spec.name, prefix=secret[:_PREFIX_LENGTH], scopes=sorted(set(spec.scopes)),
        rate_limit_per_minute=spec.rate_limit_per_minute, created_by=by.id, created_at=now, age_days=0,
        expires_at=spec.expires_at, revoked_at=None, rotated_from=spec.rotated_from, last_used_on=None,
    )  # fmt: skip
    store.insert_key(uow.conn, uow.workspace_id, key, auth.hash_key(secret))
    if spec.rotated_from is None:
        uow.audit("api_key.created", "api_key", key.id, after=_shown(key))
        uow.emit(ApiKeyCreated(api_key_id=key.id, scopes=key.scopes, expires_at=key.expires_at))
    return IssuedKey(key, secret)


def page(uow: UnitOfWork, after: After | None, most: int) -> list[ApiKey]:
    """Keys, newest first."""
    return store.list_keys(uow.conn, after, most)


def rotate(uow: UnitOfWork, key_id: str, overlap: timedelta) -> IssuedKey:
    """Issue a successor with the same scopes, limit and length of life; the old key ends after the overlap.

    A key that has an end cannot rotate itself, or another, past that end.

    Raises:
        ApiKeyNotFound, ApiKeyRevoked, ApiKeyAlreadyRotated
        EscalationRefused: the key has scopes that the caller lacks, or a higher limit.
    """
    old = _locked(uow, key_id)
    if old.revoked_at is not None:
        raise ApiKeyRevoked("A revoked key cannot be rotated. Create a new one with POST /v1/api_keys.")
    if store.has_successor(uow.conn, key_id):
        raise ApiKeyAlreadyRotated("This key was rotated before: rotate its successor.")
    now = clock.real_now()
    by = authority(uow)
    own_end = now + (old.expires_at - old.created_at) if old.expires_at else None
    expires_at = min((end for end in (own_end, by.expires_at) if end is not None), default=None)
    spec = KeySpec(old.name, tuple(old.scopes), expires_at, old.rate_limit_per_minute, rotated_from=old.id)
    issued = issue(uow, by, spec)
    ends_at = min(now + overlap, old.expires_at) if old.expires_at else now + overlap
    store.set_expiry(uow.conn, old.id, ends_at)
    uow.audit("api_key.rotated", "api_key", old.id, after={"successor": issued.key.id, "expires_at": ends_at})
    uow.emit(ApiKeyRotated(api_key_id=issued.key.id, rotated_from=old.id, old_expires_at=ends_at))
    return issued


def revoke(uow: UnitOfWork, key_id: str) -> None:
    """End a key; everywhere within 30 seconds. Revoking it again changes nothing.

    Raises:
        ApiKeyNotFound: no such key.
    """
    key = _locked(uow, key_id)
    if key.revoked_at is not None:
        return
    store.revoke(uow.conn, key_id, clock.real_now())
    uow.audit("api_key.revoked", "api_key", key_id, before=_shown(key))
    uow.emit(ApiKeyWasRevoked(api_key_id=key_id))
    uow.after_commit(auth.forget_all)


def notice_aged(scope: Scope) -> int:
    """Write a notice into the audit log for each live key that has become 90 days old, once; returns how many."""
    made_before = clock.real_now() - AGED_AFTER
    noticed = 0
    for workspace_id in in_transaction(scope, lambda uow: store.workspaces_with_aged_keys(uow.conn, made_before)):
        crypto.warm(scope.context, workspace_id)
        noticed += in_transaction(replace(scope, workspace_id=workspace_id), lambda uow: _notice(uow, made_before))
    return noticed


def _notice(uow: UnitOfWork, made_before: datetime) -> int:
    aged = store.mark_aged(uow.conn, made_before, clock.real_now())
    for key_id, created_at in aged:
        uow.audit("api_key.aged", "api_key", key_id, metadata={"created_at": created_at, "age_days": AGED_AFTER.days})
    return len(aged)


def _locked(uow: UnitOfWork, key_id: str) -> ApiKey:
    key = store.find_key(uow.conn, key_id, lock=True)
    if key is None:
        raise ApiKeyNotFound(f"No API key {key_id} in this workspace.")
    return key


def _shown(key: ApiKey) -> dict[str, object]:
    return key.model_dump(mode="json", include={"name", "prefix", "scopes", "expires_at", "rate_limit_per_minute"})
