"""Which event of one second shows the latest state, in every order in which they can come."""

import itertools
import json
from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from oppulence.sync.ordering import Seen, decide
from oppulence.sync.stripe_events import StripeEvent, read
from tests.support import stripe


def ties() -> list[list[StripeEvent]]:
    """Groups of corpus events about one object in one second, in their true order."""
    groups: dict[tuple[object, ...], list[StripeEvent]] = defaultdict(list)
    for body in stripe.corpus():
        event = read(body)
        if event.has_object:
            groups[(event.key, event.created)].append(event)
    return [group for group in groups.values() if len(group) > 1]


def test_every_order_of_every_tie_ends_at_the_true_state() -> None:
    groups = ties()
    assert sum(len(group) for group in groups) > 1_500
    for group in groups:
        for order in itertools.permutations(group):
            winner = decide([Seen(event, arrival) for arrival, event in enumerate(order)])
            assert winner.winner.event.object == group[-1].object, [event.type for event in order]


def event(created: int, **fields: object) -> StripeEvent:
    shown = {"object": {"object": "charge", "id": "ch_1"}}
    known = {"id": f"evt_{created}", "type": "charge.updated", "created": created, "data": shown}
    return read(json.dumps(known | fields).encode())


@given(st.lists(st.integers(0, 10**9), min_size=1, unique=True), st.randoms())
def test_a_later_second_always_wins(seconds: list[int], shuffled: object) -> None:
    seen = [Seen(event(second), arrival) for arrival, second in enumerate(seconds)]
    assert decide(seen).winner.event.created == max(seconds)


def test_between_equals_the_later_arrival_wins() -> None:
    assert decide([Seen(event(1, id="evt_a"), 2), Seen(event(1, id="evt_b"), 1)]).winner.event.id == "evt_a"


def test_a_removal_is_last_and_a_creation_first() -> None:
    removal, change, creation = (event(1, id=kind, type=f"charge.{kind}") for kind in ("deleted", "updated", "created"))
    assert decide([Seen(removal, 0), Seen(change, 1), Seen(creation, 2)]).winner.event.id == "deleted"
    assert decide([Seen(change, 0), Seen(creation, 1)]).winner.event.id == "updated"
