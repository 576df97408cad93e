"""Rate limits: a place in every window and a lease, or a refusal that says when to come again."""

import time
from typing import Any

import pytest

from oppulence.kernel import aws, limits
from oppulence.kernel.capabilities import Postgres
from oppulence.kernel.errors import RateLimited
from oppulence.kernel.http import Model, route
from oppulence.kernel.ids import new_id
from oppulence.kernel.limits import Caller, Plan
from oppulence.kernel.uow import UnitOfWork
from tests.kernel.support import CONTEXT, away, call, counted, key_of
from tests.support.world import World


class Answered(Model):
    ok: bool = True


@route("GET", "/v1/test/limited", scope="sync:read", uses=(Postgres(CONTEXT),))
def limited(uow: UnitOfWork) -> Answered:
    return Answered()


@route("GET", "/v1/test/failing", scope="sync:read", uses=(Postgres(CONTEXT),))
def failing(uow: UnitOfWork) -> Answered:
    raise ValueError("on purpose")


@pytest.fixture
def small(world: World, monkeypatch: pytest.MonkeyPatch) -> Caller:
    """A caller of a plan of three a minute, in the middle of a minute."""
    monkeypatch.setitem(limits.PLANS, "small", Plan(3, 100, 100))
    return Caller(new_id("ws"), new_id("key"), "small")


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Sets the time."""
    start = time.time() // 60 * 60 + 30

    def put(seconds: float) -> None:
        monkeypatch.setattr(limits.time, "time", lambda: start + seconds)  # type: ignore[attr-defined]

    put(0)
    return put


def item(workspace_id: str) -> dict[str, Any]:
    found: dict[str, Any] = aws.client("dynamodb").get_item(TableName="limits", Key={"id": {"S": workspace_id}}).get("Item", {})
    return found


def use(caller: Caller) -> dict[str, str]:
    lease = limits.take(caller, new_id("req"))
    limits.give_back(lease)
    return lease.headers


def test_a_minute_is_full_and_then_a_new_one(small: Caller, at: Any) -> None:
    assert [use(small)["RateLimit-Remaining"] for _ in range(3)] == ["2", "1", "0"]
    with pytest.raises(RateLimited) as refused:
        use(small)
    assert refused.value.details["retry_after"] == 30
    assert refused.value.headers == {"RateLimit-Limit": "3", "RateLimit-Remaining": "0", "RateLimit-Reset": "30"}
    at(30)
    assert use(small)["RateLimit-Remaining"] == "2"


def test_a_refusal_takes_no_place(small: Caller, at: Any) -> None:
    for _ in range(3):
        use(small)
    for _ in range(5):
        with pytest.raises(RateLimited):
            use(small)
    assert {name: value["N"] for name, value in item(small.workspace_id).items() if name.startswith("m")} == {
        f"m{int(limits.time.time() // 60)}": "3"  # type: ignore[attr-defined]
    }


def test_a_burst_is_one_seconds_worth(world: World, monkeypatch: pytest.MonkeyPatch, at: Any) -> None:
    monkeypatch.setitem(limits.PLANS, "small", Plan(100, 2, 100))
    caller = Caller(new_id("ws"), "key_a", "small")
    use(caller), use(caller)
    with pytest.raises(RateLimited) as refused:
        use(caller)
    assert refused.value.details["retry_after"] == 1
    at(1)
    use(caller)


def test_so_many_at_once_and_a_lease_given_back_frees_its_place(world: World, monkeypatch: pytest.MonkeyPatch, at: Any) -> None:
    monkeypatch.setitem(limits.PLANS, "small", Plan(100, 100, 2))
    caller = Caller(new_id("ws"), "key_a", "small")
    first, _ = limits.take(caller, "r1"), limits.take(caller, "r2")
    with pytest.raises(RateLimited, match="at once"):
        limits.take(caller, "r3")
    limits.give_back(first)
    limits.take(caller, "r3")


def test_the_lease_of_a_process_that_died_expires(world: World, monkeypatch: pytest.MonkeyPatch, at: Any) -> None:
    monkeypatch.setitem(limits.PLANS, "small", Plan(100, 100, 2))
    caller = Caller(new_id("ws"), "key_a", "small")
    limits.take(caller, "r1"), limits.take(caller, "r2")
    at(limits.LEASE_S - 1)
    with pytest.raises(RateLimited):
        limits.take(caller, "r3")
    at(limits.LEASE_S + 2)
    limits.give_back(limits.take(caller, "r3"))
    assert "leases" not in item(caller.workspace_id)


def test_a_key_has_a_limit_of_its_own_below_the_plans(small: Caller, at: Any) -> None:
    narrow = Caller(small.workspace_id, "key_narrow", "small", key_per_minute=1)
    assert use(narrow) == {"RateLimit-Limit": "1", "RateLimit-Remaining": "0", "RateLimit-Reset": "30"}
    with pytest.raises(RateLimited, match="key's"):
        use(narrow)
    assert use(small)["RateLimit-Remaining"] == "1", "the workspace's other key goes on"


def test_remaining_is_what_is_nearer(world: World, monkeypatch: pytest.MonkeyPatch, at: Any) -> None:
    monkeypatch.setitem(limits.PLANS, "small", Plan(100, 100, 100))
    workspace_id = new_id("ws")
    for _ in range(20):
        use(Caller(workspace_id, "key_a", "small"))
    assert use(Caller(workspace_id, "key_b", "small", key_per_minute=10))["RateLimit-Remaining"] == "9"
    assert use(Caller(workspace_id, "key_b", "small", key_per_minute=1_000))["RateLimit-Remaining"] == "78"


def test_windows_that_passed_are_cleared_and_others_are_not(small: Caller, at: Any) -> None:
    use(small)
    at(61)
    minute = int(limits.time.time() // 60)  # type: ignore[attr-defined]
    ahead = {"#n": f"m{minute + 1}", "#o": f"key_o_m{minute}"}
    aws.client("dynamodb").update_item(
        TableName="limits", Key={"id": {"S": small.workspace_id}}, UpdateExpression="ADD #n :one, #o :one",
        ExpressionAttributeNames=ahead, ExpressionAttributeValues={":one": {"N": "1"}},
    )  # fmt: skip
    use(small)
    left = {name for name in item(small.workspace_id) if name not in ("id", "expires_at")}
    second = f"s{int(limits.time.time())}"  # type: ignore[attr-defined]
    assert left == {f"m{minute}", second, f"{small.key_id}_m{minute}", f"m{minute + 1}", f"key_o_m{minute}"}


def test_an_unknown_plan_has_the_lowest_limits() -> None:
    assert Caller("ws", "key", "gold").limits == limits.PLANS["free"]


def test_a_request_costs_exactly_two_calls(world: World) -> None:
    key = key_of(world)
    call(limited, key)
    with counted("dynamodb", "UpdateItem", "GetItem", "PutItem") as calls:
        answer = call(limited, key)
    assert calls == ["UpdateItem", "UpdateItem"]
    assert answer.status == 200
    assert {name for name in answer.headers if name.startswith("RateLimit-")} == {
        "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"
    }  # fmt: skip


def test_a_request_that_fails_gives_its_lease_back(world: World) -> None:
    assert call(failing, key_of(world)).status == 500
    assert "leases" not in item(world.workspace_id)


def test_a_full_plan_is_429_with_headers(world: World, monkeypatch: pytest.MonkeyPatch, at: Any) -> None:
    monkeypatch.setitem(limits.PLANS, "business", Plan(1, 10, 10))
    key = key_of(world)
    assert call(limited, key).status == 200
    answer = call(limited, key)
    assert (answer.status, answer.error.type, answer.error.code) == (429, "rate_limit_error", "rate_limit_exceeded")
    assert answer.headers["Retry-After"] == str(answer.body["error"]["retry_after"]) == "30"
    assert answer.headers["RateLimit-Remaining"] == "0"


def test_without_dynamodb_requests_pass_under_a_limit_of_this_process(world: World, at: Any) -> None:
    key = key_of(world)
    with away("dynamodb", "UpdateItem") as tried:
        answers = [call(limited, key) for _ in range(limits._FALLBACK_PER_MINUTE + 1)]
    assert [one.status for one in answers] == [200] * limits._FALLBACK_PER_MINUTE + [429]
    assert answers[0].headers["RateLimit-Limit"] == str(limits._FALLBACK_PER_MINUTE)
    assert len(tried) == len(answers), "nothing was taken, so nothing is given back"
    assert call(limited, key).status == 200, "it is back at once"


def test_an_address_that_keeps_failing_waits_and_others_do_not(world: World, at: Any) -> None:
    for _ in range(limits._FAILURES_PER_MINUTE):
        assert call(limited, "op_test_" + "x" * 32, ip="198.51.100.1").status == 401
    key = key_of(world)
    assert call(limited, key, ip="198.51.100.1").status == 429
    assert call(limited, key, ip="198.51.100.2").status == 200
    at(31)
    assert call(limited, key, ip="198.51.100.1").status == 200
