"""Webhooks on their way: signed, sent to each endpoint, tried again as Stripe does, and disordered or doubled on demand."""

import asyncio
import hashlib
import hmac
import random
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import aiohttp

from infra.local.stripe.store import Delivery
from infra.local.stripe.world import World

LIVE_S = (300.0, 1_800.0, 7_200.0, 18_000.0, 36_000.0, *(43_200.0,) * 5)
"""Stripe's pauses between attempts, about three days of them."""

TIMEOUT = aiohttp.ClientTimeout(total=20)
GATHER_S = 0.05


@dataclass(frozen=True)
class Mode:
    """How webhooks are sent. `order` is in_order, shuffled or reversed within `window` of them; shares are between 0 and 1.

    Of `dropped` ones no attempt is ever made: they stay undelivered. With `wall` the pauses between attempts pass in real time.
    """

    order: str = "in_order"
    window: int = 50
    duplicates: float = 0.0
    dropped: float = 0.0
    paused: bool = False
    concurrency: int = 1
    retries_s: tuple[float, ...] = LIVE_S
    wall: bool = False
    seed: int = 1


@dataclass
class Delivering:
    """Sends what the world has to tell. `attempts` counts requests made since this process began."""

    world: World
    mode: Mode = Mode()
    attempts: int = 0
    waiting: dict[int, Delivery] = field(default_factory=dict)
    _busy: int = 0
    _changed: asyncio.Event = field(default_factory=asyncio.Event)
    _random: random.Random = field(default_factory=lambda: random.Random(1))

    def begin(self) -> None:
        """Take over what was not delivered when the process ended."""
        self.waiting = {one.n: one for one in self.world.store.deliveries()}
        self.world.told = self.add

    def add(self, deliveries: list[Delivery]) -> None:
        for one in deliveries:
            if self._random.random() < self.mode.dropped:
                one.state = "dropped"
                self.world.store.save_delivery(one)
            else:
                self.waiting[one.n] = one
        self._changed.set()

    def clear(self) -> None:
        """Forget what waits, and every change of how webhooks are sent."""
        self.waiting.clear()
        self.mode, self._random = Mode(), random.Random(1)

    def set_mode(self, **changes: Any) -> None:
        self.mode = replace(self.mode, **changes)
        if "seed" in changes:
            self._random = random.Random(self.mode.seed)
        self._changed.set()

    def now(self) -> float:
        """The clock by which pauses between attempts pass."""
        return time.time() if self.mode.wall else self.world.clock.now()

    def due(self) -> list[Delivery]:
        now = self.now()
        return [one for one in self.waiting.values() if one.attempts == 0 or one.due <= now]

    def next_retry(self) -> float | None:
        """The world second of the earliest retry; None where there is none, or where they pass in real time."""
        pending = [one.due for one in self.waiting.values() if one.attempts]
        return min(pending) if pending and not self.mode.wall else None

    def retry_now(self) -> int:
        """Make everything that waits for another attempt due; returns how many."""
        for one in self.waiting.values():
            one.due = 0.0
        self._changed.set()
        return len(self.waiting)

    async def run(self, http: aiohttp.ClientSession) -> None:
        """Send forever."""
        while True:
            if self.mode.paused or not (batch := self.due()):
                self._changed.clear()
                await _until(self._changed, 0.1)
                continue
            if self.mode.order != "in_order":
                await asyncio.sleep(GATHER_S)
                batch = self._disordered(self.due())
            await self._send_all(http, batch)

    def _disordered(self, batch: list[Delivery]) -> list[Delivery]:
        made: list[Delivery] = []
        for start in range(0, len(batch), self.mode.window):
            part = batch[start : start + self.mode.window]
            if self.mode.order == "shuffled":
                self._random.shuffle(part)
            made += part[::-1] if self.mode.order == "reversed" else part
        return made

    async def _send_all(self, http: aiohttp.ClientSession, batch: list[Delivery]) -> None:
        slots = asyncio.Semaphore(self.mode.concurrency)

        async def send(one: Delivery) -> None:
            async with slots:
                if not self.mode.paused and one.n in self.waiting:
                    await self._send(http, one)

        self._busy += 1
        try:
            await asyncio.gather(*(send(one) for one in batch))
        finally:
            self._busy -= 1

    async def _send(self, http: aiohttp.ClientSession, one: Delivery) -> None:
        body, target = self.world.body(one.account, one.event), self.world.target(one.account, one.endpoint)
        if body is None or target is None:
            self._end(one, "failed", "gone")
            return
        answer = await self._post(http, target[0], body, target[1])
        if answer == "200" and self._random.random() < self.mode.duplicates:
            await self._post(http, target[0], body, target[1])
        self._take(one, answer)

    async def _post(self, http: aiohttp.ClientSession, url: str, body: bytes, secrets: list[str]) -> str:
        """One attempt; `200` for any 2xx, otherwise what came instead."""
        self.attempts += 1
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": sign(body, secrets),
            "User-Agent": "Stripe/1.0",
        }
        try:
            async with http.post(url, data=body, headers=headers, allow_redirects=False) as response:
                await response.read()
                return "200" if 200 <= response.status < 300 else str(response.status)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return type(error).__name__

    def _take(self, one: Delivery, answer: str) -> None:
        one.attempts += 1
        one.answer = answer
        if answer == "200":
            self._end(one, "delivered", answer)
            self._count_down(one)
        elif one.attempts > len(self.mode.retries_s):
            self._end(one, "failed", answer)
        else:
            one.due = self.now() + self.mode.retries_s[one.attempts - 1]
            self.world.store.save_delivery(one)

    def _count_down(self, one: Delivery) -> None:
        unit = self.world.unit(one.account)
        event = unit.get("event", one.event)
        if event and event["pending_webhooks"] > 0:
            unit.change(event, pending_webhooks=event["pending_webhooks"] - 1)
            self.world.commit(unit)

    def _end(self, one: Delivery, state: str, answer: str) -> None:
        one.state, one.answer = state, answer
        self.waiting.pop(one.n, None)
        self.world.store.save_delivery(one)

    async def settle(self, timeout_s: float = 60.0) -> bool:
        """Wait until each webhook that is due had its attempt; False when that took too long."""
        until = time.monotonic() + timeout_s
        while not self.mode.paused and (self.due() or self._busy):
            if time.monotonic() > until:
                return False
            self._changed.set()
            await asyncio.sleep(0.002)
        return True


def sign(body: bytes, secrets: list[str], at: int | None = None) -> str:
    """The header: signed in real time, as receivers check its age by that; one signature for each secret in force."""
    second = int(time.time()) if at is None else at
    made = [hmac.new(one.encode(), f"{second}.".encode() + body, hashlib.sha256).hexdigest() for one in secrets]
    return ",".join([f"t={second}", *(f"v1={one}" for one in made)])


async def _until(event: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)
