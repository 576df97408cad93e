"""Facts about workspaces, their people and their keys. None carries a secret, a name or an address."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from oppulence.kernel.events import Event


class WorkspaceCreated(Event, type="tenancy.workspace.created", version=1):
    """A workspace exists, with its first owner and a data key."""

    mode: Annotated[str, Field(pattern="^(live|test|sandbox)$")]
    plan: Annotated[str, Field(description="Plan for rate limits.")]
    owner_user_id: str


class WorkspaceDeletionScheduled(Event, type="tenancy.workspace.deletion_scheduled", version=1):
    """The workspace refuses requests from now on; an owner can undo it until it is due."""

    due_at: Annotated[datetime, Field(description="When its data and its data key are erased, domain time.")]


class WorkspaceRestored(Event, type="tenancy.workspace.restored", version=1):
    """A scheduled deletion was undone."""


class WorkspaceErased(Event, type="tenancy.workspace.erased", version=1):
    """The workspace's data key is gone. Every context deletes its rows of the workspace, but for audit log and ledger."""


class MemberInvited(Event, type="tenancy.member.invited", version=1):
    """Somebody was invited by e-mail; the address stays in tenancy."""

    invitation_id: str
    role: str
    expires_at: datetime


class MemberJoined(Event, type="tenancy.member.joined", version=1):
    """An invitation was accepted."""

    member_id: str
    user_id: str
    role: str


class MemberRemoved(Event, type="tenancy.member.removed", version=1):
    """A person is no longer a member. The keys they made stay."""

    member_id: str
    user_id: str


class ApiKeyCreated(Event, type="tenancy.api_key.created", version=1):
    """A key may be used from now on."""

    api_key_id: str
    scopes: list[str]
    expires_at: datetime | None


class ApiKeyRotated(Event, type="tenancy.api_key.rotated", version=1):
    """A key has a successor with the same scopes; both work until the old one expires."""

    api_key_id: Annotated[str, Field(description="The new key.")]
    rotated_from: Annotated[str, Field(description="The old key.")]
    old_expires_at: datetime


class ApiKeyRevoked(Event, type="tenancy.api_key.revoked", version=1):
    """A key works no more, everywhere within 30 seconds."""

    api_key_id: str


class AuditLogSealed(Event, type="tenancy.audit_log.sealed", version=1):
    """Entries of the audit log have their links in the chain. Read models fetch them by their places in it."""

    first_seq: Annotated[int, Field(description="Place of the first of these entries.")]
    last_seq: Annotated[int, Field(description="Place of the last; those between belong to it.")]
