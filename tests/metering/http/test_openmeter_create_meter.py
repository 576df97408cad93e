"""POST /openmeter/api/v1/meters"""

from datetime import UTC, datetime
from typing import Any

import pytest
from corehttp.exceptions import ClientAuthenticationError, ResourceExistsError
from openmeter import Client
from openmeter.models import MeterCreate, MeterUpdate

from oppulence.metering import meters
from tests.metering.openmeter import client, create, door, refused
from tests.metering.support import read
from tests.support.api import PROBLEM, Api
from tests.support.world import World


def test_a_meter_is_made_as_it_was_sent_and_counts_events_of_any_time(om: Client, api: Api) -> None:
    made = create(om, description="All of them", metadata={"team": "ml"})
    assert (made.slug, made.name) == ("tokens_total", "tokens_total")
    assert made.description == "All of them" and dict(made.metadata or {}) == {"team": "ml"}
    assert (made.aggregation, made.event_type, made.value_property) == ("SUM", "prompt", "$.tokens")
    assert (made.group_by, made.event_from, made.deleted_at) == ({"model": "$.model", "type": "$.type"}, None, None)
    assert made.created_at == made.updated_at
    assert read(api, made.id)["effective_from"] is None
    assert om.meters.get("tokens_total") == om.meters.get(made.id) == made


def test_it_counts_from_when_it_says(om: Client) -> None:
    since = datetime(2025, 3, 30, 1, 0, tzinfo=UTC)
    made = create(om, event_from=since, name="Tokens")
    assert (made.event_from, made.name) == (since, "Tokens")
    om.meters.update("tokens_total", MeterUpdate(group_by={"model": "$.model"}))
    assert om.meters.get("tokens_total").event_from == since, "since when it counts, not since when by these dimensions"


def test_every_aggregation_of_theirs(om: Client) -> None:
    for kind in ("SUM", "UNIQUE_COUNT", "AVG", "MIN", "MAX", "LATEST"):
        assert create(om, slug=kind.lower(), aggregation=kind).aggregation == kind
    made = om.meters.create(MeterCreate(slug="calls", aggregation="COUNT", event_type="call"))
    assert (made.aggregation, made.value_property, made.group_by) == ("COUNT", None, None)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"slug": "Not-A-Slug"}, "slug"), ({"aggregation": "PERCENTILE"}, "aggregation"), ({"event_type": ""}, "eventType"),
        ({"value_property": "tokens"}, "valueProperty"), ({"value_property": None}, "valueProperty"),
        ({"group_by": {"a-b": "$.a"}}, "groupBy.a-b.[key]"), ({"group_by": {"subject": "$.a"}}, "groupBy.subject"),
        ({"aggregation": "COUNT"}, "valueProperty"), ({"event_from": datetime(1950, 1, 1, tzinfo=UTC)}, "eventFrom"),
    ],
)  # fmt: skip
def test_what_cannot_count_is_a_problem(om: Client, fields: dict[str, Any], param: str) -> None:
    with refused(400) as problem:
        create(om, **fields)
    assert problem["extensions"]["param"] == param


def test_what_they_do_not_know_is_passed_over(api: Api) -> None:
    """Definitions that were saved from older servers say of which window they are."""
    sent = b'{"slug": "calls", "aggregation": "COUNT", "eventType": "call", "windowSize": "MINUTE", "id": "01G65Z"}'
    answer = api.as_key().send("POST", "/openmeter/api/v1/meters", sent)
    assert answer.status == 201 and "windowSize" not in answer.body and answer.body["id"].startswith("met_")
    changed = api.as_key().send("PUT", "/openmeter/api/v1/meters/calls", b'{"name": "Calls", "windowSize": "MINUTE"}')
    assert (changed.status, changed.body["name"]) == (200, "Calls")


def test_a_slug_is_taken_once(om: Client) -> None:
    create(om)
    with refused(409) as problem:
        create(om)
    assert "PUT /openmeter/api/v1/meters/tokens_total" in problem["detail"]
    with pytest.raises(ResourceExistsError):
        create(om)


def test_so_many_meters_count_a_type(om: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meters, "MOST_OF_A_TYPE", 1)
    create(om)
    with refused(409) as problem:
        create(om, slug="another")
    assert problem["extensions"]["param"] == "eventType" and "DELETE /openmeter/api/v1/meters/" in problem["detail"]


def test_a_key_without_the_scope_and_a_wrong_one(world: World) -> None:
    with door() as url:
        with client(url, world.api_key(["meters:read"], world.workspace_id)) as other, refused(403):
            create(other)
        with client(url, "op_test_" + "a" * 32) as nobody, pytest.raises(ClientAuthenticationError) as unknown:
            create(nobody)
    assert unknown.value.model is not None and unknown.value.model.title == "Unauthorized"


def test_another_workspace_has_slugs_of_its_own(om: Client, world: World) -> None:
    made = create(om)
    with door() as url, client(url, world.api_key(["admin:*"], world.workspace())) as other:
        assert create(other).id != made.id and [one.id for one in other.meters.list()] != [made.id]
    assert [one.id for one in om.meters.list()] == [made.id]


def test_a_kept_refusal_comes_again_as_a_problem(api: Api) -> None:
    caller = api.as_key().with_headers(Idempotency_Key="once")
    sent = b'{"slug": "a", "aggregation": "SUM", "eventType": "prompt"}'
    first, second = (caller.send("POST", "/openmeter/api/v1/meters", sent) for _ in range(2))
    assert first.status == second.status == 400 and first.body == second.body
    assert second.headers["Content-Type"] == PROBLEM and second.headers["Idempotent-Replayed"] == "true"
