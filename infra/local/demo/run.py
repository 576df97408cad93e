"""The demo: deliver the corpus, let the clock run until every cadence is over, recover a payment live, wait, report."""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from infra.local import mails
from infra.local.demo import corpus, report
from infra.local.demo.clock import Clock
from infra.local.demo.delivery import Delivery, Door, Progress
from infra.local.demo.live import Live
from infra.local.demo.platform import Platform
from infra.local.demo.report import Figure
from infra.local.running import Cloud
from infra.local.stripe.fake import FakeStripe

SCALE = 50_000.0  # a day in 1.7 s
AFTER_SCALE = 70_000.0  # once nothing more arrives
QUIET_S = 90
LOOK_S = 0.5
SHOW_S = 1.0
Say = Callable[[str], None]


class NotQuiet(RuntimeError):
    """The platform did not work off what it had taken."""


@dataclass(frozen=True)
class Outcome:
    """What a demo found, how long its parts took in seconds, and the lines about speed."""

    figures: list[Figure]
    speed: list[str]
    took_s: dict[str, float]
    delivered: Progress
    duplicates: int

    @property
    def ok(self) -> bool:
        return all(figure.ok for figure in self.figures)


@dataclass
class Demo:
    """One run against a running cloud."""

    cloud: Cloud
    dev: dict[str, Any]
    say: Say
    took_s: dict[str, float] = field(default_factory=dict)
    _shown_at: float = 0.0

    def run(self) -> Outcome:
        """Deliver, wait, report; virtual time is real again in the end, whatever happens.

        Raises:
            NotAccepted, NotQuiet: see there.
        """
        platform = Platform(self.cloud, self.dev["workspace_id"], self.dev["api_key"])
        clock, stripe = Clock(self.cloud), FakeStripe(self.cloud.state)
        events = corpus.bundled().events
        known = platform.known_events() & {event.id for event in events}
        if 0 < len(known) < len(events):
            platform.mark_interrupted()
        live = Live(platform, clock, stripe, self.say)
        try:
            delivered = self._timed("delivery", lambda: self._deliver(platform, clock, known))
            self._timed("cadences", lambda: self._run_on(platform, clock, fresh=len(known) < len(events)))
            self._timed("live", live.run)
            self._timed("last work", lambda: self._wait_quiet(platform))
        except BaseException:
            platform.mark_interrupted()
            raise
        finally:
            clock.reset()
            stripe.turn(None)
            mails.keep(self.cloud.state.parent)
        self.say("reading everything back")
        accepted = Figure("events accepted", len(delivered.answers_s), len(events))
        story = corpus.of_stripe(stripe)
        found = self._timed("report", lambda: [accepted, *report.figures(platform, story), *live.figures()])
        return Outcome(found, report.speed(platform, delivered.answers_s), self.took_s, delivered, len(known))

    def _deliver(self, platform: Platform, clock: Clock, known: set[str]) -> Progress:
        events = corpus.bundled().events
        door = Door(self.dev["stripe"]["webhook_url"], self.dev["stripe"]["webhook_secret"])
        stripe = FakeStripe(self.cloud.state)
        if len(known) == len(events):
            self.say(f"delivering {len(events):,} webhooks, all of them for the second time: at full speed")
        else:
            days = (events[-1].created - events[0].created) / 86_400
            pace = f"{days:.0f} days of them, each day in {86_400 / SCALE:.1f} s"
            self.say(f"delivering {len(events):,} webhooks ({len(known):,} are known already): {pace}")
        show = lambda progress: self._show(clock, progress, platform)  # noqa: E731
        progress = Delivery(door, clock, SCALE, stripe, platform.lags, show).run(events, known)
        stripe.do("corpus/complete")
        return progress

    def _run_on(self, platform: Platform, clock: Clock, *, fresh: bool) -> None:
        """Let the clock run until the last cadence is over; nothing to do when no case is open and nothing new came."""
        if not fresh and not platform.open_cases():
            return
        story = corpus.bundled() if fresh else corpus.of_stripe(FakeStripe(self.cloud.state))
        end, last = story.last_second(), story.events[-1].created
        self._until("arrivals are worked off", lambda: platform.backlog() == 0)
        clock.run(AFTER_SCALE, max(clock.now, last) if fresh else last)
        while clock.now < end:
            clock.pace(AFTER_SCALE, lags=platform.lags(clock.now))
            self._tell(f"{_day(clock.now)}  every cadence ends by {_day(end)}; {platform.open_cases()} cases open")
            time.sleep(LOOK_S)
        self._until("every case is closed", lambda: platform.open_cases() == 0)

    def _wait_quiet(self, platform: Platform) -> None:
        """Two looks in a row find nothing to do."""
        looks: list[bool] = []

        def quiet() -> bool:
            looks.append(platform.unfinished() == 0)
            return looks[-2:] == [True, True]

        self._until("all queues are empty", quiet)

    def _until(self, what: str, done: Callable[[], bool]) -> None:
        deadline = time.monotonic() + QUIET_S
        while not done():
            if time.monotonic() > deadline:
                raise NotQuiet(
                    f"waited {QUIET_S} s until {what}, in vain: see `oppulence local logs functions` and `oppulence dlq list`"
                )
            self._tell(f"waiting until {what}")
            time.sleep(LOOK_S)

    def _show(self, clock: Clock, progress: Progress, platform: Platform) -> None:
        held = ", time slowed until the platform has caught up" if clock.slowed else ""
        self._tell(
            f"{_day(clock.now)}  {progress.sent:,} of {progress.total:,} delivered, {platform.open_cases()} cases open{held}"
        )

    def _tell(self, line: str) -> None:
        """Tell progress, at most once a second."""
        if time.monotonic() - self._shown_at >= SHOW_S:
            self._shown_at = time.monotonic()
            self.say(f"  {line}")

    def _timed(self, name: str, work: Callable[[], Any]) -> Any:
        began = time.monotonic()
        try:
            return work()
        finally:
            self.took_s[name] = round(time.monotonic() - began, 1)


def _day(second: float) -> str:
    return f"{datetime.fromtimestamp(second, UTC):%d %b %Y}"


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
