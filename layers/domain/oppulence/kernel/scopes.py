"""Scopes of keys and permissions of roles: one vocabulary for both.

Source: the product's permission matrix. Owner and Admin do everything; Member works, but changes no connection and sees no
settings; Viewer reads. A Service is a key and has exactly the scopes it was given.
"""

from collections.abc import Iterable
from enum import StrEnum

SCOPES = {
    "connections:read": "Read connection status and accounts",
    "connections:write": "Create, update, delete connections",
    "transactions:read": "Read transactions",
    "transactions:write": "Trigger syncs, update metadata",
    "transactions:sync": "Trigger transaction sync",
    "enrichment:read": "Read enrichment data",
    "enrichment:write": "Trigger enrichment",
    "webhooks:read": "Read webhook events",
    "webhooks:write": "Configure webhook endpoints",
    "analytics:read": "Read analytics data",
    "customers:read": "Read customers, their subjects and links",
    "customers:write": "Create, change, merge, archive and erase customers",
    "meters:read": "Read meters and what they count",
    "meters:write": "Create, change and archive meters",
    "usage:read": "Read usage events and quantities",
    "usage:write": "Send usage events",
    "sync:read": "Read mirrored provider objects and events",
    "sync:write": "Start and cancel backfills, and send events through again",
    "ledger:read": "Read journal entries and balances",
    "recovery:read": "Read recovery cases and their outcome",
    "dead_letters:read": "Read events that could not be processed",
    "dead_letters:write": "Send back or discard events that could not be processed",
    "settings:read": "Read the workspace, its members, flags and audit log",
    "settings:write": "Change the workspace, its members and flags",
    "api_keys:read": "List API keys",
    "api_keys:write": "Create, rotate and revoke API keys",
    "admin:*": "Full administrative access",
}

ADMIN = "admin:*"


class Role(StrEnum):
    """A person's role in a workspace."""

    OWNER = "owner"
    ADMIN = "admin"
    MEMBER = "member"
    VIEWER = "viewer"


_VIEWER = frozenset(
    {"connections:read", "transactions:read", "customers:read", "meters:read", "usage:read", "sync:read", "ledger:read",
     "recovery:read", "analytics:read"}
)  # fmt: skip
_MEMBER = _VIEWER | {"enrichment:read", "enrichment:write", "webhooks:read", "dead_letters:read"}

ROLE_SCOPES: dict[Role, frozenset[str]] = {
    Role.OWNER: frozenset({ADMIN}),
    Role.ADMIN: frozenset({ADMIN}),
    Role.MEMBER: _MEMBER,
    Role.VIEWER: _VIEWER,
}


def allows(granted: Iterable[str], scope: str) -> bool:
    """Whether granted scopes cover one: by name, or by full administrative access."""
    granted = set(granted)
    return scope in granted or ADMIN in granted


def unknown(scopes: Iterable[str]) -> list[str]:
    """Names that are no scopes."""
    return sorted(set(scopes) - SCOPES.keys())
