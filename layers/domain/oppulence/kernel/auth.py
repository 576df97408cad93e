"""Who is calling: an API key or a person's OIDC token becomes a principal.

Only a key's SHA-256 is stored. What a look-up found is kept for at most 30 s, so a revocation takes at most that long.
"""

import hashlib
import re
import time
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from psycopg.rows import class_row

from oppulence.kernel import clock, db
from oppulence.kernel.errors import AuthenticationError, AuthorizationError, WorkspaceMismatch
from oppulence.kernel.ids import is_id
from oppulence.kernel.limits import Caller
from oppulence.kernel.scopes import ROLE_SCOPES, Role

if TYPE_CHECKING:
    from oppulence.kernel.oidc import Claims

CACHE_S = 30
_CACHE_MAX = 1_000
_KEY_SHAPE = re.compile(r"op_(live|test|sandbox)_[0-9A-Za-z]{32}")
_JWT_SHAPE = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+", re.ASCII)

_NOT_VALID = "The API key provided is invalid or has been revoked. Create one with POST /v1/api_keys."


class ExpiredKey(AuthenticationError):
    """The key's expiry date has passed."""

    code = "api_key_expired"


class WorkspaceUnavailable(AuthorizationError):
    """The workspace is being deleted, or was."""

    code = "workspace_deleted"


@dataclass(frozen=True, slots=True)
class Person:
    """Whom a token names."""

    issuer: str
    subject: str
    email: str | None
    name: str | None


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller we know. `workspace_id` is None only for a person who has not chosen a workspace."""

    type: Literal["api_key", "user"]
    id: str
    workspace_id: str | None
    scopes: frozenset[str]
    plan: str
    mode: str
    person: Person | None = None
    per_minute: int | None = None
    workspace_status: str = "active"

    @property
    def caller(self) -> Caller:
        """Whose rate limits a request takes."""
        return Caller(self.workspace_id or self.id, self.id, self.plan, self.per_minute)


@dataclass(frozen=True, slots=True)
class KeyRow:
    """What `tenancy.authenticate` answers."""

    key_id: str
    workspace_id: str
    scopes: list[str]
    plan: str
    mode: str
    expires_at: datetime | None
    revoked_at: datetime | None
    workspace_status: str
    rate_limit_per_minute: int | None


@dataclass(frozen=True, slots=True)
class MemberRow:
    """What `tenancy.authenticate_user` answers; without a membership only `user_id` is set."""

    user_id: str
    workspace_id: str | None
    role: str | None
    plan: str | None
    mode: str | None
    workspace_status: str | None


_cache: dict[bytes, tuple[float, Principal, datetime | None]] = {}


def authenticate(role: str, authorization: str | None, workspace_header: str | None) -> Principal:
    """The principal behind an Authorization header.

    Raises:
        AuthenticationError: the header is absent or malformed, the key unknown, revoked or expired, the token not valid.
        WorkspaceMismatch: X-Workspace-Id names a workspace that these credentials do not open.
        Unavailable: PostgreSQL cannot be reached and the key is not in the cache.
    """
    scheme, _, credential = (authorization or "").partition(" ")
    credential = credential.strip()
    if scheme.lower() != "bearer" or not credential:
        raise AuthenticationError("Authentication required: send `Authorization: Bearer <API key>`.", param="Authorization")
    if _KEY_SHAPE.fullmatch(credential):
        principal = _cached_key(role, credential)
        if workspace_header and workspace_header != principal.workspace_id:
            raise WorkspaceMismatch(
                "X-Workspace-Id is not this key's workspace. Omit the header or correct it.", param="X-Workspace-Id"
            )
        return principal
    if len(credential) < 8_000 and _JWT_SHAPE.fullmatch(credential):
        return _user(role, credential, workspace_header)
    raise AuthenticationError(_NOT_VALID, param="Authorization")


def forget_all() -> None:
    """Drop what this process remembers of keys."""
    _cache.clear()


def hash_key(key: str) -> bytes:
    """What is stored of a key."""
    return hashlib.sha256(key.encode()).digest()


def _cached_key(role: str, key: str) -> Principal:
    digest = hash_key(key)
    kept = _cache.get(digest)
    if kept and time.monotonic() - kept[0] < CACHE_S:
        _refuse_expired(kept[2])
        return kept[1]
    row = db.read(role, lambda conn: _fetch_key(conn, digest))
    if row is None or row.revoked_at is not None:
        raise AuthenticationError(_NOT_VALID, param="Authorization")
    _refuse_expired(row.expires_at)
    principal = Principal(
        "api_key", row.key_id, row.workspace_id, frozenset(row.scopes), row.plan, row.mode,
        per_minute=row.rate_limit_per_minute, workspace_status=row.workspace_status,
    )  # fmt: skip
    if row.workspace_status != "active":
        return principal  # not kept, so that a restored workspace works at once
    if len(_cache) >= _CACHE_MAX:
        _cache.clear()
    _cache[digest] = (time.monotonic(), principal, row.expires_at)
    return principal


def _fetch_key(conn: db.Connection, digest: bytes) -> KeyRow | None:
    with conn.cursor(row_factory=class_row(KeyRow)) as cur:
        return cur.execute(
            "SELECT key_id, workspace_id, scopes, plan, mode, expires_at, revoked_at, workspace_status,"
            " rate_limit_per_minute FROM tenancy.authenticate(%s)",
            (digest,),
        ).fetchone()


def _user(role: str, token: str, workspace_header: str | None) -> Principal:
    from oppulence.kernel import oidc

    claims = oidc.verify(token)
    if workspace_header and not is_id(workspace_header, "ws"):
        raise WorkspaceMismatch("X-Workspace-Id is not a workspace id.", param="X-Workspace-Id")
    row = db.read(role, lambda conn: _fetch_member(conn, claims, workspace_header))
    person = Person(claims.issuer, claims.subject, claims.email, claims.name)
    if row is None or row.workspace_id is None:
        if workspace_header:
            raise WorkspaceMismatch("You are not a member of this workspace.", param="X-Workspace-Id")
        return Principal("user", row.user_id if row else claims.user_id, None, frozenset(), "free", "test", person)
    return Principal(
        "user", row.user_id, row.workspace_id, ROLE_SCOPES[Role(row.role or "viewer")], row.plan or "free", row.mode or "test",
        person, workspace_status=row.workspace_status or "active",
    )  # fmt: skip


def _fetch_member(conn: db.Connection, claims: "Claims", workspace_id: str | None) -> MemberRow | None:
    with conn.cursor(row_factory=class_row(MemberRow)) as cur:
        return cur.execute(
            "SELECT user_id, workspace_id, role, plan, mode, workspace_status FROM tenancy.authenticate_user(%s, %s, %s)",
            (claims.issuer, claims.subject, workspace_id),
        ).fetchone()


def _refuse_expired(expires_at: datetime | None) -> None:
    if expires_at is not None and expires_at <= clock.real_now():
        raise ExpiredKey("This API key has expired. Rotate it with POST /v1/api_keys/{id}/rotate.", param="Authorization")
