"""GET /v1/recovery/cases/{case_id}."""

from tests.recovery.support import DAY, Dunning
from tests.support.api import Api
from tests.support.standing_clock import START


def test_a_case_comes_with_its_timeline_and_reasons(api: Api, dunning: Dunning) -> None:
    invoice_id = dunning.invoice()
    dunning.fail(invoice_id)
    dunning.run(invoice_id, until=START + DAY)
    dunning.pay(invoice_id)
    case = dunning.case(invoice_id)
    answer = api.as_key(scopes=["recovery:read"], workspace_id=dunning.workspace_id).get(f"/v1/recovery/cases/{case['id']}")
    assert answer.status == 200
    assert (answer.body["execution_name"], answer.body["execution_arn"]) == (case["id"], case["execution_arn"])
    message_id = answer.body["timeline"][2]["details"]["message_id"]
    day = "2026-01-06T12:00:00Z"
    assert answer.body["timeline"] == [
        {"at": "2026-01-05T12:00:00Z", "kind": "failure", "step": None, "reason": "payment attempt 1 failed",
         "details": {"attempt_count": 1, "amount_remaining_minor": 2610}},
        {"at": day, "kind": "step", "step": "reminder_day_1", "details": {},
         "reason": "1 day after the first failed payment the invoice is unpaid"},
        {"at": day, "kind": "mail", "step": "reminder_day_1", "reason": "the mail was handed to the mail service",
         "details": {"message_id": message_id}},
        {"at": day, "kind": "closed", "step": None, "reason": "the invoice was paid: 26.10 USD", "details": {"reason": "paid"}},
    ]  # fmt: skip
    assert message_id and "ada@" not in str(answer.body)


def test_a_failure_that_was_told_late_stands_where_it_happened(api: Api, dunning: Dunning) -> None:
    invoice_id = dunning.invoice()
    dunning.fail(invoice_id, attempt_count=2)
    dunning.fail(invoice_id, at=START - DAY, attempt_count=1)
    path = f"/v1/recovery/cases/{dunning.case(invoice_id)['id']}"
    answer = api.as_key(scopes=["recovery:read"], workspace_id=dunning.workspace_id).get(path)
    assert [entry["details"]["attempt_count"] for entry in answer.body["timeline"]] == [1, 2]


def test_a_key_without_the_scope_is_refused(api: Api, dunning: Dunning) -> None:
    answer = api.as_key(scopes=["sync:read"], workspace_id=dunning.workspace_id).get("/v1/recovery/cases/case_1")
    assert (answer.status, answer.error.code) == (403, "insufficient_permissions")


def test_another_workspaces_case_does_not_exist(api: Api, dunning: Dunning) -> None:
    invoice_id = dunning.invoice()
    dunning.fail(invoice_id)
    answer = api.as_key(scopes=["recovery:read"]).get(f"/v1/recovery/cases/{dunning.case(invoice_id)['id']}")
    assert (answer.status, answer.error.code) == (404, "recovery_case_not_found")
