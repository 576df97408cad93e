"""Delivers webhooks as Stripe does, at the pace of their own timestamps.

Virtual time runs at a constant scale, and ten times slower while the next webhook is late, too many wait in queues, or a due
reminder was not looked at: so a reminder due three days after a failure is decided on what was known three days after it,
however slow the machine is. Webhooks that the platform has already are sent at once: they are duplicates, and time has
nothing to do with them.

Each webhook is at the local Stripe as well before it is sent, and that stands at the same virtual time: who asks there about an
object learns what was known then.
"""

import asyncio
import hashlib
import hmac
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from itertools import islice, takewhile

import aiohttp

from infra.local.demo.clock import Clock
from infra.local.demo.corpus import Event
from infra.local.stripe.fake import FakeStripe

IN_FLIGHT = 4  # more do not come through faster on two cores, they wait
TRIES = 6
RETRY_S = 0.5
TICK_S = 0.01
LOOK_S = 0.2
ASK_S = 0.5  # the queues are asked more seldom
LATE_S = 3 * 3600.0
"""Domain seconds by which the next webhook may be late before time is slowed."""

TIMEOUT = aiohttp.ClientTimeout(total=40)
Say = Callable[[str], None]


class NotAccepted(RuntimeError):
    """The platform refused a webhook, or did not answer, also when it was sent again."""


@dataclass(frozen=True)
class Door:
    """Where webhooks go, and the secret they are signed with."""

    url: str
    secret: str

    def headers(self, body: bytes) -> dict[str, str]:
        """Signed now: the signature's age is checked in real time."""
        at = int(time.time())
        digest = hmac.new(self.secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
        return {"Content-Type": "application/json; charset=utf-8", "Stripe-Signature": f"t={at},v1={digest}"}


@dataclass
class Progress:
    """How far a delivery is. `answers_s` are the seconds that accepted webhooks took to be answered."""

    total: int
    sent: int = 0
    in_flight: int = 0
    next_at: float | None = None  # domain second of the webhook that is waited for
    slowed_s: float = 0.0
    answers_s: list[float] = field(default_factory=list)


@dataclass
class Delivery:
    """One delivery. `lags` tells whether what was due by a domain second was not done; it is asked in a thread."""

    door: Door
    clock: Clock
    scale: float
    stripe: FakeStripe
    lags: Callable[[float], bool]
    show: Callable[[Progress], None]
    progress: Progress = field(default_factory=lambda: Progress(0))
    _played: int = 0

    def run(self, events: Sequence[Event], known: Collection[str]) -> Progress:
        """Send all events; those whose ids are known at once, the others in their time.

        Raises:
            NotAccepted: one was not taken.
        """
        self.progress = Progress(len(events))
        self.stripe.play([event.id for event in events if event.id in known])
        asyncio.run(self._run(events, known))
        return self.progress

    async def _run(self, events: Sequence[Event], known: Collection[str]) -> None:
        connector = aiohttp.TCPConnector(limit=IN_FLIGHT)
        async with aiohttp.ClientSession(connector=connector, timeout=TIMEOUT, trust_env=False) as http:
            watcher = asyncio.create_task(self._watch())
            try:
                await self._send_all(http, events, known)
            finally:
                watcher.cancel()
        self.show(self.progress)

    async def _send_all(self, http: aiohttp.ClientSession, events: Sequence[Event], known: Collection[str]) -> None:
        slots = asyncio.Semaphore(IN_FLIGHT)
        async with asyncio.TaskGroup() as sending:
            for number, event in enumerate(events):
                if event.id not in known:
                    await self._until(event.created)
                    await self._play(events, number)
                await slots.acquire()
                task = sending.create_task(self._send(http, event))
                task.add_done_callback(lambda _: slots.release())

    async def _until(self, second: float) -> None:
        """Wait until a domain second; virtual time begins at the first one that is waited for."""
        if not self.clock.is_virtual:
            await asyncio.to_thread(self.clock.run, self.scale, second)
        self.progress.next_at = second
        while self.clock.now < second:
            await asyncio.sleep(TICK_S)

    async def _play(self, events: Sequence[Event], number: int) -> None:
        """Let all that is due by now happen at the local Stripe, unless it already did with an earlier webhook."""
        if number >= self._played:
            now = self.clock.now
            due = [event.id for event in takewhile(lambda event: event.created <= now, islice(events, number, None))]
            await asyncio.to_thread(self.stripe.play, due, now)
            self._played = number + len(due)

    async def _send(self, http: aiohttp.ClientSession, event: Event) -> None:
        """Send one until it is taken, as a provider does."""
        reason = ""
        self.progress.in_flight += 1
        for attempt in range(TRIES):
            await asyncio.sleep(RETRY_S * attempt)
            began = time.perf_counter()
            try:
                async with http.post(self.door.url, data=event.body, headers=self.door.headers(event.body)) as response:
                    text = await response.text()
                    if response.status == 200:
                        self.progress.answers_s.append(time.perf_counter() - began)
                        break
                    reason = f"{response.status} {text[:300]}"
            except (aiohttp.ClientError, TimeoutError) as error:
                reason = f"{type(error).__name__}: {error}"
        else:
            raise NotAccepted(f"{event.id} ({event.type}) was not accepted after {TRIES} attempts: {reason}")
        self.progress.in_flight -= 1
        self.progress.sent += 1

    async def _watch(self) -> None:
        """Slow time while the platform lags behind it; tell how far it is."""
        asked_at, lags = 0.0, False
        while True:
            began = time.monotonic()
            if began - asked_at > ASK_S:
                asked_at, lags = began, await asyncio.to_thread(self.lags, self.clock.now)
            is_late = self.progress.next_at is not None and self.clock.now - self.progress.next_at > LATE_S
            await asyncio.to_thread(self.clock.pace, self.scale, lags=lags or is_late)
            self.show(self.progress)
            await asyncio.sleep(LOOK_S)
            if self.clock.slowed:
                self.progress.slowed_s += time.monotonic() - began
