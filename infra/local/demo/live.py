"""A payment recovered at the local Stripe: declined at the renewal, the card is changed, Stripe's own retry goes through.

Nothing here is recorded. The local Stripe bills, retries on its schedule (3, 5 and 7 days) and sends signed webhooks; virtual
time at the platform and there goes on together. Every run has a customer of its own, who subscribed some weeks ago.
"""

import secrets
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from infra.local import mails
from infra.local.demo.clock import KNOWN_S, Clock
from infra.local.demo.platform import Platform
from infra.local.demo.report import Figure
from infra.local.stripe.fake import FakeStripe

AMOUNT = 4_900
DAY_S = 86_400.0
BEGAN_S = 45 * DAY_S
"""How long ago the customer subscribed: the story ends before now."""

BILLED_S = 3_600
"""Stripe collects a renewal's invoice an hour after it was drafted."""

SCALE = 50_000.0  # a day in 1.7 s
TICK_S = 0.2
WITHIN_S = 60.0
REMINDERS = 3
"""After one, three and seven days; the retry that goes through comes after eight."""

NEW_CARD = "5555555555554444"


class NotRecovered(RuntimeError):
    """The payment did not take its course."""


@dataclass
class Live:
    """One customer's story. `figures` tells what is and what must be, once it is over."""

    platform: Platform
    clock: Clock
    stripe: FakeStripe
    say: Callable[[str], None]
    email: str = field(default_factory=lambda: f"ada.{secrets.token_hex(4)}@example.com")
    invoice: str = ""

    def run(self) -> None:
        """Live through it; virtual time and the local Stripe's are left as they are then.

        Raises:
            NotRecovered: something that must follow did not, in time.
        """
        began = time.time() - BEGAN_S
        self.stripe.turn(began)
        self.clock.run(1.0, began)
        customer, subscription = self._subscribe()
        failing = subscription["items"]["data"][0]["current_period_end"] + BILLED_S
        self.stripe.advance(failing - 1)
        self.invoice = self._v1.subscriptions.retrieve(subscription["id"]).latest_invoice
        self.clock.run(1.0, failing - 1)
        time.sleep(KNOWN_S)  # a machine whose first step still knew the time before would wait for a month
        self.clock.run(SCALE)
        self._pass(failing + DAY_S / 2)
        self._tell(f"the renewal of {AMOUNT / 100:.2f} USD was declined: insufficient funds")
        self._until("a case is open", lambda: bool(self._cases("open")))
        self._pass(failing + 4 * DAY_S)
        self._tell("Stripe's first retry was declined too; reminded, the customer opens the portal and changes the card")
        self._change_card(customer)
        self._pass(failing + 8.2 * DAY_S)
        self._until("the case is recovered", lambda: bool(self._cases("recovered")))
        self._tell("Stripe's second retry went through on the new card; the case is closed as recovered")
        self._v1.subscriptions.cancel(subscription["id"])  # so that it does not renew while nobody looks
        self.stripe.settle()

    def figures(self) -> Iterable[Figure]:
        """What Stripe, the platform and the mailbox say of this one payment."""
        charges = self._charges()
        yield Figure("live: charges at Stripe", ", ".join(one["status"] for one in charges), "failed, failed, succeeded")
        cards = [one["payment_method_details"]["card"]["last4"] for one in charges]
        yield Figure("live: their cards", ", ".join(cards), f"4242, 4242, {NEW_CARD[-4:]}")
        cases = self._cases("recovered")
        yield Figure("live: recovered by the case", sum(case["recovered_minor"] for case in cases), AMOUNT)
        timeline = [entry for case in cases for entry in self.platform.get(f"/v1/recovery/cases/{case['id']}")["timeline"]]
        skipped = [entry["step"] for entry in timeline if entry["kind"] == "skipped"]
        to = [mail for mail in mails.keep(self.platform.cloud.state.parent).values() if self.email in mail["To"]]
        note = f"skipped for a later one: {', '.join(skipped)}" if skipped else ""
        yield Figure("live: reminders to the customer", len(to), REMINDERS - len(skipped), note)
        yield Figure("live: payments of it in the ledger", self._booked(charges), 1)
        states = [one["state"] for one in self.stripe.deliveries()]
        yield Figure("live: webhooks Stripe could not deliver", len(states) - states.count("delivered"), 0)

    def _booked(self, charges: list[dict[str, Any]]) -> int:
        """Entries about the attempts by which the whole amount came in."""
        sources = {source for charge in charges for source in (charge["id"], charge["payment_intent"])}
        entries = {entry["id"]: entry for source in sources for entry in self.platform.all("/v1/ledger", source=source)}
        came_in = {"account": "stripe_clearing", "direction": "debit", "amount_minor": AMOUNT, "currency": "USD"}
        return sum(came_in in entry["postings"] for entry in entries.values())

    def _subscribe(self) -> tuple[str, dict[str, Any]]:
        """A customer with a card that is good until the first month is paid."""
        product = self._v1.products.create({"name": "Gold"}).id
        recurring: Any = {"interval": "month"}
        price = self._v1.prices.create({"product": product, "currency": "usd", "unit_amount": AMOUNT, "recurring": recurring}).id
        customer = self._v1.customers.create({"email": self.email, "name": "Ada Rao"}).id
        card = self._v1.payment_methods.attach("pm_card_visa", {"customer": customer}).id
        self._v1.customers.update(customer, {"invoice_settings": {"default_payment_method": card}})
        subscription = self._v1.subscriptions.create({"customer": customer, "items": [{"price": price}]})
        self.stripe.decline(card, "insufficient_funds")
        self._tell(f"{self.email} subscribes and pays")
        return customer, subscription.to_dict()

    def _change_card(self, customer: str) -> None:
        session = self._v1.billing_portal.sessions.create({"customer": customer})
        if self.stripe.fill_page(session.url, payment_method=NEW_CARD) != 200:
            raise NotRecovered("the customer portal did not take the new card")

    def _charges(self) -> list[dict[str, Any]]:
        """The attempts to pay the invoice, oldest first."""
        invoice = self._v1.invoices.retrieve(self.invoice, {"expand": ["payments"]}).to_dict()
        intents = [one["payment"]["payment_intent"] for one in invoice["payments"]["data"]]
        found = [charge.to_dict() for id in intents for charge in self._v1.charges.list({"payment_intent": id}).data]
        return found[::-1]

    def _cases(self, status: str) -> list[dict[str, Any]]:
        return list(self.platform.all("/v1/recovery/cases", invoice_id=self.invoice, status=status))

    def _pass(self, second: float) -> None:
        """Let time go on to a second, at the platform and at Stripe, no faster than the platform keeps up."""
        while self.clock.now < second:
            self.clock.pace(SCALE, lags=self.platform.lags(self.clock.now))
            self.stripe.advance(min(self.clock.now, second))
            time.sleep(TICK_S)
        self.stripe.advance(second)

    def _until(self, what: str, done: Callable[[], bool]) -> None:
        deadline = time.monotonic() + WITHIN_S
        while not done():
            if time.monotonic() > deadline:
                raise NotRecovered(f"waited {WITHIN_S:g} s until {what} of {self.invoice}, in vain")
            time.sleep(TICK_S)

    def _tell(self, line: str) -> None:
        self.say(f"  {datetime.fromtimestamp(self.stripe.now, UTC):%d %b %Y}  {line}")

    @property
    def _v1(self) -> Any:
        return self.stripe.client().v1
