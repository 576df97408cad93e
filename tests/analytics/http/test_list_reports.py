"""The list of reports."""

from oppulence.analytics.reports import KINDS
from tests.support.api import Api


def test_each_says_what_it_is_and_how_it_can_be_grouped(api: Api) -> None:
    answer = api.as_key(["analytics:read"]).get("/v1/analytics")
    assert answer.status == 200
    shown = {one["report"]: one for one in answer.body["data"]}
    assert (
        shown.keys() == KINDS.keys() >= {"mrr", "mrr_movements", "failed_payments", "disputes", "recovery", "payments", "revenue"}
    )
    assert shown["failed_payments"]["groups"] == ["decline_code", "card_brand", "country"]
    assert all(one["description"] and one["unit"] for one in shown.values())


def test_a_key_without_the_scope_is_refused(api: Api) -> None:
    assert api.as_key(["sync:read"]).get("/v1/analytics").status == 403
