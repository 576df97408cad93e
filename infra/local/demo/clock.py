"""Virtual time of a local cloud: the domain's clock and the machines' waits, always set together."""

import json
import time
import urllib.request
from dataclasses import dataclass, field
from typing import Any

from infra.local.running import Cloud
from infra.settings import CLOCK_PARAMETER
from oppulence.kernel.clock import VirtualTime

OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))
WAIT_SCALE = "stepfunctions._SFN_WAIT_SCALE"
REAL = "real"
KNOWN_S = 1.2
SLOWER = 10.0
"""By how much time is slowed while the platform lags behind. It never stands: what waits for a moment must reach it."""


@dataclass
class Clock:
    """Sets virtual time. What functions know of it is at most `KNOWN_S` old."""

    cloud: Cloud
    _ssm: Any = field(init=False)
    _shown: VirtualTime | None = None
    slowed: bool = False

    def __post_init__(self) -> None:
        self._ssm = self.cloud.client("ssm")

    @property
    def now(self) -> float:
        """Domain seconds since 1970."""
        real = time.time()
        return self._shown.at(real) if self._shown else real

    @property
    def is_virtual(self) -> bool:
        return self._shown is not None

    def run(self, scale: float, start: float | None = None) -> None:
        """Let time run `scale` times as fast, from a domain second (from where it is, if none is named)."""
        real = time.time()
        self._set(VirtualTime(real, self.now if start is None else start, scale))
        self.slowed = False

    def pace(self, scale: float, *, lags: bool) -> None:
        """Let virtual time run at `scale`, or slower while the platform lags behind; real time stays as it is."""
        if self.is_virtual and lags != self.slowed:
            self.run(scale / SLOWER if lags else scale)
            self.slowed = lags

    def reset(self) -> None:
        """Real time again."""
        self._set(None)
        self.slowed = False

    def _set(self, shown: VirtualTime | None) -> None:
        value = REAL if shown is None else json.dumps(shown._asdict())
        self._ssm.put_parameter(Name=CLOCK_PARAMETER, Value=value, Type="String", Overwrite=True)
        body = json.dumps({WAIT_SCALE: 1.0 if shown is None else 1 / shown.scale}).encode()
        url = f"{self.cloud.emulator_url}/_ministack/config"
        with OPENER.open(urllib.request.Request(url, data=body, method="POST"), timeout=10) as response:
            applied = json.loads(response.read())["applied"]
        if WAIT_SCALE not in applied:
            raise RuntimeError("the emulator did not take the scale of its waits: it has changed")
        self._shown = shown
