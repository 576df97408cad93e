"""A circuit breaker per connection: a provider that fails is left alone for a while, instead of every caller waiting for it.

Opens when at least half of at least ten calls within a minute failed; after 30 seconds one call may try, and its outcome
closes or opens it again. Kept per process: a function's processes are few and live long, each finds out within ten calls,
and what is shared by all of them (the pause after a 429) stands in the backfill's token bucket. Refusals are no failures.
"""

import time
from collections import deque
from dataclasses import dataclass, field

from oppulence.kernel import telemetry

WINDOW_S = 60.0
LEAST_CALLS = 10
OPEN_S = 30.0


@dataclass
class Breaker:
    """One connection's. Times are monotonic seconds."""

    calls: deque[tuple[float, bool]] = field(default_factory=lambda: deque(maxlen=100))
    opened_at: float | None = None

    def closed_in_s(self) -> float:
        """Seconds until a call may be made; 0 is now. Whoever is let through after 30 s holds the others back for as long."""
        if self.opened_at is None:
            return 0.0
        now = time.monotonic()
        left = self.opened_at + OPEN_S - now
        if left <= 0:
            self.opened_at = now
        return max(left, 0.0)

    def count(self, *, ok: bool) -> None:
        """Take a call's outcome into account."""
        now = time.monotonic()
        if self.opened_at is not None:
            self.opened_at = None if ok else now
            self.calls.clear()
            if ok:
                _tell(0)
            return
        self.calls.append((now, ok))
        recent = [good for at, good in self.calls if at > now - WINDOW_S]
        if not ok and len(recent) >= LEAST_CALLS and recent.count(False) * 2 >= len(recent):
            self.opened_at = now
            _tell(1)


def _tell(state: int) -> None:
    """The metric of the seeds' name: 1 is open, 0 closed."""
    telemetry.logger().warning("circuit_breaker", extra={"provider": "stripe", "open": bool(state)})
    telemetry.metric("circuit_breaker_state", state, "Count", service="stripe")


_breakers: dict[str, Breaker] = {}


def of(connection_id: str) -> Breaker:
    """A connection's breaker in this process."""
    return _breakers.setdefault(connection_id, Breaker())


def forget_all() -> None:
    """Close every breaker of this process."""
    _breakers.clear()
