"""Settling: each event once, whatever comes twice, late or out of order."""

from datetime import timedelta
from decimal import Decimal

from oppulence.kernel import olap
from tests.metering import usage
from tests.metering.rules import NOON
from tests.metering.support import make
from tests.metering.usage import sent
from tests.support.api import Api
from tests.support.world import World


def rows(world: World, table: str, columns: str, workspace_id: str | None = None) -> list[tuple[object, ...]]:
    """Rows of a workspace, in order."""
    found = olap.query(
        f"SELECT {columns} FROM {table} WHERE workspace_id = {{ws:String}} ORDER BY ALL",
        {"ws": workspace_id or world.workspace_id},
    )
    return [tuple(row) for row in found]


def test_an_id_counts_once_as_it_was_stored_first(store: World, api: Api) -> None:
    make(api, aggregation="SUM", value_property="$.v", effective_from=None)
    usage.take(store, sent("a", {"v": 1}), sent("b", {"v": "2.5"}), sent("a", {"v": 7}, NOON + timedelta(days=40)))
    usage.take(store, sent("a", {"v": 9}, NOON - timedelta(days=90)), sent("b", None, subject="else"), sent("c", {"v": 4}))
    assert rows(store, "usage_values", "id, subject, number, settlement > 0") == [
        ("a", "acme", Decimal(1), 1), ("b", "acme", Decimal("2.5"), 1), ("c", "acme", Decimal(4), 1),
    ]  # fmt: skip
    assert [row[0] for row in rows(store, "usage_events", "id")] == ["a", "b", "c"]
