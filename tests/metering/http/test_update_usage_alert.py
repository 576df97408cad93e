"""PATCH /v1/usage_alerts/{alert_id}"""

from typing import Any

import pytest

from tests.metering.alerting import PATH, SUM
from tests.metering.http.test_create_usage_alert import ALERT
from tests.metering.support import make
from tests.support.api import Api
from tests.support.world import World


def made(api: Api, **fields: Any) -> dict[str, Any]:
    make(api, **SUM | {"carry_over": True})
    found: dict[str, Any] = api.as_key().post(PATH, ALERT | fields).body
    return found


@pytest.mark.parametrize(
    ("body", "after"),
    [
        ({"name": "Mine"}, {"name": "Mine"}),
        ({"at": 7}, {"threshold": "7"}),
        ({"percent": "50", "of": "3"}, {"threshold": "1.5", "percent": "50", "of": "3"}),
        ({"rearm_below": "10.0"}, {"rearm_below": "10"}),
    ],
)
def test_what_is_sent_changes(api: Api, world: World, body: dict[str, Any], after: dict[str, Any]) -> None:
    before = made(api)
    changed = api.as_key(["usage:write"]).patch(f"{PATH}/{before['id']}", body)
    assert changed.status == 200
    assert changed.body == before | after | {"revision": 2, "updated_at": changed.body["updated_at"]}
    row = world.admin.execute(
        "SELECT count(*) FROM tenancy.audit_log WHERE resource_id = %s AND action = 'usage_alert.changed'", (before["id"],)
    ).fetchone()
    assert row == (1,)


def test_a_share_gives_way_to_a_quantity_and_keeps_its_other_part(api: Api) -> None:
    before = made(api, at=None, percent="50", of="200")
    path = f"{PATH}/{before['id']}"
    assert api.as_key().patch(path, {"of": "300"}).body["threshold"] == "150"
    changed = api.as_key().patch(path, {"at": "5"}).body
    assert (changed["threshold"], changed["percent"], changed["of"]) == ("5", None, None)
    assert api.as_key().patch(path, {"percent": "10"}).error.param == "of"


def test_nothing_new_changes_nothing(api: Api) -> None:
    before = made(api)
    for body in ({}, {"at": "100.5"}, {"name": None}):
        assert api.as_key().patch(f"{PATH}/{before['id']}", body).body == before


def test_refusals(api: Api) -> None:
    path = f"{PATH}/{made(api)['id']}"
    assert api.as_key().patch(path, {"revision": 2, "name": "x"}).error.code == "usage_alert_changed"
    assert api.as_key().patch(path, {"rearm_below": "101"}).error.code == "invalid_usage_alert"
    assert api.as_key().patch(path, {"period": "day"}).error.code == "invalid_parameter"


def test_a_key_without_the_scope_gets_403_and_another_workspace_404(api: Api, world: World) -> None:
    path = f"{PATH}/{made(api)['id']}"
    assert api.as_key(["usage:read"]).patch(path, {"name": "x"}).status == 403
    assert api.as_key(workspace_id=world.workspace()).patch(path, {"name": "x"}).status == 404
