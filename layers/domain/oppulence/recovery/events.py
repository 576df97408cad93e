"""Events of recovery: what happens to cases, and the mails that went out for them."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from oppulence.kernel.events import Event
from oppulence.kernel.money import Currency


class CaseFact(Event):
    """What all facts about a case carry."""

    case_id: str
    account: Annotated[str | None, Field(description="Connected account the invoice belongs to; null for the connection's own.")]
    invoice_id: str
    customer_id: str | None
    object_version: Annotated[int, Field(description="Rises with each change of the case; read models drop a lower one.")]
    amount_at_risk_minor: Annotated[int, Field(description="Minor units of `currency` unpaid at the first failure.")]
    currency: Currency


class CaseOpened(CaseFact, type="recovery.case.opened", version=1):
    """A payment of an invoice failed for the first time. Emitted once per case."""


class CaseClosed(CaseFact, type="recovery.case.closed", version=1):
    """A case came to its end: nothing more is sent for it."""

    status: Literal["recovered", "lost"]
    reason: Literal["paid", "voided", "uncollectible", "cadence_over"]
    recovered_minor: Annotated[int, Field(description="Minor units of `currency`; 0 when the case was lost.")]


class CaseReopened(CaseFact, type="recovery.case.reopened", version=1):
    """A closed case is no longer what it was closed as: its invoice was paid late, or is open again."""

    was: Annotated[Literal["recovered", "lost"], Field(description="Status before.")]


class CaseDatedBack(CaseFact, type="recovery.case.dated_back", version=1):
    """An earlier failure of the invoice came to be known: the case began then, with what was unpaid then."""

    opened_at: Annotated[datetime, Field(description="When the case began, as is known now.")]


class MailSent(Event, type="recovery.mail.sent", version=1):
    """A dunning mail was handed to the mail service. Emitted once per case and step."""

    case_id: str
    invoice_id: str
    customer_id: str | None
    step: Annotated[str, Field(description="Step of the cadence, such as `reminder_day_3`.")]
    message_id: Annotated[str, Field(description="The mail service's id of the message.")]
