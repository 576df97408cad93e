"""What goes wrong on demand: refused, failed, slow and broken-off requests, and a rate limit."""

import time
from dataclasses import dataclass, field

from infra.local.stripe.errors import StripeError

LIMITED = "Request rate limit exceeded. Learn more about rate limits here https://stripe.com/docs/rate-limits."
BROKEN = "An unknown error occurred. If you see this message, contact us at https://support.stripe.com/contact."


@dataclass
class Fault:
    """The next `count` requests that match fail: with a status, or without an answer (`disconnect`), after `delay_s` seconds.

    `when` is `before` (nothing is done) or `after` (all is done, only the answer is lost, as Stripe's 5xx may be).
    """

    count: int = 1
    status: int = 500
    method: str = ""
    path: str = ""
    code: str | None = None
    message: str | None = None
    retry_after_s: int | None = None
    when: str = "before"
    disconnect: bool = False
    delay_s: float = 0.0

    def error(self) -> StripeError:
        kind = "api_error" if self.status >= 500 else "invalid_request_error"
        code = self.code or ("rate_limit" if self.status == 429 else "lock_timeout" if self.status == 409 else None)
        made = StripeError(self.status, kind, self.message or (LIMITED if self.status == 429 else BROKEN), code=code)
        after = self.retry_after_s if self.retry_after_s is not None else 1 if self.status == 429 else None
        if after is not None:
            made.headers["Retry-After"] = str(after)
        return made


@dataclass
class Faults:
    waiting: list[Fault] = field(default_factory=list)

    def take(self, method: str, path: str) -> Fault | None:
        """The fault that this request gets."""
        for fault in self.waiting:
            if fault.method in ("", method) and path.startswith(fault.path):
                fault.count -= 1
                if fault.count <= 0:
                    self.waiting.remove(fault)
                return fault
        return None


@dataclass
class Bucket:
    """A token bucket over real time; without a rate nothing is limited."""

    per_second: float | None = None
    burst: float = 1.0
    tokens: float = 1.0
    refused: int = 0
    filled: float = field(default_factory=time.monotonic)

    def set(self, per_second: float | None, burst: float | None = None) -> None:
        self.per_second, self.burst = per_second, burst or max(per_second or 1.0, 1.0)
        self.tokens, self.filled = self.burst, time.monotonic()

    def take(self) -> None:
        """Raises:
        StripeError: 429 with `Retry-After`: the bucket is empty.
        """
        if self.per_second is None:
            return
        now = time.monotonic()
        self.tokens = min(self.burst, self.tokens + (now - self.filled) * self.per_second)
        self.filled = now
        if self.tokens < 1:
            self.refused += 1
            error = Fault(status=429, retry_after_s=max(1, round((1 - self.tokens) / self.per_second))).error()
            error.headers["Stripe-Rate-Limited-Reason"] = "global-rate"
            raise error
        self.tokens -= 1
