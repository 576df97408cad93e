"""While usage is made anew in the analytical store, nothing is told for good of what is there by half; afterwards it is."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import TypeVar

import pytest

from oppulence.kernel.errors import Unavailable
from oppulence.kernel.uow import Scope
from oppulence.metering import api as metering
from oppulence.metering import query, rebuild, snapshots
from oppulence.metering import store as meters_store
from oppulence.metering.alerts import looking
from oppulence.metering.api import Freeze
from oppulence.metering.closings import close_workspace
from oppulence.metering.exports import events_content, writing
from oppulence.metering.query import Question
from tests.metering import exporting
from tests.metering.alerting import NOW, Alerting
from tests.metering.schedules.test_close_usage_windows import close, hours
from tests.support.api import Api
from tests.support.world import World

T = TypeVar("T")
DAY = NOW.replace(hour=0)
FREEZE = Freeze("k", "tokens", DAY, DAY + timedelta(days=1), subject="acme")


@pytest.fixture
def metered(store: World, api: Api, monkeypatch: pytest.MonkeyPatch) -> Alerting:
    return Alerting(store, api, monkeypatch)


def scope(metered: Alerting) -> Scope:
    return Scope("metering", metered.world.workspace_id)


def during_rebuild(metered: Alerting, what: Callable[[], T]) -> T:
    """What comes of it when all is deleted and nothing is settled yet."""
    found: list[T] = []

    def tell(text: str) -> None:
        if text.startswith(metered.world.workspace_id) and not found:
            found.append(what())

    rebuild.rebuild(meters_store.shard_of(metered.world.workspace_id), tell)
    return found[0]


def refused(what: Callable[[], object]) -> bool:
    with pytest.raises(Unavailable, match="made anew"):
        what()
    return True


def test_an_answer_says_that_it_lacks_something(metered: Alerting) -> None:
    metered.use(10)

    def queued(as_of: int | None) -> bool:
        return query.answer(scope(metered), Question("tokens", DAY, DAY + timedelta(days=1), as_of=as_of)).queued

    for as_of in (None, 10**6):
        assert during_rebuild(metered, lambda: queued(as_of)) and not queued(as_of)  # noqa: B023


def test_frozen_quantities_wait(metered: Alerting) -> None:
    metered.use(10)
    metered.move(hours=30)
    assert during_rebuild(metered, lambda: refused(lambda: metering.frozen_quantity(scope(metered), FREEZE)))
    assert metering.frozen_quantity(scope(metered), FREEZE).quantity == Decimal(10)
    assert during_rebuild(metered, lambda: refused(lambda: metering.adjustments(scope(metered), "k")))
    assert during_rebuild(metered, lambda: refused(lambda: metering.recomputed(scope(metered), "k")))
    assert metering.adjustments(scope(metered), "k") == []


def test_hours_and_alerts_wait(metered: Alerting) -> None:
    metered.alert()
    metered.use(1)
    assert metered.told() == []
    metered.use(150)
    metered.move(hours=1, minutes=10)
    assert during_rebuild(metered, lambda: (hours(close(metered)), metered.told())) == ([], [])
    assert metered.told() == [("acme", "2026-03-14T00:00:00Z", "151")]
    assert hours(close(metered)) == [("tokens", "2026-03-14T12:00:00Z", "151")]


def test_hours_and_alerts_that_were_begun_before_wait_too(metered: Alerting) -> None:
    metered.alert()
    metered.use(150)
    metered.move(hours=1, minutes=10)
    hour = NOW + timedelta(hours=1)
    assert during_rebuild(metered, lambda: refused(lambda: close_workspace(scope(metered), NOW, hour)))
    assert during_rebuild(metered, lambda: refused(lambda: looking.look(scope(metered))))
    assert metered.told() == [("acme", "2026-03-14T00:00:00Z", "150")]


@pytest.mark.parametrize(("kind", "column", "value"), [("events", "id", "e1"), ("windows", "quantity", "10")])
@pytest.mark.parametrize("begun", [False, True], ids=["new", "begun before"])
def test_exports_wait(
    metered: Alerting, api: Api, monkeypatch: pytest.MonkeyPatch, kind: str, column: str, value: str, begun: bool
) -> None:
    metered.use(10)
    id_ = exporting.ask(api, kind=kind, format="csv")["id"]
    if begun:
        with monkeypatch.context() as soon:
            soon.setattr(writing, "WORK_S", -1)
            writing.write(scope(metered), id_)
    assert during_rebuild(metered, lambda: refused(lambda: writing.write(scope(metered), id_)))
    exporting.run(metered.world)
    assert [row[column] for row in exporting.read(exporting.show(api, id_))] == [value]


def test_what_was_read_while_a_rebuild_came_and_went_is_not_told(
    metered: Alerting, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    metered.use(10)
    id_ = exporting.ask(api, format="csv")["id"]
    real = events_content.total

    def meanwhile(*args: object) -> int:
        rebuild.rebuild(meters_store.shard_of(metered.world.workspace_id), lambda _: None)
        return real(*args)  # type: ignore[arg-type]

    with monkeypatch.context() as beside:
        beside.setattr(events_content, "total", meanwhile)
        assert refused(lambda: writing.write(scope(metered), id_))
    exporting.run(metered.world)
    assert len(exporting.read(exporting.show(api, id_))) == 1


def test_a_workspace_without_usage_waits_for_nothing(metered: Alerting) -> None:
    with snapshots.whole(Scope("metering", metered.world.workspace())):
        pass
