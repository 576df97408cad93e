"""Domain time may be shifted and scaled where the stage allows it, and nowhere else."""

import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from oppulence.kernel import aws, clock, environment
from tests.kernel.support import counted

PARAMETER = "/kernel-tests/clock"


@pytest.fixture(autouse=True)
def fresh(environment: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("CLOCK_PARAMETER", PARAMETER)
    _forget()
    yield
    monkeypatch.undo()
    _forget()


def _forget() -> None:
    clock._cached = (0.0, None)
    environment.stage.cache_clear()


def shift(to: datetime, scale: float) -> float:
    """Put domain time somewhere, and the real second when it stood there."""
    real_s = time.time()
    value = json.dumps({"real_s": real_s, "virtual_s": to.timestamp(), "scale": scale})
    aws.client("ssm").put_parameter(Name=PARAMETER, Value=value, Type="String", Overwrite=True)
    clock._cached = (0.0, None)
    return real_s


def is_real(read: Callable[[], datetime]) -> bool:
    """Whether a clock shows what the machine's shows, however long the machine takes to say so."""
    before = datetime.now(UTC)
    return before <= read() <= datetime.now(UTC)


def test_domain_time_stands_where_it_was_put_and_runs_at_its_scale() -> None:
    start = datetime(2030, 1, 1, tzinfo=UTC)
    put_at = shift(start, scale=86_400)
    time.sleep(0.05)
    before, shown, after = time.time(), clock.now(), time.time()
    days = (shown - start) / timedelta(days=1)
    assert 0.05 < before - put_at <= days + 1e-6 and days <= after - put_at + 1e-6


def test_the_real_clock_does_not_follow() -> None:
    shift(datetime(2030, 1, 1, tzinfo=UTC), scale=1)
    assert is_real(clock.real_now) and not is_real(clock.now)


def test_a_real_instant_has_its_place_in_domain_time() -> None:
    now = clock.real_now()
    shift(datetime(2030, 1, 1, tzinfo=UTC), scale=10)
    later, sooner = clock.domain_time(now + timedelta(minutes=1)), clock.domain_time(now)
    assert (later - sooner, sooner.year) == (timedelta(minutes=10), 2029)
    aws.client("ssm").put_parameter(Name=PARAMETER, Value="real", Type="String", Overwrite=True)
    _forget()
    assert clock.domain_time(now) == now


@pytest.mark.parametrize("stage", ["staging", "prod", ""])
def test_virtual_time_is_refused_where_money_is_real(monkeypatch: pytest.MonkeyPatch, stage: str) -> None:
    """Also where nobody said which stage it is."""
    shift(datetime(2030, 1, 1, tzinfo=UTC), scale=100)
    monkeypatch.setenv("STAGE", stage) if stage else monkeypatch.delenv("STAGE")
    environment.stage.cache_clear()
    assert is_real(clock.now)


def test_the_parameter_may_say_real() -> None:
    aws.client("ssm").put_parameter(Name=PARAMETER, Value="real", Type="String", Overwrite=True)
    assert is_real(clock.now)


def test_the_parameter_is_read_at_most_once_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    shift(datetime(2030, 1, 1, tzinfo=UTC), scale=1)
    moment = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: moment)
    with counted("ssm", "GetParameter") as calls:
        for _ in range(50):
            clock.now()
        assert calls == ["GetParameter"]
        moment += 1
        clock.now()
    assert calls == ["GetParameter"] * 2


def test_without_a_parameter_time_is_real(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CLOCK_PARAMETER")
    with counted("ssm", "GetParameter") as calls:
        assert is_real(clock.now)
    assert calls == []
