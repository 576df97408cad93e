"""GET /v1/usage_alerts"""

from tests.metering.alerting import PATH, SUM
from tests.metering.http.test_create_usage_alert import ALERT
from tests.metering.support import make
from tests.support.api import Api
from tests.support.world import World


def test_pages_hold_each_alert_once_the_newest_first(api: Api) -> None:
    make(api, **SUM)
    made = [api.as_key().post(PATH, ALERT).body["id"] for _ in range(5)]
    found: list[str] = []
    cursor = None
    while True:
        page = api.as_key(["usage:read"]).get(PATH, limit=2, cursor=cursor)
        found += [one["id"] for one in page.body["data"]]
        cursor = page.body["pagination"]["next_cursor"]
        if cursor is None:
            break
    assert found == made[::-1]


def test_filters(api: Api) -> None:
    meter, other = make(api, **SUM), make(api)
    one = api.as_key().post(PATH, ALERT | {"subject": "a"}).body["id"]
    two = api.as_key().post(PATH, ALERT | {"meter": other["id"]}).body["id"]

    def ids(**query: str) -> list[str]:
        return [one["id"] for one in api.as_key().get(PATH, **query).body["data"]]

    assert ids(meter_id=meter["id"]) == ids(subject="a") == [one]
    assert ids(meter_id=other["id"]) == [two] and ids(customer_id="none") == []


def test_a_key_without_the_scope_gets_403_and_another_workspace_nothing(api: Api, world: World) -> None:
    make(api, **SUM)
    api.as_key().post(PATH, ALERT)
    assert api.as_key(["usage:write"]).get(PATH).status == 403
    assert api.as_key(workspace_id=world.workspace()).get(PATH).body["data"] == []
    assert api.as_key().get(PATH, cursor="none").error.code == "invalid_cursor"
