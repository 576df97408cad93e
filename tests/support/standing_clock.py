"""Domain time that stands still until it is moved, by the parameter that the template names."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from oppulence.kernel import aws, clock

START = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
PARAMETER = "/oppulence/tests/clock"


class StandingClock:
    """Domain time stands where it was put."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("CLOCK_PARAMETER", PARAMETER)
        self.now = START
        self.set(START)

    def set(self, now: datetime) -> None:
        """Put it at an instant."""
        self.now = now
        value = json.dumps({"real_s": 0.0, "virtual_s": now.timestamp(), "scale": 0.0})
        aws.client("ssm").put_parameter(Name=PARAMETER, Value=value, Type="String", Overwrite=True)
        self.forget()

    def move(self, by: timedelta) -> None:
        """Let time pass."""
        self.set(self.now + by)

    def forget(self) -> None:
        """Have the kernel read the parameter again."""
        clock._cached = (0.0, None)
