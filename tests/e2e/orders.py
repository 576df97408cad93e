"""The whole corpus through the deployed template in four orders at once: whatever the order, not one object is wrong.

One workspace gets it shuffled, one reversed, one twice over; their webhooks, which have the same ids, are interleaved. Consumers
that have no part in the mirror are paused: the emulator serves all queues from one thread.
"""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, zip_longest
from typing import Any

from infra.local.demo import corpus
from infra.local.demo.corpus import Event
from tests.e2e import truth
from tests.e2e.running import Running, until

SENDERS = 8
GIVE_UP_S = 1800.0
MIRRORING = ("sync-on_webhook_received", "sync-on_object_in_doubt")
Sending = tuple[Running, Event]


def deliver(running: Running, say: Callable[[str], None]) -> dict[str, Any]:
    """Deliver, wait, compare every object of every workspace; `wrong` has how many are, by order."""
    story = corpus.bundled()
    running.stripe.play([event.id for event in story.events])
    running.stripe.do("corpus/complete")
    shuffled = list(story.events)
    random.Random(1).shuffle(shuffled)
    orders = {"shuffled": shuffled, "reversed": story.events[::-1], "doubled": [one for one in story.events for _ in range(2)]}
    to = {name: running.beside(name) for name in orders}
    running.pause_all_but(MIRRORING)
    began = time.monotonic()
    sent = _send([[(to[name], event) for event in events] for name, events in orders.items()], say)
    until("the mirror has settled", _Settled(running), GIVE_UP_S)
    return {
        "orders": [*orders, "interleaved"], "events": len(story.events), "sent": sent, "seconds": round(time.monotonic() - began),
        "wrong": {name: truth.objects_wrong(each, story) for name, each in to.items()}
        | {"rows": sum(abs(each.everything_stored() - len(story.events)) for each in to.values())}
        | {"dead_letters": sum(running.platform.dead_letters().values())},
    }  # fmt: skip


class _Settled:
    """Whether the mirror's queues were empty three times in a row: one fills the other."""

    def __init__(self, running: Running) -> None:
        self.running = running
        self.looks: list[bool] = []

    def __call__(self) -> bool:
        rows = int(self.running.platform.scalar("SELECT count(*) FROM sync.outbox"))
        self.looks.append(rows + sum(self.running.platform.depth(queue) for queue in MIRRORING) == 0)
        return self.looks[-3:] == [True] * 3


def _send(orders: Sequence[Sequence[Sending]], say: Callable[[str], None]) -> int:
    """Send what each workspace gets in its order, taking turns; returns how many."""
    turns: Iterator[Sending] = (one for one in chain.from_iterable(zip_longest(*orders)) if one is not None)
    count = 0
    with ThreadPoolExecutor(SENDERS) as pool:
        for answered in pool.map(lambda one: one[0].send(one[1]), turns):
            assert answered == 200
            count += 1
            if count % 500 == 0:
                say(f"  {count:,} taken")
    return count
