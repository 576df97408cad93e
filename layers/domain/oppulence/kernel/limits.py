"""Rate limits per workspace and per key, in DynamoDB: one call takes all that a request needs, one gives its lease back.

An item per workspace counts requests in windows named `m<minute>`, `s<second>` and `<key>_m<minute>`, and holds the leases
of running requests as a set of `<expiry>:<request id>`. Conditions and increments are one UpdateItem, so no two requests
share a place. Giving the lease back also clears windows that have passed and leases that have expired.
If DynamoDB fails, requests pass under a conservative limit kept in this process.
"""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from oppulence.kernel import environment, telemetry
from oppulence.kernel.errors import RateLimited

LEASE_S = 35
"""A little longer than any route may run: a crashed function's lease then frees itself."""

_WINDOW = re.compile(r"(s|m|.+_m)(\d+)")
_ITEM_TTL_S = 3_600
_FALLBACK_PER_MINUTE = 60
_FAILURES_PER_MINUTE = 100

Item = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a plan allows: requests a minute, requests in one second, requests at once."""

    per_minute: int
    burst: int
    concurrent: int


PLANS = {
    "free": Plan(100, 20, 5),
    "pro": Plan(1_000, 100, 20),
    "business": Plan(10_000, 500, 50),
    "enterprise": Plan(100_000, 2_000, 500),
}


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose places are taken: a workspace on a plan, and one of its keys with, perhaps, a lower limit of its own."""

    workspace_id: str
    key_id: str
    plan: str
    key_per_minute: int | None = None

    @property
    def limits(self) -> Plan:
        """The plan's numbers; an unknown plan has the lowest."""
        return PLANS.get(self.plan, PLANS["free"])


@dataclass(frozen=True, slots=True)
class Lease:
    """A request's place. `headers` go out with its answer; `member` is None when the store was away."""

    workspace_id: str
    member: str | None
    headers: dict[str, str]
    passed: tuple[str, ...] = ()
    expired: tuple[str, ...] = ()


def take(caller: Caller, request_id: str) -> Lease:
    """Take a place in the workspace's and the key's windows, and a concurrency lease.

    Raises:
        RateLimited: one of them is full; `retry_after` seconds say when to try again.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    now = time.time()
    try:
        return _lease(caller, _take(caller, request_id, now), request_id, now)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            return _fallback(caller, str(error), now)
        item: Item = error.response.get("Item", {})  # type: ignore[assignment]
    except BotoCoreError as error:
        return _fallback(caller, str(error), now)
    expired = _expired(item, now)
    if expired:
        give_back(Lease(caller.workspace_id, None, {}, (), expired), force=True)
        if _blocked_by(caller, item, now, held=len(item["leases"]["SS"]) - len(expired)) is None:
            return take(caller, request_id)
    raise _refusal(caller, item, now)


def give_back(lease: Lease, *, force: bool = False) -> None:
    """Free a lease, passed windows and expired leases. If that fails, the lease expires by itself."""
    from botocore.exceptions import BotoCoreError, ClientError

    from oppulence.kernel.aws import client

    if lease.member is None and not force:
        return
    names = {f"#p{n}": name for n, name in enumerate(lease.passed)}
    update = "DELETE leases :leases" + (f" REMOVE {', '.join(names)}" if names else "")
    members = [*lease.expired, *([lease.member] if lease.member else [])]
    request: Item = {"ExpressionAttributeNames": names} if names else {}
    try:
        client("dynamodb").update_item(
            TableName=environment.required("LIMITS_TABLE"), Key={"id": {"S": lease.workspace_id}}, UpdateExpression=update,
            ExpressionAttributeValues={":leases": {"SS": members}}, **request,
        )  # fmt: skip
    except (BotoCoreError, ClientError) as error:
        telemetry.logger().warning("lease_not_given_back", extra={"reason": str(error)})


def _take(caller: Caller, request_id: str, now: float) -> Item:
    from oppulence.kernel.aws import client

    plan = caller.limits
    minute, second, key = _windows(caller, now)
    answer = client("dynamodb").update_item(
        TableName=environment.required("LIMITS_TABLE"),
        Key={"id": {"S": caller.workspace_id}},
        UpdateExpression="ADD #m :one, #s :one, #k :one, leases :lease SET expires_at = :ttl",
        ConditionExpression=(
            "(attribute_not_exists(#m) OR #m < :per_minute) AND (attribute_not_exists(#s) OR #s < :burst)"
            " AND (attribute_not_exists(#k) OR #k < :per_key) AND (attribute_not_exists(leases) OR size(leases) < :concurrent)"
        ),
        ExpressionAttributeNames={"#m": minute, "#s": second, "#k": key},
        ExpressionAttributeValues={
            ":one": {"N": "1"}, ":lease": {"SS": [_member(request_id, now)]}, ":ttl": {"N": str(int(now) + _ITEM_TTL_S)},
            ":per_minute": {"N": str(plan.per_minute)}, ":burst": {"N": str(plan.burst)},
            ":per_key": {"N": str(caller.key_per_minute or plan.per_minute)}, ":concurrent": {"N": str(plan.concurrent)},
        },
        ReturnValues="ALL_NEW", ReturnValuesOnConditionCheckFailure="ALL_OLD",
    )  # fmt: skip
    item: Item = answer["Attributes"]
    return item


def _lease(caller: Caller, item: Item, request_id: str, now: float) -> Lease:
    passed = tuple(name for name in item if _has_passed(name, now))
    return Lease(caller.workspace_id, _member(request_id, now), _standing(caller, item, now), passed, _expired(item, now))


def _standing(caller: Caller, item: Item, now: float) -> dict[str, str]:
    """The headers: the limit that is nearer, the workspace's or the key's own."""
    minute, _, key = (int(item.get(name, {}).get("N", "0")) for name in _windows(caller, now))
    per_minute = caller.limits.per_minute
    per_key = min(caller.key_per_minute or per_minute, per_minute)
    return _headers(per_key, min(per_minute - minute, per_key - key), now)


def _has_passed(name: str, now: float) -> bool:
    """Whether an attribute counts a window that is over. One that a faster clock has opened already is not."""
    window = _WINDOW.fullmatch(name)
    return window is not None and int(window[2]) < (int(now) if window[1] == "s" else int(now // 60))


def _windows(caller: Caller, now: float) -> tuple[str, str, str]:
    minute = int(now // 60)
    return f"m{minute}", f"s{int(now)}", f"{caller.key_id}_m{minute}"


def _member(request_id: str, now: float) -> str:
    return f"{int(now) + LEASE_S}:{request_id}"


def _expired(item: Item, now: float) -> tuple[str, ...]:
    return tuple(member for member in item.get("leases", {}).get("SS", []) if int(member.partition(":")[0]) < now)


def _blocked_by(caller: Caller, item: Item, now: float, held: int) -> tuple[str, int] | None:
    """What is full, and after how many seconds it may no longer be."""
    plan = caller.limits
    minute, second, key = (int(item.get(name, {}).get("N", "0")) for name in _windows(caller, now))
    rest_of_minute = 60 - int(now % 60)
    checks: list[tuple[Callable[[], bool], str, int]] = [
        (lambda: minute >= plan.per_minute, f"{plan.per_minute} requests a minute", rest_of_minute),
        (lambda: key >= (caller.key_per_minute or plan.per_minute), "the key's requests a minute", rest_of_minute),
        (lambda: second >= plan.burst, f"{plan.burst} requests in one second", 1),
        (lambda: held >= plan.concurrent, f"{plan.concurrent} requests at once", 1),
    ]
    return next(((what, wait) for full, what, wait in checks if full()), None)


def _refusal(caller: Caller, item: Item, now: float) -> RateLimited:
    what, wait = _blocked_by(caller, item, now, len(item.get("leases", {}).get("SS", []))) or ("the plan's limit", 1)
    error = RateLimited(f"Rate limit exceeded ({what}). Please retry after {wait} seconds", retry_after=wait)
    error.headers = _standing(caller, item, now)
    return error


_fallback_window: dict[str, tuple[int, int]] = {}


def _fallback(caller: Caller, reason: str, now: float) -> Lease:
    """Count in this process while the store is away."""
    telemetry.logger().warning("limits_unavailable", extra={"reason": reason})
    minute, used = _fallback_window.get(caller.workspace_id, (0, 0))
    used = used + 1 if minute == int(now // 60) else 1
    _fallback_window[caller.workspace_id] = (int(now // 60), used)
    if used > _FALLBACK_PER_MINUTE:
        wait = 60 - int(now % 60)
        raise RateLimited(f"Rate limit exceeded. Please retry after {wait} seconds", retry_after=wait)
    return Lease(caller.workspace_id, None, _headers(_FALLBACK_PER_MINUTE, _FALLBACK_PER_MINUTE - used, now))


_failures: dict[str, tuple[int, int]] = {}


def count_failure(address: str) -> None:
    """Remember a failed authentication from an address, in this process and minute."""
    minute, failed = _failures.get(address, (0, 0))
    if len(_failures) > 10_000:
        _failures.clear()
    present = int(time.time() // 60)
    _failures[address] = (present, failed + 1 if minute == present else 1)


def check_address(address: str) -> None:
    """Tell an address that keeps failing to authenticate to wait.

    Raises:
        RateLimited: it failed a hundred times in this minute.
    """
    minute, failed = _failures.get(address, (0, 0))
    if minute == int(time.time() // 60) and failed >= _FAILURES_PER_MINUTE:
        wait = 60 - int(time.time() % 60)
        raise RateLimited(f"Too many failed authentications. Please retry after {wait} seconds", retry_after=wait)


def _headers(limit: int, remaining: int, now: float) -> dict[str, str]:
    return {
        "RateLimit-Limit": str(limit), "RateLimit-Remaining": str(max(0, remaining)), "RateLimit-Reset": str(60 - int(now % 60)),
    }  # fmt: skip


def forget_all() -> None:
    """Drop what this process has counted."""
    _failures.clear()
    _fallback_window.clear()
