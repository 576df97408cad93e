"""GET /v1/usage_alerts/{alert_id}"""

from tests.metering.alerting import PATH, SUM
from tests.metering.http.test_create_usage_alert import ALERT
from tests.metering.support import make
from tests.support.api import Api
from tests.support.world import World


def test_it_is_what_was_made(api: Api) -> None:
    make(api, **SUM)
    made = api.as_key().post(PATH, ALERT).body
    assert api.as_key(["usage:read"]).get(f"{PATH}/{made['id']}").body == made


def test_a_key_without_the_scope_gets_403_and_another_workspace_404(api: Api, world: World) -> None:
    make(api, **SUM)
    path = f"{PATH}/{api.as_key().post(PATH, ALERT).body['id']}"
    assert api.as_key(["usage:write"]).get(path).status == 403
    answer = api.as_key(workspace_id=world.workspace()).get(path)
    assert (answer.status, answer.error.code) == (404, "usage_alert_not_found")
