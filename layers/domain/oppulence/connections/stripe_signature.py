"""Stripe's webhook signature: `t=<seconds>,v1=<hex HMAC-SHA256 of "t.body">`, any number of v1, over the raw bytes.

Source: Stripe documentation, "Verify webhook signatures manually".
"""

import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

TOLERANCE_S = 300
_MAX_HEADER = 1_000
_MAX_SIGNATURES = 10


@dataclass(frozen=True, slots=True)
class Signature:
    """A well-formed header."""

    timestamp: str
    candidates: tuple[str, ...]

    @property
    def at(self) -> datetime:
        """When the provider says it signed; a time out of bounds is not fresh and never asked for."""
        return datetime.fromtimestamp(int(self.timestamp), UTC)

    def is_fresh(self, now_s: float) -> bool:
        """Whether it was made within five minutes, either way, of a real second."""
        return abs(now_s - int(self.timestamp)) <= TOLERANCE_S

    def matches(self, body: bytes, secrets: Iterable[str]) -> bool:
        """Whether one of the secrets made one of the signatures; compared in constant time."""
        signed = self.timestamp.encode() + b"." + body
        expected = [hmac.digest(secret.encode(), signed, "sha256").hex() for secret in secrets]
        return any(hmac.compare_digest(one, candidate) for one in expected for candidate in self.candidates)


def parse(header: str | None) -> Signature | None:
    """Read a header; None when it is absent or not of the form."""
    if not header or len(header) > _MAX_HEADER or not header.isascii():
        return None
    pairs = [part.partition("=") for part in header.split(",")]
    timestamps = [value.strip() for name, _, value in pairs if name.strip() == "t"]
    candidates = tuple(value.strip() for name, _, value in pairs if name.strip() == "v1")
    if len(timestamps) != 1 or not timestamps[0].isdigit() or len(timestamps[0]) > 12:
        return None
    return Signature(timestamps[0], candidates) if 0 < len(candidates) <= _MAX_SIGNATURES else None
