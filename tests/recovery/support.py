"""Recovery's world: invoices in the mirror, facts about them, a clock that stands, a mailbox, and the machine run by hand."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.ses.models import ses_backends

from oppulence.kernel import aws
from oppulence.kernel.events import Envelope, Event
from oppulence.kernel.ids import random_text
from oppulence.sync import events as sync_events
from tests.support import entries
from tests.support.cloud import REGION
from tests.support.standing_clock import StandingClock
from tests.support.world import World

DAY = timedelta(days=1)
ASL = Path(__file__).parents[2] / "infra" / "state_machines" / "recovery" / "dunning.asl.json"
Facts = dict[str, type[sync_events.InvoiceFact]]


def definition() -> dict[str, Any]:
    """The machine as it is written."""
    parsed: dict[str, Any] = json.loads(ASL.read_text())
    return parsed


class Mailbox:
    """What SES was given since the mailbox was opened."""

    def __init__(self) -> None:
        self.backend = ses_backends[DEFAULT_ACCOUNT_ID][REGION]
        aws.client("sesv2").create_email_identity(EmailIdentity="billing@oppulence.test") if not self._known() else None
        self.backend.sent_messages.clear()

    def _known(self) -> bool:
        listed = aws.client("sesv2").list_email_identities()["EmailIdentities"]
        return any(one["IdentityName"] == "billing@oppulence.test" for one in listed)

    @property
    def subjects(self) -> list[str]:
        """Subjects, in order of sending."""
        return [str(message.subject) for message in self.backend.sent_messages]

    @property
    def addresses(self) -> list[str]:
        """Recipients, in order of sending."""
        return [address for message in self.backend.sent_messages for address in message.destinations["ToAddresses"]]


class Dunning:
    """`failed`, `paid`, ... change the mirror and tell the fact; `run` lets a case's machine go on to `until`."""

    def __init__(self, world: World, clock: StandingClock, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch) -> None:
        self.world, self.clock, self.mailbox = world, clock, mailbox
        self.workspace_id = world.workspace(settings='{"test_recipients": ["*@example.com"]}')
        self._invoices: dict[str, dict[str, Any]] = {}
        self.states = aws.client("stepfunctions")
        self.monkeypatch = monkeypatch
        self.use_machine("dunning")

    def use_machine(self, name: str) -> None:
        """Make a machine that is only there to have executions: `run` plays the real one."""
        body = '{"StartAt": "W", "States": {"W": {"Type": "Succeed"}}}'
        role = f"arn:aws:iam::{DEFAULT_ACCOUNT_ID}:role/x"
        self.machine_arn = self.states.create_state_machine(name=name, definition=body, roleArn=role)["stateMachineArn"]
        self.monkeypatch.setenv("MACHINE_RECOVERY_DUNNING", self.machine_arn)

    def forget(self) -> None:
        """Drop the machine."""
        self.states.delete_state_machine(stateMachineArn=self.machine_arn)

    def invoice(self, invoice_id: str | None = None, account: str = "", **fields: Any) -> str:
        """Put an invoice into the mirror, or change one; returns its id."""
        invoice_id = invoice_id or f"in_{random_text(14)}"
        slot = self._invoices.setdefault(
            invoice_id,
            {
                "id": invoice_id, "object": "invoice", "status": "open", "number": "A-0001", "customer": "cus_1",
                "customer_email": "ada@example.com", "customer_name": "Ada Kaya", "amount_remaining": 2610, "amount_paid": 0,
                "total": 2610, "currency": "usd", "hosted_invoice_url": "https://invoice.example.com/i/1", "attempt_count": 1,
            } | {"version": 0},
        )  # fmt: skip
        slot.update(fields)
        slot["version"] += 1
        self.world.admin.execute(
            "INSERT INTO sync.objects (workspace_id, account, type, id, data, event_id, event_created_at, updated_at, version)"
            " VALUES (%s, %s, 'invoice', %s, %s, 'evt_1', now(), now(), %s)"
            " ON CONFLICT (workspace_id, account, type, id) DO UPDATE SET data = excluded.data, version = excluded.version",
            (self.workspace_id, account, invoice_id, json.dumps(slot), slot["version"]),
        )
        return invoice_id

    def fact(self, kind: type[sync_events.InvoiceFact], invoice_id: str, at: datetime | None = None, **fields: Any) -> Envelope:
        """A fact about an invoice, as the mirror would tell it."""
        shown = self._invoices.get(invoice_id) or {"version": 1, "amount_paid": 2610}
        values: dict[str, Any] = {
            "object_id": invoice_id, "account": None, "object_version": shown["version"],
            "provider_event_id": f"evt_{random_text(8)}",
            "currency": "USD", "customer_id": "cus_1", "subscription_id": None, "total_minor": 2610, "tax_minor": 0,
            "amount_remaining_minor": 2610,
        }  # fmt: skip
        if kind is sync_events.InvoicePaid:
            values |= {"amount_paid_minor": shown["amount_paid"], "paid_off_provider_minor": 0, "was_uncollectible": False}
            values["amount_remaining_minor"] = 0
        if kind is sync_events.InvoicePaymentFailed:
            values |= {"attempt_count": 1, "next_attempt_at": None}
        event: Event = kind.model_validate(values | fields)
        return entries.envelope(self.workspace_id, event, occurred_at=at or self.clock.now)

    def deliver(self, *facts: Envelope) -> list[str]:
        """Hand facts to the consumers of their type."""
        back: list[str] = []
        for fact in facts:
            consumer = "recovery.consumers.on_" + fact.type.removeprefix("sync.").replace(".", "_")
            back += self.world.deliver(consumer, fact, workspace_id=self.workspace_id)
        return back

    def fail(self, invoice_id: str, at: datetime | None = None, **fields: Any) -> Envelope:
        """Tell that a payment of the invoice failed."""
        fact = self.fact(sync_events.InvoicePaymentFailed, invoice_id, at, **fields)
        assert self.deliver(fact) == []
        return fact

    def pay(self, invoice_id: str, at: datetime | None = None) -> Envelope:
        """Pay the invoice, in the mirror and by its fact."""
        self.invoice(invoice_id, status="paid", amount_remaining=0, amount_paid=2610)
        fact = self.fact(sync_events.InvoicePaid, invoice_id, at)
        assert self.deliver(fact) == []
        return fact

    def lose(self, invoice_id: str, status: str) -> Envelope:
        """Void the invoice or write it off, in the mirror and by its fact."""
        self.invoice(invoice_id, status=status)
        kind = sync_events.InvoiceVoided if status == "void" else sync_events.InvoiceMarkedUncollectible
        fact = self.fact(kind, invoice_id)
        assert self.deliver(fact) == []
        return fact

    def case(self, invoice_id: str) -> dict[str, Any]:
        """The invoice's case."""
        row = self.world.admin.execute(
            "SELECT to_jsonb(c) FROM recovery.cases c WHERE workspace_id = %s AND invoice_id = %s",
            (self.workspace_id, invoice_id),
        ).fetchone()
        assert row is not None, "no case"
        found: dict[str, Any] = row[0]
        return found

    def timeline(self, invoice_id: str) -> list[tuple[str, str | None]]:
        """Kinds and steps of its timeline, in order of writing."""
        rows = self.world.admin.execute(
            "SELECT kind, step FROM recovery.timeline WHERE case_id = %s ORDER BY seq", (self.case(invoice_id)["id"],)
        ).fetchall()
        return [(str(kind), step) for kind, step in rows]

    def reasons(self, invoice_id: str, kind: str) -> list[str]:
        """Reasons of entries of one kind."""
        query = "SELECT reason FROM recovery.timeline WHERE case_id = %s AND kind = %s ORDER BY seq"
        return [str(row[0]) for row in self.world.admin.execute(query, (self.case(invoice_id)["id"], kind)).fetchall()]

    def executions(self, invoice_id: str) -> dict[str, str]:
        """Executions started for the invoice's case, with their status."""
        listed = self.states.list_executions(stateMachineArn=self.machine_arn)["executions"]
        case_id = self.case(invoice_id)["id"]
        return {one["name"]: one["status"] for one in listed if one["name"].startswith(case_id)}

    def age(self, invoice_id: str, minutes: int) -> None:
        """Let the case's machine be silent for some real minutes."""
        self.world.admin.execute(
            "UPDATE recovery.cases SET touched_at = touched_at - %s * interval '1 minute' WHERE id = %s",
            (minutes, self.case(invoice_id)["id"]),
        )

    def step(self, invoice_id: str, name: str) -> tuple[str, int]:
        """Status and attempts of one of its steps."""
        row = self.world.admin.execute(
            "SELECT status, attempts FROM recovery.steps WHERE case_id = %s AND step = %s", (self.case(invoice_id)["id"], name)
        ).fetchone()
        assert row is not None, "no such step"
        return str(row[0]), int(row[1])

    def task(self, name: str, case: dict[str, Any], **given: Any) -> dict[str, Any]:
        """Call a task as the machine would."""
        known = {
            "workspace_id": self.workspace_id,
            "case_id": case["id"],
            "execution": case["execution_name"],
            "traceparent": None,
        }
        answer: dict[str, Any] = entries.entry(f"recovery.tasks.dunning.{name}")(known | given, None)
        return answer

    def run(self, invoice_id: str, until: datetime) -> str:
        """Run the case's machine from its start; waits move the clock. Returns the state it ended in, or `Wait`."""
        case, states = self.case(invoice_id), definition()["States"]
        state = definition()["StartAt"]
        data: dict[str, Any] = {"workspace_id": self.workspace_id, "case_id": case["id"], "traceparent": None}
        for _ in range(100):
            step = states[state]
            if step["Type"] in ("Succeed", "Fail"):
                return str(state)
            if step["Type"] == "Wait":
                waking = self.clock.now + timedelta(seconds=_at(data, step["SecondsPath"]))
                if waking > until:
                    return str(state)
                self.clock.set(waking)
            elif step["Type"] == "Choice":
                chosen = [one["Next"] for one in step["Choices"] if _at(data, one["Variable"]) == one["StringEquals"]]
                state = chosen[0] if chosen else step["Default"]
                continue
            else:
                context = {"$$.Execution.Name": case["execution_name"]}
                given = {key.removesuffix(".$"): context.get(path) or _at(data, path) for key, path in step["Parameters"].items()}
                handler = entries.entry(f"recovery.tasks.dunning.{step['Resource'][2:-1]}")
                data[step["ResultPath"].removeprefix("$.")] = handler(given, None)
            state = step["Next"]
        raise AssertionError("the machine does not come to an end")


def _at(data: dict[str, Any], path: str) -> Any:
    """The value at a reference path such as `$.decision.wait_s`."""
    value: Any = data
    for part in path.removeprefix("$.").split("."):
        value = value[part]
    return value
