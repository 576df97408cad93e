"""The pace of requests to a Stripe account: one token bucket in DynamoDB for all functions.

The bucket is a single number: the instant, in milliseconds, at which the next request may go out. Taking a place moves it on by
the taker's own interval, so that whoever runs at a lower rate counts for more, and all together stay below the highest. A pause
that Stripe asks for moves it for everybody. Both are one conditional update: no two requests share a place.
If DynamoDB is away, this process keeps to one request a second by itself.
"""

import math
import time
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from oppulence.kernel import environment, telemetry
from oppulence.kernel.aws import client

AHEAD_MS = 3_000
"""How far ahead a place may be taken; further off, the machine waits rather than the function."""

ALONE_PER_SECOND = 1.0
PAUSE_MAX_S = 3_600
_TTL_S = 86_400
_TRIES = 10


class TooSoon(Exception):
    """The next place is further off than a function should wait."""

    def __init__(self, wait_s: int) -> None:
        super().__init__(f"the next request may go out in {wait_s} s")
        self.wait_s = wait_s


@dataclass
class Pace:
    """A taker: `stripe_account` names the bucket, `per_second` is its own rate; None is no limit at all."""

    stripe_account: str
    per_second: float | None

    def wait(self) -> None:
        """Sleep until the next request may go out.

        Raises:
            TooSoon: that is more than three seconds off.
        """
        if self.per_second is None:
            return
        try:
            delay_ms = self._take(1_000 / self.per_second)
        except (BotoCoreError, ClientError) as error:
            telemetry.logger().warning("pace_unavailable", extra={"reason": str(error)})
            delay_ms = _take_alone(self.stripe_account)
        if delay_ms > 0:
            time.sleep(delay_ms / 1_000)

    def pause(self, seconds: int) -> None:
        """Let nobody ask this account for a while. If DynamoDB is away, only our own machine waits."""
        until = _now_ms() + min(seconds, PAUSE_MAX_S) * 1_000
        try:
            _update(self.stripe_account, "SET next_ms = :next", "attribute_not_exists(next_ms) OR next_ms < :next", next=until)
        except (BotoCoreError, ClientError) as error:
            if not _is_refusal(error):
                telemetry.logger().warning("pace_unavailable", extra={"reason": str(error)})

    def _take(self, interval_ms: float) -> float:
        """Milliseconds until the place that was taken."""
        interval = max(1, round(interval_ms))
        for _ in range(_TRIES):
            now = _now_ms()
            try:
                ahead = {"step": interval, "now": now, "limit": now + AHEAD_MS}
                taken = _update(
                    self.stripe_account, "SET next_ms = next_ms + :step", "next_ms > :now AND next_ms <= :limit", **ahead
                )
                return taken - interval - now
            except ClientError as error:
                waiting = _standing(error)
            if waiting is not None and waiting > now + AHEAD_MS:
                raise TooSoon(math.ceil((waiting - now) / 1_000))
            try:
                _update(
                    self.stripe_account, "SET next_ms = :next", "attribute_not_exists(next_ms) OR next_ms <= :now",
                    next=now + interval, now=now,
                )  # fmt: skip
            except ClientError as error:
                if not _is_refusal(error):
                    raise
            else:
                return 0
        raise TooSoon(1)


def _update(stripe_account: str, change: str, condition: str, **values: int) -> int:
    """One conditional update; returns the bucket's number after it."""
    given: dict[str, Any] = {f":{name}": {"N": str(value)} for name, value in values.items()}
    given[":ttl"] = {"N": str(int(time.time()) + _TTL_S)}
    answer = client("dynamodb").update_item(
        TableName=environment.required("LIMITS_TABLE"), Key={"id": {"S": f"stripe:{stripe_account}"}},
        UpdateExpression=f"{change}, expires_at = :ttl", ConditionExpression=condition, ExpressionAttributeValues=given,
        ReturnValues="UPDATED_NEW", ReturnValuesOnConditionCheckFailure="ALL_OLD",
    )  # fmt: skip
    return int(answer["Attributes"]["next_ms"]["N"])


def _standing(error: ClientError) -> int | None:
    """The bucket's number where a condition failed; None when there is no bucket yet."""
    if not _is_refusal(error):
        raise error
    item: dict[str, Any] = error.response.get("Item", {})  # type: ignore[assignment]
    return int(item["next_ms"]["N"]) if "next_ms" in item else None


def _is_refusal(error: BotoCoreError | ClientError) -> bool:
    return isinstance(error, ClientError) and error.response["Error"]["Code"] == "ConditionalCheckFailedException"


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


_alone: dict[str, float] = {}


def _take_alone(stripe_account: str) -> float:
    """Milliseconds until this process may ask again."""
    now = time.monotonic()
    at = max(now, _alone.get(stripe_account, 0.0))
    _alone[stripe_account] = at + 1 / ALONE_PER_SECOND
    return (at - now) * 1_000
