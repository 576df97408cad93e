"""Whoever lands or settles may be killed after any of its steps: the next one ends it as if nothing had been."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from oppulence.kernel import olap
from oppulence.metering import landing
from oppulence.metering.usage_event import SentEvent
from tests.metering import faults, usage
from tests.metering.faults import Killed
from tests.metering.rules import NOON
from tests.metering.usage import everything, sent
from tests.support.api import Api
from tests.support.world import World

PHASES = ("land", "settle", "land another", "land again", "reckon, fill and settle")


def life(world: World, api: Api, workspace_id: str) -> Iterator[Callable[[], object]]:
    """A workspace's life: repeats, a batch that landed before a meter came, events that this meter is filled with."""

    def accepted(*events: SentEvent) -> list[landing.Accepted]:
        usage.accept(world, *events, workspace_id=workspace_id)
        return usage.queued()

    usage.make_in(api, workspace_id, slug="calls", effective_from=None)
    first = accepted(sent("a", {"v": 1}), sent("b", {"v": "x"}), sent("a", {"v": 3}))
    yield lambda: landing.land(first)
    yield lambda: usage.settle(world, workspace_id)
    second = accepted(sent("c", {"v": 5}, NOON + timedelta(days=60)), sent("a", {"v": 9}))
    yield lambda: landing.land(second)
    usage.make_in(api, workspace_id, slug="sums", aggregation="SUM", value_property="$.v", effective_from=None)
    third = [*first, *accepted(sent("d", {"v": 7}), sent("c", {"v": 8}))]
    yield lambda: landing.land(third)
    yield lambda: usage.settle(world, workspace_id)


def undisturbed(world: World, api: Api) -> list[tuple[int, dict[str, list[Any]]]]:
    """How many steps each phase takes, and what there is after it."""
    workspace_id = world.workspace()
    found = []
    for work in life(world, api, workspace_id):
        with faults.counted() as steps:
            work()
        found.append((steps.done, everything(world, workspace_id)))
    return found


@pytest.mark.parametrize("phase", range(len(PHASES)), ids=PHASES)
@pytest.mark.timeout(300)
def test_after_any_step(store: World, api: Api, phase: int) -> None:
    steps, expected = undisturbed(store, api)[phase]
    for deadly in range(1, steps + 1):
        workspace_id = store.workspace()
        for n, work in enumerate(life(store, api, workspace_id)):
            if n == phase:
                with suppress(Killed), faults.counted(deadly):  # it takes fewer steps where its shard has nothing of others
                    work()
                faults.lease_runs_out(store, workspace_id)
                work()
                break
            work()
        assert everything(store, workspace_id) == expected, deadly


def test_an_undisturbed_life(store: World, api: Api) -> None:
    _, last = undisturbed(store, api)[-1]
    assert [len(last[table]) for table in ("usage_events", "usage_values", "usage_rejections", "usage_ids")] == [4, 7, 1, 4]


def test_rows_that_break_off_on_their_way_leave_nothing_and_come_again_with_their_token(store: World) -> None:
    """They are sent while they are made: who dies in the middle has sent half of them, under the token of all."""
    columns, token = ("workspace_id", "id_hash", "settlement"), {"insert_deduplication_token": store.workspace_id}

    def made(deadly: int | None) -> Iterator[tuple[str, int, int]]:
        for n in range(20_000):
            if n == deadly:
                raise Killed
            yield store.workspace_id, n, 1

    for deadly in (1, 500, 19_999):
        with pytest.raises(Killed):
            olap.insert("usage_ids", columns, made(deadly), token)
        assert usage.rows(store, "usage_ids", "id_hash") == []
    for _ in range(2):
        olap.insert("usage_ids", columns, made(None), token)
        assert len(usage.rows(store, "usage_ids", "id_hash")) == 20_000
