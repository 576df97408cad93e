"""Where benches of usage run: PostgreSQL, the real ClickHouse engine, AWS that answers at once, a workspace with ten meters."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from clickhouse_connect.driver.client import Client

from oppulence.kernel.uow import UnitOfWork
from oppulence.metering import meters, store
from oppulence.metering.models import Aggregation, NewMeter
from tests.bench.instant import answer_at_once
from tests.bench.place import world
from tests.bench.usage.filling import BARE, METERS
from tests.support import olap
from tests.support.clickhouse import connect
from tests.support.world import World


@dataclass(frozen=True)
class Usage:
    """A workspace whose meters are `meters`, and a client of the engine for what the platform itself would not say."""

    world: World
    client: Client
    meters: Sequence[str]

    @property
    def workspace_id(self) -> str:
        return self.world.workspace_id

    def settled(self, number: int, shard: int | None = None) -> None:
        """Make PostgreSQL believe that a shard, the workspace's if none is named, has settled up to a number.

        All meters are taken to have been there from the first settlement on.
        """
        of = store.shard_of(self.workspace_id) if shard is None else shard
        self.world.admin.execute(
            "INSERT INTO metering.settlements (shard, number, settled_at)"
            " SELECT %s, n, now() FROM generate_series(1 + (SELECT count(*) FROM metering.settlements WHERE shard = %s), %s) n",
            (of, of, number),
        )
        self.world.admin.execute("UPDATE metering.meter_versions SET filled = 0, filled_to = 0 WHERE filled IS NULL")


@contextmanager
def place() -> Iterator[Usage]:
    """Everything that usage needs, empty but for the meters: sums of `$.v` of the types `type_0` to `type_9`, since ever."""
    with world() as made, olap.server() as engine, pytest.MonkeyPatch.context() as patch:
        answer_at_once("s3")
        olap.use(engine, patch)
        client = connect(engine)
        client.command(BARE)
        yield Usage(made, client, made.within("metering", _meters))


def _meters(uow: UnitOfWork) -> list[str]:
    wanted = (
        NewMeter(
            slug=f"meter_{n}", event_type=f"type_{n}", aggregation=Aggregation.SUM, value_property="$.v", effective_from=None
        )
        for n in range(METERS)
    )
    return [meters.create(uow, one).id for one in wanted]
