"""Time passing: what is due is done in its order, each thing at its own second, with its webhooks sent before the next."""

import asyncio
from dataclasses import dataclass, field

from infra.local.stripe.delivering import Delivering
from infra.local.stripe.unit import Unit
from infra.local.stripe.world import World

CLOCK = "test_helpers.test_clock"
TICK_S = 0.2


@dataclass
class Passing:
    """`moving` is held while time is moved."""

    world: World
    delivering: Delivering
    moving: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def advance(self, to: float, *, settle: bool = True) -> int:
        """Move the whole world to a second; returns how many things happened on the way.

        With `settle` the webhooks of each are sent, and retries made at their time, before time goes on.
        """
        done = 0
        async with self.moving:
            if settle:
                await self.delivering.settle()
            while True:
                agenda = self.world.agenda[""]
                at = agenda[0].at if agenda else None
                retry = self.delivering.next_retry() if settle else None
                if retry is not None and retry <= to and (at is None or retry < at):
                    self._move(retry)
                    await self.delivering.settle()
                    continue
                due = self.world.due("", to)
                if due is None:
                    break
                self._move(due.at)
                self.world.do(due)
                done += 1
                if settle:
                    await self.delivering.settle()
            self._move(to)
        return done

    def _move(self, second: float) -> None:
        if second > self.world.clock.now():
            self.world.clock.set(second)
            self.world.keep()

    async def run(self) -> None:
        """Do what falls due while time runs by itself."""
        while True:
            await asyncio.sleep(TICK_S)
            agenda = self.world.agenda[""]
            if not self.world.clock.frozen and agenda and agenda[0].at <= self.world.clock.now():
                await self.advance(self.world.clock.now(), settle=False)

    async def advance_clock(self, id: str) -> None:
        """Move a test clock to where it is to go; the world's time stays."""
        async with self.moving:
            unit = self.world.unit()
            clock = unit.get(CLOCK, id)
            if clock is None or clock["status"] != "advancing":
                return
            target = clock["status_details"]["advancing"]["target_frozen_time"]
            while (due := self.world.due(id, target)) is not None:
                step = self.world.unit()
                step.change(step.need(CLOCK, id), frozen_time=max(due.at, step.need(CLOCK, id)["frozen_time"]))
                self.world.commit(step)
                self.world.do(due)
                await asyncio.sleep(0)
            last: Unit = self.world.unit()
            last.change(last.need(CLOCK, id), frozen_time=target, status="ready", status_details={})
            last.emit("test_helpers.test_clock.ready", last.need(CLOCK, id))
            self.world.commit(last)

    async def go_on(self) -> None:
        """Finish what a restart broke off."""
        for clock in self.world.unit().find(CLOCK, status="advancing"):
            await self.advance_clock(str(clock["id"]))
