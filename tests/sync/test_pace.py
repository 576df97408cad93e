"""One bucket for all functions: no two requests share a place, and a pause holds for everybody."""

import threading
import time
from collections.abc import Callable

import pytest

from oppulence.kernel import aws
from oppulence.sync.backfill import pace_gateway
from oppulence.sync.backfill.pace_gateway import Pace, TooSoon
from tests.support.world import World


@pytest.fixture
def slept(world: World, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Sleeps, which are noted and not slept; time stands still meanwhile."""
    found: list[float] = []
    monkeypatch.setattr(time, "sleep", found.append)
    monkeypatch.setattr(pace_gateway, "_now_ms", lambda: 1_000_000)
    aws.client("dynamodb").delete_item(TableName="limits", Key={"id": {"S": "stripe:acct_pace"}})
    return found


def test_requests_are_spread_evenly(slept: list[float]) -> None:
    pace = Pace("acct_pace", 10)
    for _ in range(4):
        pace.wait()
    assert slept == [0.1, 0.2, 0.3], "the first goes at once"


def test_takers_share_one_bucket_each_at_its_own_rate(slept: list[float]) -> None:
    Pace("acct_pace", 2).wait()
    Pace("acct_pace", 100).wait()
    Pace("acct_other", 100).wait()
    assert slept == [0.5], "the slower one counts for more; other accounts are not concerned"


def test_places_far_ahead_are_not_taken(slept: list[float]) -> None:
    pace = Pace("acct_pace", 1)
    for _ in range(4):
        pace.wait()
    with pytest.raises(TooSoon) as soon:
        pace.wait()
        pace.wait()
    assert soon.value.wait_s == 4


def test_a_pause_holds_for_everybody_and_is_never_shortened(slept: list[float]) -> None:
    Pace("acct_pace", 100).pause(30)
    Pace("acct_pace", 100).pause(5)
    with pytest.raises(TooSoon) as soon:
        Pace("acct_pace", 1).wait()
    assert soon.value.wait_s == 30


def test_no_two_of_many_at_once_share_a_place(slept: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    one_by_one, call = threading.Lock(), aws.client("dynamodb")._make_api_call

    def atomic(*given: object) -> object:
        with one_by_one:  # as DynamoDB does it; the one in this process does not
            return call(*given)

    monkeypatch.setattr(aws.client("dynamodb"), "_make_api_call", atomic)
    threads = [threading.Thread(target=Pace("acct_pace", 20).wait) for _ in range(20)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(30)
    assert sorted(slept) == [pytest.approx(0.05 * place) for place in range(1, 20)]


def test_without_its_store_a_process_keeps_to_one_a_second(slept: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIMITS_TABLE", "gone")
    pace_gateway._alone.clear()
    pace = Pace("acct_pace", 100)
    pace.pause(5)
    for _ in range(3):
        pace.wait()
    assert [round(one) for one in slept] == [1, 2]


def test_without_a_limit_nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    refuse: Callable[[float], None] = lambda _: pytest.fail("nobody waits")  # noqa: E731
    monkeypatch.setattr(time, "sleep", refuse)
    for _ in range(100):
        Pace("acct_pace", None).wait()
