"""What makes up one number."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.metering import usage
from tests.metering.rules import NOON
from tests.metering.support import make
from tests.metering.test_attribution import customer, give
from tests.support.api import Answer, Api
from tests.support.world import World

DAY: dict[str, Any] = {"from": "2026-03-14T00:00:00Z", "to": "2026-03-15T00:00:00Z"}
SUM: dict[str, Any] = {
    "slug": "tokens", "aggregation": "SUM", "value_property": "$.v", "group_by": {"model": "$.m"}, "effective_from": None,
}  # fmt: skip


def ask(api: Api, slug: str = "tokens", **fields: Any) -> Answer:
    return api.as_key(["usage:read"]).send("GET", f"/v1/meters/{slug}/events", query={**DAY, **fields})


def test_its_events_make_up_the_number(api: Api, store: World) -> None:
    make(api, **SUM)
    early, late = NOON - timedelta(days=1), NOON + timedelta(hours=1)
    usage.take(store, usage.sent("1", {"v": "0.1", "m": "x"}), usage.sent("0", {"v": 7}, early))
    settlement = ask(api).body["settlement"]
    usage.land(store, usage.sent("2", {"v": 2}, late, subject="b"), usage.sent("1", {"v": 9}), usage.sent("3", {"v": "?"}))
    answer = ask(api)
    assert [(one["id"], one["value"], one["groups"]) for one in answer.body["data"]] == [
        ("2", "2", {"model": None}), ("1", "0.1", {"model": "x"}),
    ]  # fmt: skip
    quantity = api.as_key().send("GET", "/v1/meters/tokens/query", query=DAY).body["data"][0]["value"]
    assert sum(Decimal(one["value"]) for one in answer.body["data"]) == Decimal(quantity)
    assert [one["id"] for one in ask(api, subjects="b").body["data"]] == ["2"]
    assert [one["id"] for one in ask(api, filter_group_by="model=x").body["data"]] == ["1"]
    assert [one["id"] for one in ask(api, as_of=settlement).body["data"]] == ["1"]
    first = ask(api, limit=1).body
    rest = ask(api, limit=1, cursor=first["pagination"]["next_cursor"]).body
    assert [one["id"] for one in first["data"] + rest["data"]] == ["2", "1"] and not rest["pagination"]["has_more"]


def test_of_what_carries_over_earlier_events_belong_to_it(api: Api, store: World) -> None:
    seats = {"aggregation": "UNIQUE_COUNT", "carry_over": True, "operation_property": "$.op", "slug": "seats"}
    make(api, **SUM | seats)
    usage.take(store, usage.sent("0", {"v": "ann"}, NOON - timedelta(days=40)), usage.sent("1", {"v": "ann", "op": "remove"}))
    found = [(one["id"], one["value"], one["unique_value"]) for one in ask(api, "seats").body["data"]]
    assert found == [("1", "-1", "ann"), ("0", "1", "ann")]


def test_what_leaves_and_comes_with_a_subject_is_a_row_of_its_own_on_any_page(api: Api, store: World) -> None:
    make(api, **SUM | {"slug": "seats", "carry_over": True})
    a, b = customer(api, "a", ("s", None)), customer(api, "b")
    usage.take(store, *[usage.sent(str(n), {"v": n}, NOON - timedelta(days=n), subject="s") for n in (1, 2)])
    give(api, b, "s", NOON)
    rows = []
    for limit in (1, 2, 100):
        found: list[dict[str, Any]] = []
        cursor = None
        while cursor or not found:
            body = ask(api, "seats", customers=[a, b], limit=limit, **({"cursor": cursor} if cursor else {})).body
            found += body["data"]
            cursor = body["pagination"]["next_cursor"]
        rows.append([(one["id"], one["time"][:10], one["value"], one["moved"]) for one in found])
    assert rows[0] == rows[1] == rows[2] == [
        ("2", "2026-03-14", "2", "came"), ("2", "2026-03-14", "-2", "left"), ("1", "2026-03-14", "1", "came"),
        ("1", "2026-03-14", "-1", "left"), ("1", "2026-03-13", "1", None), ("2", "2026-03-12", "2", None),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"from": DAY["to"]}, 400, "invalid_period"),
        ({"filter_group_by": "nothing=1"}, 400, "unknown_dimension"),
        ({"customers": "nobody"}, 404, "customer_not_found"),
        ({"cursor": "x"}, 400, "invalid_cursor"),
    ],
)
def test_bad_questions_are_refused(api: Api, store: World, fields: dict[str, Any], status: int, code: str) -> None:
    make(api, **SUM)
    answer = ask(api, **fields)
    assert (answer.status, answer.error.code) == (status, code)


def test_it_takes_the_scope_and_the_workspaces_own_meter(api: Api, store: World) -> None:
    make(api, **SUM)
    assert api.as_key(["meters:read"]).send("GET", "/v1/meters/tokens/events", query=DAY).status == 403
    other = api.as_key(workspace_id=store.workspace()).send("GET", "/v1/meters/tokens/events", query=DAY)
    assert other.error.code == "meter_not_found"
