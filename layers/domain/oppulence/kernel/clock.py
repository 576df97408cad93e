"""Domain time. Real everywhere but in a cloud whose stage lets a parameter shift and scale it.

Signatures, tokens, leases and time-to-live values use `real_now`: only what the business calls a day may run faster.
"""

import json
import time
from datetime import UTC, datetime
from typing import NamedTuple

from oppulence.kernel import environment

_CACHE_S = 1.0


class VirtualTime(NamedTuple):
    """Domain time is `virtual_s` at real second `real_s`, and runs `scale` times as fast from there."""

    real_s: float
    virtual_s: float
    scale: float

    def at(self, real_s: float) -> float:
        """Domain seconds since 1970 at a real second."""
        return self.virtual_s + (real_s - self.real_s) * self.scale


_cached: tuple[float, VirtualTime | None] = (0.0, None)


def now() -> datetime:
    """The present instant in domain time, UTC."""
    virtual = _virtual_time()
    return datetime.fromtimestamp(virtual.at(time.time()), UTC) if virtual else real_now()


def real_now() -> datetime:
    """The present instant, UTC, whatever the domain's clock says."""
    return datetime.now(UTC)


def domain_time(real: datetime) -> datetime:
    """What domain time was, or will be, at a real instant, as the clock runs now."""
    virtual = _virtual_time()
    return datetime.fromtimestamp(virtual.at(real.timestamp()), UTC) if virtual else real


def _virtual_time() -> VirtualTime | None:
    global _cached
    parameter = environment.optional("CLOCK_PARAMETER")
    if parameter is None or environment.stage() in ("staging", "prod"):
        return None
    read_at, virtual = _cached
    if time.monotonic() - read_at < _CACHE_S:
        return virtual
    from oppulence.kernel.aws import client

    value = client("ssm").get_parameter(Name=parameter)["Parameter"]["Value"]
    virtual = VirtualTime(**json.loads(value)) if value != "real" else None
    _cached = (time.monotonic(), virtual)
    return virtual
