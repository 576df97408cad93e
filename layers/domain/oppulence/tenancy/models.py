"""Workspaces, members, keys, flags and audit events as the API shows them."""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from oppulence.kernel.instant import Instant
from oppulence.kernel.request import Model, Secret
from oppulence.kernel.scopes import Role

Name = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=r"\S")]
EmailAddress = Annotated[str, StringConstraints(max_length=254, pattern=r"^[^\s@]{1,64}@[^\s@.]+(\.[^\s@.]+)+$")]
Word = Annotated[str, StringConstraints(min_length=1, max_length=255)]
RecipientPattern = Annotated[str, StringConstraints(max_length=254, pattern=r"^[^\s@]+@[^\s@]+$")]


class Mode(StrEnum):
    """What a workspace's data are: real money, a provider's test mode, or made up."""

    LIVE = "live"
    TEST = "test"
    SANDBOX = "sandbox"


class Status(StrEnum):
    """A workspace's life: `deleting` can still be undone, `deleted` is a tombstone."""

    ACTIVE = "active"
    DELETING = "deleting"
    DELETED = "deleted"


class Settings(Model):
    """A workspace's settings. In a change only the fields that are sent count."""

    test_recipients: Annotated[
        list[RecipientPattern],
        Field(max_length=100, description="Patterns such as `*@example.com`: a test workspace mails no other address."),
    ] = []
    time_zone: Annotated[str, Field(max_length=64, description="IANA name; decides which day an instant belongs to.")] = "UTC"
    usage_max_age_days: Annotated[
        int | None, Field(ge=1, le=36_500, description="Usage events that happened longer ago are refused. Null takes all.")
    ] = None


class Row(BaseModel):
    """Base of what is read from the database."""

    model_config = ConfigDict(frozen=True)


class Workspace(Row):
    """A tenant."""

    id: str
    name: str
    slug: str
    mode: Mode
    plan: str
    status: Status
    settings: Settings
    created_at: datetime
    updated_at: datetime
    deletion_due_at: datetime | None
    export_key: str | None


class WorkspaceView(Row):
    """A workspace as its own people see it."""

    id: str
    name: str
    slug: str
    mode: Mode
    plan: str
    status: Status
    settings: Settings
    created_at: datetime
    updated_at: datetime
    deletion_due_at: Annotated[datetime | None, Field(description="When a scheduled deletion can no longer be undone.")]
    export_url: Annotated[
        str | None, Field(description="While a deletion can be undone: reads the export, for the next 15 minutes.")
    ]

    @classmethod
    def of(cls, workspace: Workspace, export_url: str | None = None) -> "WorkspaceView":
        """Show a workspace."""
        return cls(**workspace.model_dump(exclude={"settings", "export_key"}), settings=workspace.settings, export_url=export_url)


class Member(Row):
    """A member, or somebody invited to become one."""

    id: Annotated[str, Field(description="`mem_…` of a member, `inv_…` of an open invitation.")]
    status: Literal["active", "invited"]
    role: Role
    user_id: str | None
    email: str | None
    name: str | None
    created_at: datetime
    expires_at: Annotated[datetime | None, Field(description="Last moment to accept an invitation.")]


class Invitation(Row):
    """An open invitation."""

    id: str
    email: str
    role: Role
    created_at: datetime
    expires_at: datetime


class ApiKey(Row):
    """A key, without its secret."""

    id: str
    name: str
    prefix: Annotated[str, Field(description="The key's first 12 characters.")]
    scopes: list[str]
    rate_limit_per_minute: int | None
    created_by: Annotated[str, Field(description="The user or key that made it.")]
    created_at: datetime
    age_days: int
    expires_at: datetime | None
    revoked_at: datetime | None
    rotated_from: str | None
    last_used_on: date | None


class CreatedApiKey(ApiKey):
    """A new key with its secret."""

    api_key: Annotated[str | None, Secret(), Field(description="What callers send. Shown this once.")]

    @classmethod
    def of(cls, key: ApiKey, secret: str) -> "CreatedApiKey":
        """Show a key for the first time."""
        return cls(**key.model_dump(), api_key=secret)


class FeatureFlag(Row):
    """A switch by name."""

    name: str
    enabled: bool
    description: str
    updated_at: datetime


class AuditActor(Row):
    """Who did it. Address and user agent are null once the workspace is erased."""

    type: Literal["user", "api_key", "system"]
    id: str
    ip_address: str | None
    user_agent: str | None


class AuditResource(Row):
    """What it was done to."""

    type: str
    id: str


class AuditEvent(Row):
    """One entry of the audit log."""

    id: str
    occurred_at: datetime
    actor: AuditActor
    action: str
    resource: AuditResource
    changes: Annotated[dict[str, Any] | None, Field(description="`before` and `after`, without personal data.")]
    metadata: dict[str, Any] | None
    personal: Annotated[dict[str, Any] | None, Field(description="Personal data of the entry; null once erased.")]


class LetterStatus(StrEnum):
    """A dead letter's life.

    `pending` will be tried again by itself; `retrying` was sent back; `resolved` was then processed; `kept` failed again, or
    cannot be tried, and waits for a person; `discarded` a person gave up.
    """

    PENDING = "pending"
    RETRYING = "retrying"
    RESOLVED = "resolved"
    KEPT = "kept"
    DISCARDED = "discarded"


OPEN = (LetterStatus.PENDING, LetterStatus.KEPT)
"""What waits, for the clock or for a person."""


class DeadLetter(Row):
    """An event that a consumer could not process."""

    id: str
    status: LetterStatus
    queue: str
    consumer: Annotated[str | None, Field(description="Null when what failed has no queue to go back to.")]
    event_id: Annotated[str | None, Field(description="Null when the event cannot be read.")]
    event_type: str | None
    error: Annotated[str, Field(description="The error's class.")]
    message: Annotated[str, Field(description="What it said, without addresses and secrets.")]
    tries: Annotated[int, Field(description="Failed tries, over all times that it came back.")]
    first_failed_at: datetime
    last_failed_at: datetime
    sent_back_at: Annotated[datetime | None, Field(description="When it was last sent back to its consumer.")]
    decided_by: Annotated[str | None, Field(description="Who sent it back or discarded it; null when it went by itself.")]
    decided_at: datetime | None
    discard_reason: str | None


class DeadLetterBody(Row):
    """What a consumer could not process, as it stood."""

    id: str
    event: Annotated[dict[str, Any] | None, Field(description="As the bus delivered it; a webhook's sealed body is left out.")]
    text: Annotated[str | None, Field(description="What came instead, when it is no JSON object.")]
    webhook: Annotated[
        str | None, Field(description="The provider's body, opened, for callers who have the scope `webhooks:read` too.")
    ]


class LetterFilter(Model):
    """Which letters: all filters must fit."""

    status: LetterStatus | None = None
    consumer: Annotated[Word | None, Field(description="Such as `sync.consumers.on_webhook_received`.")] = None
    event_type: Word | None = None
    since: Annotated[Instant | None, Field(description="Last failed at or after this instant.")] = None
    until: Annotated[Instant | None, Field(description="Last failed before this instant.")] = None
    reason: Annotated[Word | None, Field(description="Text that the error holds, in whatever case.")] = None


class RedriveRequest(LetterFilter):
    """Letters by id, or by filter."""

    ids: Annotated[list[Word], Field(max_length=100, description="Only these; filters narrow them further.")] = []
    dry_run: Annotated[bool, Field(description="Only say which they would be.")] = False


class Redriven(Row):
    """What a call sent back, or would send."""

    data: list[DeadLetter]
    matched: Annotated[int, Field(description="Letters that fit and can be sent back; a call sends 100, the oldest first.")]
    dry_run: bool
