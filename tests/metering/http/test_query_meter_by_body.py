"""Questions as bodies: what they take beyond a query string; all else is tested with `query_meter`."""

from typing import Any

import pytest

from tests.metering import usage
from tests.metering.http.test_query_meter import MARCH, SUM, post, rows
from tests.metering.support import make
from tests.support.api import Api
from tests.support.world import World

START = "2026-03-01T00:00:00Z"


def test_a_body_may_name_many_subjects_and_values(api: Api, store: World) -> None:
    make(api, **SUM)
    usage.take(store, *[usage.sent(str(n), {"v": 1, "m": f"m{n % 3}"}, subject=f"{n:0200}") for n in range(200)])
    subjects = [f"{n:0200}" for n in range(0, 1000, 2)]  # 100 KB: more than a URL holds
    assert rows(post(api, subjects=subjects)) == [(START, None, "100")]
    assert rows(post(api, filter_group_by={"model": ["m1", None]})) == [(START, None, "67")]


@pytest.mark.parametrize("sign", ["\x01", "☃"])
def test_a_page_goes_on_after_the_longest_values(api: Api, store: World, sign: str) -> None:
    dimensions = [f"d{n}" for n in range(20)]
    make(api, **SUM | {"group_by": dict.fromkeys(dimensions, "$.m")})
    usage.take(store, *[usage.sent(str(n), {"v": n, "m": f"{n}" + sign * 1023}, subject="☃" * 255) for n in (1, 2)])
    asked: dict[str, Any] = {"group_by": [*dimensions, "subject", "customer_id"], "limit": 1}
    first = post(api, **asked).body
    second = post(api, **asked, cursor=first["pagination"]["next_cursor"])
    assert second.status == 200, second.body
    assert [one["value"] for one in first["data"] + second.body["data"]] == ["1", "2"]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"filter_group_by": {"model": []}}, "filter_group_by.model"),
        ({"filter_group_by": {"model": "x"}}, "filter_group_by.model"),
        ({"filter_group_by": {f"d{n}": ["x"] for n in range(21)}}, "filter_group_by"),
        ({"subjects": ["x"] * 1001}, "subjects"),
        ({"limit": 0}, "limit"),
        ({"where": "1=1"}, "where"),
        ({"as_of": 10**18}, "as_of"),
    ],
)
def test_bodies_that_do_not_fit_are_refused(api: Api, store: World, fields: dict[str, Any], param: str) -> None:
    make(api, **SUM)
    answer = post(api, **fields)
    assert (answer.status, answer.error.code, answer.error.param) == (400, "invalid_parameter", param)


def test_it_takes_the_scope_and_the_workspaces_own_meter(api: Api, store: World) -> None:
    make(api, **SUM)
    assert api.as_key(["meters:read"]).post("/v1/meters/tokens/query", MARCH).status == 403
    other = api.as_key(workspace_id=store.workspace())
    assert other.post("/v1/meters/tokens/query", MARCH).error.code == "meter_not_found"
