"""A storm: webhooks, shuffled and some of them doubled, while stores, the local Stripe and workers are killed at random.

    python -m tests.e2e.storm --minutes 5

Afterwards nothing may be lost or doubled: of everything that happened at the local Stripe each event is stored once, each
object is as it ended, the ledger has every cent, the cases and mails are those of the story, and the analytical store has every
event. Webhooks must be rows at once again within a minute. What was cut off takes longer: what died between its commit and the
bus is found by a sweep within a minute and a half, and what came before the fact that it needs waits for it up to 320 s.
"""

import argparse
import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infra.local import cloud
from infra.local.demo import corpus
from infra.local.demo.corpus import Event, Story
from tests.e2e import truth
from tests.e2e.running import WITHIN_S, Running, until, up

SENDERS = 8
STORES = ("postgres", "clickhouse", "stripe")
CALM_S = (4.0, 10.0)
AWAY_S = (0.5, 5.0)
WORKERS = 4
TWICE = 0.05
HIDDEN_S = 15
"""How long what a killed worker had taken stays hidden. On AWS it is six times the function's limit."""

MOST_WAITING = 300
"""Webhooks in the queue above which senders wait: the storm is about faults, not about the size of this machine."""

TRIES = 60
NORMAL_S = 60.0
GIVE_UP_S = 600.0


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


@dataclass
class Storm:
    """One storm over one workspace of a running platform.

    Killing goes on for `seconds`, in which all is sent if the machine can; then senders wait until nothing waits for them, which
    takes `normal_s`, and what is left is sent in peace.
    """

    running: Running
    seconds: float
    seed: int = 1
    say: Callable[[str], None] = say
    killed: Counter[str] = field(default_factory=Counter)
    again: int = 0
    redriven: int = 0
    taken: int = 0
    meanwhile: int = 0
    normal_s: float = GIVE_UP_S
    _waits: bool = False

    def run(self) -> dict[str, Any]:
        """Send while hurting, go on in peace, then check everything; returns what happened and what is `wrong`."""
        story = corpus.of_stripe(self.running.stripe)
        for queue in self.running.platform.queues:
            self.running.hide_for(queue, HIDDEN_S)
        chance = random.Random(self.seed)
        sending = [*story.events, *chance.sample(story.events, int(len(story.events) * TWICE))]
        chance.shuffle(sending)
        began = time.monotonic()
        self._rage(sending, began)
        calm_at = time.monotonic()
        self._until_quiet()
        quiet_s = time.monotonic() - calm_at
        wrong = self._wrong(story)
        return {
            "seconds": round(self.seconds), "events": len(story.events), "sent": len(sending), "sent_meanwhile": self.meanwhile,
            "sent_again": self.again, "killed": dict(sorted(self.killed.items())), "lag_normal_s": round(self.normal_s, 1),
            "all_sent_s": round(calm_at - began), "quiet_s": round(quiet_s, 1), "dead_letters_sent_back": self.redriven,
            "wrong": wrong,
        }  # fmt: skip

    def _wrong(self, story: Story) -> dict[str, Any]:
        until("time has closed every case", lambda: self.running.platform.open_cases() == 0, WITHIN_S)
        if self.running.platform.dead_letters():
            self.redriven = self.running.operator("dlq", "redrive")["total"]  # as happens by itself an hour later
        self._until_quiet()
        return truth.wrong(self.running, story)

    def _until_quiet(self) -> None:
        self.running.platform.close()  # its connection may be to a server that was killed
        quiet: list[bool] = []

        def is_quiet() -> bool:
            quiet.append(self.running.platform.unfinished() == 0)
            return quiet[-3:] == [True] * 3

        until("all queues are empty", is_quiet, GIVE_UP_S)

    def _rage(self, sending: Sequence[Event], began: float) -> None:
        with ThreadPoolExecutor(SENDERS + 1) as pool:
            hurting = pool.submit(self._hurt, began + self.seconds)
            paced = ((began + n * self.seconds / len(sending), event) for n, event in enumerate(sending))
            for number, _ in enumerate(pool.map(self._send, paced)):
                if number % 100 == 99:
                    self.say(f"  {number + 1:,} of {len(sending):,} taken; killed so far: {dict(self.killed)}")
            hurting.result()

    def _send(self, paced: tuple[float, Event]) -> None:
        """At an even pace, each until it is taken, as a provider does."""
        at, event = paced
        time.sleep(max(0.0, at - time.monotonic()))
        while self._waits:
            time.sleep(0.2)
        for attempt in range(TRIES):
            try:
                if self.running.send(event) == 200:
                    self.taken += 1
                    return
            except OSError:
                pass  # nobody answered: as good as any other refusal
            self.again += 1
            time.sleep(min(5.0, 0.5 * (attempt + 1)))
        raise AssertionError(f"{event.id} was not taken")

    def _hurt(self, until_at: float) -> None:
        chance = random.Random(self.seed + 1)
        due = time.monotonic() + chance.uniform(*CALM_S)
        while time.monotonic() < until_at:
            time.sleep(0.5)
            self._waits = self._waiting() > MOST_WAITING
            if time.monotonic() >= due:
                self._kill(chance)
                due = time.monotonic() + chance.uniform(*CALM_S)
        self.meanwhile, self._waits = self.taken, True
        calm_at = time.monotonic()
        try:
            until("webhooks are rows at once", lambda: self._waiting() == 0, GIVE_UP_S)
        finally:
            self._waits = False
        self.normal_s = time.monotonic() - calm_at

    def _waiting(self) -> int:
        return self.running.platform.depth("sync-on_webhook_received")

    def _kill(self, chance: random.Random) -> None:
        """A store, which is away for some seconds, or some of the workers that run at this moment."""
        if chance.random() < 0.5:
            running = sorted(self.running.workers().items())
            for process, name in chance.sample(running, min(WORKERS, len(running))):
                self.killed[f"worker of {name.partition('-')[0]}"] += self.running.kill(process)
            return
        store = chance.choice(STORES)
        cloud.kill(store, self.running.root)
        self.killed[store] += 1
        time.sleep(chance.uniform(*AWAY_S))
        cloud.start_child(store, self.running.root)


def passed(found: dict[str, Any]) -> bool:
    """Whether a storm left nothing behind."""
    return not found["wrong"] and found["lag_normal_s"] <= NORMAL_S


def whole(running: Running, seconds: float, seed: int) -> dict[str, Any]:
    """A storm with the whole corpus, while time runs from its first day to the end of its last cadence."""
    story = corpus.bundled()
    running.stripe.play([event.id for event in story.events])
    running.stripe.do("corpus/complete")
    running.platform.mark_interrupted()  # reminders depend on when a shuffled failure came
    first = story.events[0].created
    running.clock.run((story.last_second() - first) / seconds, first)
    return Storm(running, seconds, seed).run()


def main() -> None:
    """A platform of its own, the whole corpus, and a line of JSON; exit code 1 when anything is wrong."""
    parser = argparse.ArgumentParser(prog="tests.e2e.storm", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--orders", action="store_true", help="deliver the corpus in four orders instead, without faults")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="oppulence-storm-") as folder:
        root = Path(folder)
        root.chmod(0o711)  # PostgreSQL runs as another user when we are root
        dev = up(root, say)
        try:
            running = Running(root, dev)
            if chosen.orders:
                from tests.e2e import orders

                found = orders.deliver(running, say)
                fine = not any(found["wrong"].values())
            else:
                found = whole(running, chosen.minutes * 60, chosen.seed)
                fine = passed(found)
        finally:
            cloud.down(root)
    print(json.dumps(found))
    sys.exit(0 if fine else 1)


if __name__ == "__main__":
    main()
