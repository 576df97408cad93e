"""POST /v1/usage_alerts"""

from fractions import Fraction
from typing import Any

import pytest

from oppulence.metering.alerts import thresholds
from tests.metering.alerting import PATH, SUM
from tests.metering.support import make
from tests.support.api import Api
from tests.support.world import World

ALERT: dict[str, Any] = {"meter": "tokens", "period": "month", "at": "100.50"}


def test_it_is_made_with_its_threshold_exact(api: Api, world: World) -> None:
    meter = make(api, **SUM)
    answer = api.as_key(["usage:write"]).post(PATH, ALERT | {"name": "Much", "subject": "Jo", "time_zone": "Europe/Vienna"})
    assert answer.status == 201
    assert answer.body == {
        "id": answer.body["id"], "name": "Much", "meter_id": meter["id"], "subject": "Jo", "customer_id": None, "period": "month",
        "time_zone": "Europe/Vienna", "threshold": "100.5", "percent": None, "of": None, "rearm_below": None, "revision": 1,
        "reached_at": None, "created_at": answer.body["created_at"], "updated_at": answer.body["created_at"],
    }  # fmt: skip
    row = world.admin.execute(
        "SELECT action, changes::text FROM tenancy.audit_log WHERE resource_id = %s", (answer.body["id"],)
    ).fetchone()
    assert row is not None and row[0] == "usage_alert.created" and "100.5" in row[1] and "Jo" not in row[1]


def test_a_share_of_a_quantity_is_multiplied_exactly(api: Api) -> None:
    make(api, **SUM)
    of = "12345678901234567890.12345678901234567891"
    made = api.as_key().post(PATH, {"meter": "tokens", "period": "day", "percent": "12.345678", "of": of}).body
    assert (made["percent"], made["of"]) == ("12.345678", of)
    assert Fraction(made["threshold"]) == Fraction(of) * Fraction("12.345678") / 100


def test_a_customer_must_be_one(api: Api) -> None:
    make(api, **SUM)
    customer = api.as_key().post("/v1/customers", {"key": "acme"}).body
    for named in (customer["id"], "acme"):
        assert api.as_key().post(PATH, ALERT | {"customer": named}).body["customer_id"] == customer["id"]
    answer = api.as_key().post(PATH, ALERT | {"customer": "cus_none"})
    assert (answer.status, answer.error.code) == (404, "customer_not_found")


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"at": None}, "at"), ({"percent": "80", "of": "5"}, "at"), ({"at": None, "percent": "80"}, "of"),
        ({"at": None, "of": "5"}, "percent"), ({"subject": "a", "customer": "b"}, "subject"),
        ({"rearm_below": "1"}, "rearm_below"),
    ],
)  # fmt: skip
def test_parts_that_do_not_fit_are_refused(api: Api, body: dict[str, Any], param: str) -> None:
    make(api, **SUM)
    answer = api.as_key().post(PATH, ALERT | body)
    assert (answer.status, answer.error.code, answer.error.param) == (400, "invalid_usage_alert", param)


@pytest.mark.parametrize("value", [0.5, True, "NaN", "1e400", "1" * 39, "0." + "1" * 21, "", [], {}, "١"])
def test_what_is_no_exact_decimal_is_refused(api: Api, value: object) -> None:
    make(api, **SUM)
    answer = api.as_key().post(PATH, ALERT | {"at": value})
    assert (answer.status, answer.error.param) == (400, "at")
    assert answer.error.message.startswith("Invalid value for 'at': ") and "Value error" not in answer.error.message


def test_levels_have_a_lower_bound_and_averages_a_period(api: Api) -> None:
    make(api, **SUM | {"carry_over": True})
    make(api, **SUM | {"slug": "load", "aggregation": "WEIGHTED_SUM", "carry_over": True})
    assert api.as_key().post(PATH, ALERT | {"rearm_below": "90"}).body["rearm_below"] == "90"
    assert api.as_key().post(PATH, ALERT | {"rearm_below": "101"}).error.param == "rearm_below"
    assert api.as_key().post(PATH, ALERT | {"meter": "load", "period": "ever"}).error.param == "period"


def test_meters_and_zones_must_be_there(api: Api) -> None:
    meter = make(api, **SUM)
    assert api.as_key().post(PATH, ALERT | {"meter": "none"}).error.code == "meter_not_found"
    assert api.as_key().post(PATH, ALERT | {"time_zone": "Mars/Base"}).error.code == "unknown_time_zone"
    assert api.as_key().post(PATH, ALERT | {"period": "year"}).error.param == "period"
    api.world.admin.execute("UPDATE metering.meters SET archived_at = now() WHERE id = %s", (meter["id"],))
    assert api.as_key().post(PATH, ALERT | {"meter": meter["id"]}).error.code == "meter_not_active"


def test_there_are_no_more_than_may_be(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thresholds, "MAX_ALERTS", 1)
    make(api, **SUM)
    assert [api.as_key().post(PATH, ALERT).status for _ in range(2)] == [201, 409]
    assert api.as_key().post(PATH, ALERT).error.code == "too_many_usage_alerts"


def test_an_idempotency_key_makes_one(api: Api, world: World) -> None:
    make(api, **SUM)
    first, second = (api.as_key().post(PATH, ALERT, Idempotency_Key="once") for _ in range(2))
    assert first.body == second.body and world.count("metering.alerts") == 1


def test_a_key_without_the_scope_gets_403_and_another_workspace_404(api: Api, world: World) -> None:
    make(api, **SUM)
    assert api.as_key(["usage:read"]).post(PATH, ALERT).status == 403
    assert api.as_key(workspace_id=world.workspace()).post(PATH, ALERT).status == 404
    assert world.count("metering.alerts") == 0
