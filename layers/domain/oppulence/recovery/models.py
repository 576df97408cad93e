"""Cases and what stands in their timeline."""

from dataclasses import field
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic.dataclasses import dataclass


class CaseStatus(StrEnum):
    """Where a case stands."""

    OPEN = "open"
    RECOVERED = "recovered"
    LOST = "lost"


class CloseReason(StrEnum):
    """Why a case is closed."""

    PAID = "paid"
    VOIDED = "voided"
    UNCOLLECTIBLE = "uncollectible"
    CADENCE_OVER = "cadence_over"

    @property
    def status(self) -> CaseStatus:
        """The status a case closed for this reason has."""
        return CaseStatus.RECOVERED if self is CloseReason.PAID else CaseStatus.LOST


class EntryKind(StrEnum):
    """What an entry of the timeline tells."""

    FAILURE = "failure"
    STEP = "step"
    MAIL = "mail"
    SKIPPED = "skipped"
    CLOSED = "closed"
    REOPENED = "reopened"


class StepStatus(StrEnum):
    """What became of a step. Only `pending` may change."""

    PENDING = "pending"
    SENT = "sent"
    SKIPPED = "skipped"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Case:
    """A case as it stands; amounts in minor units of `currency`. `finished_steps` are those with an outcome."""

    id: str
    account: str | None
    invoice_id: str
    customer_id: str | None
    amount_at_risk_minor: int
    recovered_minor: int
    currency: str
    status: CaseStatus
    close_reason: CloseReason | None
    failures: int
    opened_at: datetime
    closed_at: datetime | None
    next_step_at: datetime | None
    version: int
    invoice_version: int
    execution_name: str
    execution_arn: str | None
    executions: int
    finished_steps: frozenset[str]


@dataclass(frozen=True)
class StepRecord:
    """A step's outcome, or its intent while `pending`."""

    step: str
    status: StepStatus
    attempts: int
    message_id: str | None


@dataclass(frozen=True)
class Entry:
    """One line of a case's timeline, at domain time."""

    at: datetime
    kind: EntryKind
    reason: str
    step: str | None = None
    details: dict[str, Any] = field(default_factory=dict)
