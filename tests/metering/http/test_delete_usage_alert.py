"""DELETE /v1/usage_alerts/{alert_id}"""

from tests.metering.alerting import PATH, SUM
from tests.metering.http.test_create_usage_alert import ALERT
from tests.metering.support import make
from tests.support.api import Api
from tests.support.world import World


def test_it_is_gone(api: Api, world: World) -> None:
    make(api, **SUM)
    path = f"{PATH}/{api.as_key().post(PATH, ALERT).body['id']}"
    assert api.as_key(["usage:write"]).delete(path).status == 204
    assert api.as_key().get(path).status == 404 and world.count("metering.alerts") == 0
    assert api.as_key().delete(path).error.code == "usage_alert_not_found"
    row = world.admin.execute(
        "SELECT count(*) FROM tenancy.audit_log WHERE workspace_id = %s AND action = 'usage_alert.deleted'", (world.workspace_id,)
    ).fetchone()
    assert row == (1,)


def test_a_key_without_the_scope_gets_403_and_another_workspace_404(api: Api, world: World) -> None:
    make(api, **SUM)
    path = f"{PATH}/{api.as_key().post(PATH, ALERT).body['id']}"
    assert api.as_key(["usage:read"]).delete(path).status == 403
    assert api.as_key(workspace_id=world.workspace()).delete(path).status == 404
    assert world.count("metering.alerts") == 1
