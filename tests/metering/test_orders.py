"""Whatever lands, settles, is filled or dies in whatever order: each event counts once for each version that means it."""

import random
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oppulence.metering import landing, settlements, settling
from oppulence.metering import store as meters_store
from oppulence.metering.evaluation import Rejection, Value, evaluate
from oppulence.metering.usage_event import UsageEvent
from oppulence.metering.usage_store import aware
from tests.metering import faults, usage
from tests.metering.faults import Killed
from tests.metering.rules import NOON
from tests.metering.usage import rows, sent
from tests.support.api import Api
from tests.support.world import World

ACTIONS = ("send", "send", "land", "land", "land again", "settle one", "settle", "die settling", "die landing", "meter", "change")
IDS, VALUES = "abcdefgh", (1, "2.5", "x", None, "0.00000000000000000001")


class Life:
    """A workspace to which things happen."""

    def __init__(self, world: World, api: Api, seed: int) -> None:
        self.world, self.api, self.workspace_id = world, api, world.workspace()
        self.random, self.numbers = random.Random(seed), count()
        self.waiting: list[landing.Accepted] = []
        self.landed: list[landing.Accepted] = []
        self.meters: list[str] = []

    def do(self, action: str) -> None:
        """One of the actions, as far as it can be done now."""
        match action:
            case "send":
                self.send()
            case "land" | "land again" | "die landing":
                self.land(action)
            case "meter":
                self.make()
            case "change" if self.meters:
                self.change()
            case "settle one":
                settling.settle(meters_store.shard_of(self.workspace_id), seconds=0)
            case "settle":
                usage.settle(self.world, self.workspace_id)
            case "die settling":
                self.die(lambda: usage.settle(self.world, self.workspace_id))

    def send(self) -> None:
        events = [
            sent(self.random.choice(IDS), {"v": self.random.choice(VALUES), "n": next(self.numbers)}, self.time(),
                 type=self.random.choice(("api.call", "other")))
            for _ in range(self.random.randint(1, 6))
        ]  # fmt: skip
        usage.accept(self.world, *events, workspace_id=self.workspace_id)
        self.waiting += usage.queued()

    def time(self) -> Any:
        return NOON + timedelta(days=self.random.choice((-40, -1, 0, 1, 300)))

    def land(self, action: str) -> None:
        some = self.landed if action == "land again" else self.waiting
        if not some:
            return
        chosen = self.random.sample(some, self.random.randint(1, len(some)))
        if action == "die landing":
            self.die(lambda: landing.land(chosen))
            return
        landing.land(chosen)
        self.landed += chosen
        self.waiting = [one for one in self.waiting if one not in chosen]

    def die(self, work: Any) -> None:
        try:
            with faults.counted(self.random.randint(1, 20)):
                work()
        except Killed:
            faults.lease_runs_out(self.world, self.workspace_id)

    def make(self) -> None:
        since = self.random.choice((None, NOON.isoformat()))
        body: dict[str, Any] = {"slug": f"m{next(self.numbers)}", "effective_from": since}
        if self.random.random() < 0.6:
            body |= {"aggregation": "SUM", "value_property": "$.v"}
        self.meters.append(usage.make_in(self.api, self.workspace_id, **body)["id"])

    def change(self) -> None:
        wanted = {"group_by": {"n": "$.n", f"d{next(self.numbers)}": "$.v"}}
        self.api.as_key(workspace_id=self.workspace_id).patch(f"/v1/meters/{self.random.choice(self.meters)}", wanted)

    def end(self) -> None:
        """All that waits lands and settles."""
        landing.land(self.waiting)
        usage.settle(self.world, self.workspace_id)

    def check(self) -> None:
        """What stands is what the rules say of the events that stand."""
        stored = rows(self.world, "usage_events", "source, id, type, subject, time, data, stored_at, sequence", self.workspace_id)
        assert sorted(row[1] for row in stored) == sorted(set(self.sent_ids()))
        events = [
            UsageEvent(source, id_, kind, subject, aware(at), data, aware(stored_at), sequence)
            for source, id_, kind, subject, at, data, stored_at, sequence in stored
        ]
        counting = self.world.within("metering", lambda uow: settlements.counting(uow.conn, [self.workspace_id]))
        values, problems = [], []
        for counted in counting[self.workspace_id].versions if counting else ():
            version = counted.version
            for event in events:
                match evaluate(version, event):
                    case Value() as value:
                        groups = [value.groups[name] for name in counted.dimensions]
                        values.append((version.meter_id, version.version, event.id, value.number, groups))
                    case Rejection() as rejection:
                        problems.append((version.meter_id, version.version, event.id, rejection.reason))
        found = rows(self.world, "usage_values", "meter, version, id, number, groups", self.workspace_id)
        assert [row for row in found if self.covered(counting, row, events)] == sorted(values, key=lambda row: row[:3])
        rejected = rows(self.world, "usage_rejections", "meter, version, id, problem", self.workspace_id)
        assert [row for row in rejected if self.covered(counting, row, events)] == sorted(problems)
        assert len(found) == len({row[:3] for row in found})

    def check_filters(self) -> None:
        """The explorer's filters find what it shows, also what a version counted before it was known to end."""
        shown = {one["id"]: one["meters"] for one in self.explored()}
        ill = {id_ for id_, meters in shown.items() if any(one["problem"] for one in meters)}
        unmatched = {id_ for id_, meters in shown.items() if not meters}
        well = {id_ for id_, meters in shown.items() if any(not one["problem"] for one in meters)}
        for problem, wanted in (("rejected", ill), ("unmatched", unmatched), ("any", ill | (shown.keys() - well))):
            assert {one["id"] for one in self.explored(problem=problem)} == wanted
        for meter in self.meters:
            wanted = {id_ for id_, meters in shown.items() if any(one["meter_id"] == meter for one in meters)}
            assert {one["id"] for one in self.explored(meter=meter)} == wanted

    def explored(self, **query: Any) -> list[Any]:
        answer = self.api.as_key(["usage:read"], workspace_id=self.workspace_id).send("GET", "/v1/events", query=query)
        assert answer.status == 200, answer.body
        found: list[Any] = answer.body["data"]
        return found

    def covered(self, counting: Any, row: Any, events: list[UsageEvent]) -> bool:
        """Whether a row is of its version's time, which may have ended after the event landed: quantities see no other."""
        (version,) = (
            one.version for one in counting[self.workspace_id].versions
            if (one.version.meter_id, one.version.version) == (row[0], row[1])
        )  # fmt: skip
        found: bool = version.covers(next(event.time for event in events if event.id == row[2]))
        return found

    def sent_ids(self) -> list[Any]:
        return [row[0] for row in rows(self.world, "usage_landing", "id", self.workspace_id)]


@pytest.mark.timeout(300)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(actions=st.lists(st.sampled_from(ACTIONS), min_size=4, max_size=20), seed=st.integers(0, 2**32))
def test_every_event_counts_once_for_every_version(store: World, api: Api, actions: list[str], seed: int) -> None:
    life = Life(store, api, seed)
    for action in actions:
        life.do(action)
    life.end()
    life.check()
    life.check_filters()
