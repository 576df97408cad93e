"""Meters made through the API."""

from typing import Any

from oppulence.metering import meters
from oppulence.metering.models import MeterVersion
from tests.support.api import Api
from tests.support.world import World

TOKENS: dict[str, Any] = {
    "slug": "tokens", "name": "Tokens", "description": "Tokens by model", "unit": "tokens", "metadata": {"team": "ml"},
    "event_type": "llm.request", "aggregation": "SUM", "value_property": "$.usage['total tokens']",
    "group_by": {"model": "$.model"}, "rounding": {"mode": "ceil", "precision": -3},
    "filter": {"and": [{"path": "$.status", "op": "in", "value": ["ok", 200, None]},
                       {"or": [{"path": "$.test", "op": "exists", "value": False}, {"path": "$.n", "op": "gt", "value": 0.25}]}]},
}  # fmt: skip
CALLS: dict[str, Any] = {"slug": "calls", "event_type": "api.call", "aggregation": "COUNT"}


def make(api: Api, **fields: Any) -> dict[str, Any]:
    """A new meter; one that counts calls, but for these fields."""
    answer = api.as_key().post("/v1/meters", CALLS | fields)
    assert answer.status == 201, answer.body
    body: dict[str, Any] = answer.body
    return body


def copy(world: World, meter: dict[str, Any], count: int, type_length: int) -> None:
    """So many more meters as one that was just made and counts, each of a type of its own: by requests it would take a minute."""
    columns = "workspace_id, metadata, aggregation, carry_over, version, revision, created_at, updated_at"
    world.admin.execute(
        f"""
        INSERT INTO metering.meters ({columns}, id, slug)
        SELECT {columns}, 'met_' || right(md5(id || n), 20), slug || n
          FROM metering.meters, generate_series(1, %(count)s) n WHERE id = %(id)s
        """.encode(),
        {"id": meter["id"], "count": count},
    )
    columns = "workspace_id, version, group_by, effective_from, created_at"
    world.admin.execute(
        f"""
        INSERT INTO metering.meter_versions ({columns}, revision, meter_id, event_type)
        SELECT {columns}, v.revision + 1, 'met_' || right(md5(meter_id || n), 20), lpad(n::text, %(type_length)s, 't')
          FROM metering.meter_versions v, generate_series(1, %(count)s) n WHERE meter_id = %(id)s
        """.encode(),
        {"id": meter["id"], "count": count, "type_length": type_length},
    )
    world.admin.execute("UPDATE metering.workspaces SET revision = revision + 1 WHERE workspace_id = %s", (world.workspace_id,))


def read(api: Api, key: str) -> dict[str, Any]:
    """A meter as it is now."""
    body: dict[str, Any] = api.as_key().get(f"/v1/meters/{key}").body
    return body


def use(world: World, *meter_ids: str) -> None:
    """Say that something was counted for meters."""
    world.within("metering", lambda uow: meters.mark_used(uow, meter_ids))


def versions_for(world: World, *types: str, max_age_s: float = 0, workspace_id: str | None = None) -> list[MeterVersion]:
    """What the pipeline gets for events of these types."""
    found: list[MeterVersion] = world.within(
        "metering", lambda uow: meters.versions_for(uow, types, max_age_s), workspace_id=workspace_id
    )
    return found


def spans(api: Api, key: str) -> list[tuple[int, str | None, str | None]]:
    """(version, from, until) of a meter's versions."""
    rows = api.as_key().get(f"/v1/meters/{key}/versions").body["data"]
    return [(one["version"], one["effective_from"], one["effective_until"]) for one in rows]
