"""Alerts in tests: made through the API, looked at by the schedule."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from oppulence.kernel.events import Envelope
from tests.metering.support import make
from tests.metering.usage import sent, take
from tests.support.api import Api
from tests.support.entries import entry
from tests.support.standing_clock import StandingClock
from tests.support.world import World

PATH = "/v1/usage_alerts"
NOW = datetime(2026, 3, 14, 12, tzinfo=UTC)
TOLD = "metering.usage.threshold_reached"
SUM: dict[str, Any] = {
    "slug": "tokens", "event_type": "llm", "aggregation": "SUM", "value_property": "$.v", "effective_from": None,
}  # fmt: skip


class Alerting:
    """A meter of tokens at a standing time, its usage, its alerts, and what they told."""

    def __init__(self, world: World, api: Api, monkeypatch: pytest.MonkeyPatch, **meter: Any) -> None:
        self.world, self.api, self._events = world, api, 0
        self.clock = StandingClock(monkeypatch)
        self.clock.set(NOW)
        self.meter = make(api, **SUM | meter)

    def alert(self, **body: Any) -> dict[str, Any]:
        """A new alert; at 100 a day for each subject, but for these fields."""
        at = {} if "percent" in body else {"at": "100"}
        answer = self.api.as_key().post(PATH, {"meter": "tokens", "period": "day"} | at | body)
        assert answer.status == 201, answer.body
        found: dict[str, Any] = answer.body
        return found

    def use(self, value: str | int, subject: str = "acme", at: datetime | None = None) -> None:
        """Settle an event."""
        self._events += 1
        take(self.world, sent(f"e{self._events}", {"v": value}, at or self.clock.now, type="llm", subject=subject))

    def look(self) -> list[Envelope]:
        """Run the schedule; returns what was told since the last look."""
        entry("metering.schedules.look_at_usage_alerts")({}, None)
        return [one for one in self.world.envelopes() if one.type == TOLD]

    def told(self) -> list[tuple[str | None, str | None, str]]:
        """(subject, begin of the period, quantity) of what was told since the last look."""
        return sorted((one.data["subject"], one.data["period_start"], one.data["quantity"]) for one in self.look())

    def move(self, **time: float) -> None:
        """Let time pass."""
        self.clock.move(timedelta(**time))
