"""Parts of the corpus for tests: lives of customers, so that objects and books are whole."""

from functools import cache
from typing import Any

from infra.local.demo import corpus
from infra.local.demo.corpus import Event, Key

MIRRORED_NEVER = ("invoice.upcoming",)


@cache
def recovered() -> tuple[Key, Event, Event]:
    """An invoice that failed and was soon paid with a reminder in between: its key, the first failure, the payment."""
    cases = [key for key, case in corpus.bundled().cases().items() if case.status == "recovered" and case.steps]
    lives = []
    for key in cases:
        told = [event for event in corpus.bundled().events if event.key == key and event.object.get("object") == "invoice"]
        failed = next(event for event in told if event.type == corpus.PAYMENT_FAILED)
        paid = next(event for event in told if event.type == "invoice.paid")
        lives.append((paid.created - failed.created, key, failed, paid))
    _, key, failed, paid = min(lives, key=lambda life: life[0])
    return key, failed, paid


@cache
def given_up() -> tuple[Event, ...]:
    """Events of a customer whose failed invoice stays open, up to the first failure."""
    key = next(key for key, case in corpus.bundled().cases().items() if case.status == "lost" and len(case.steps) == 4)
    failed = next(event for event in corpus.bundled().events if event.key == key and event.type == corpus.PAYMENT_FAILED)
    life = of_customer(str(failed.object["customer"]))
    return life[: life.index(failed) + 1]


def of_customer(customer: str) -> tuple[Event, ...]:
    """All events that are about a customer, in order."""
    return tuple(event for event in corpus.bundled().events if customer in (event.object.get("customer"), event.object.get("id")))


@cache
def others(start: int, stop: int) -> tuple[Event, ...]:
    """A stretch of the corpus without the lives above, for tests that need webhooks and do not care which."""
    _, failed, _ = recovered()
    taken = {event.id for event in (*of_customer(str(failed.object["customer"])), *given_up())}
    return tuple(event for event in corpus.bundled().events if event.id not in taken)[start:stop]


def final_state(events: tuple[Event, ...]) -> dict[tuple[str, str, str], dict[str, Any]]:
    """What the last of these events shows of each object that has an id and is still there."""
    shown: dict[tuple[str, str, str], dict[str, Any]] = {}
    for event in events:
        if event.type in MIRRORED_NEVER or not event.object.get("id"):
            continue
        key = (event.account, str(event.object["object"]), str(event.object["id"]))
        shown[key] = event.object
        if event.type.endswith(".deleted") and event.type != "customer.subscription.deleted":
            del shown[key]
    return shown
