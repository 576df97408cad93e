"""What Stripe may do while it is listed: refuse, fail, ask to wait, forget objects, or show something strange."""

import json
from typing import Any

import pytest

from oppulence.sync.backfill import listing, pages
from oppulence.sync.backfill.pace_gateway import Pace, TooSoon
from tests.connections.support import ALL_PERMISSIONS
from tests.sync.backfilling import Backfilling


@pytest.fixture
def customers(backfilling: Backfilling, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Ten customers, listed three on a page, the newest first."""
    monkeypatch.setattr(listing, "PAGE", 3)
    monkeypatch.setattr(pages, "PAGES_AT_ONCE", 1)
    made = []
    for number in range(10):
        made.append(backfilling.fake.client().v1.customers.create({"name": f"Customer {number}"}).id)
        backfilling.fake.advance(to=backfilling.fake.now + 1, settle=False)
    return made[::-1]


def begun(backfilling: Backfilling, monkeypatch: pytest.MonkeyPatch, **body: Any) -> str:
    """A backfill of customers whose first page is written."""
    backfill_id = backfilling.ask("customer", **body)
    backfilling.start()
    monkeypatch.setattr(pages, "WORK_S", 0.0)
    assert backfilling.step(backfill_id, "customer")["next_step"] == "go_on"
    monkeypatch.setattr(pages, "WORK_S", 20.0)
    return backfill_id


def test_a_storm_of_429_pauses_everybody_and_loses_nothing(backfilling: Backfilling, customers: list[str]) -> None:
    backfilling.fake.fail_next(5, path="/v1/customers", status=429, retry_after_s=17)
    backfill_id = backfilling.ask("customer")
    backfilling.start()
    answer = backfilling.step(backfill_id, "customer")
    assert (answer["next_step"], answer["wait_s"]) == ("wait", 17)
    with pytest.raises(TooSoon) as soon:
        Pace(bucket(backfilling), 100).wait()
    assert 15 <= soon.value.wait_s <= 17
    again = backfilling.step(backfill_id, "customer")
    assert again["next_step"] == "wait" and "come first" in again["reason"], "no request went out"
    assert backfilling.run(backfill_id)["status"] == "completed" and backfilling.waited[-4:] == [17] * 4
    assert {key[2] for key in backfilling.mirrored("customer")} == {*customers}


def bucket(backfilling: Backfilling) -> str:
    row = backfilling.world.admin.execute(
        "SELECT bucket FROM sync.backfills WHERE connection_id = %s", (backfilling.connection_id,)
    )
    return str((row.fetchone() or ("",))[0])


def test_failures_are_waited_out_longer_each_time(backfilling: Backfilling, customers: list[str]) -> None:
    backfilling.fake.fail_next(4, path="/v1/customers", status=500)
    backfill_id = backfilling.ask("customer")
    assert backfilling.run(backfill_id)["status"] == "completed"
    assert backfilling.waited == [5, 10, 20, 40]
    assert backfilling.progress(backfill_id, "customer")["error"] is None


def test_a_stripe_that_stays_away_fails_the_type_with_its_reason(
    backfilling: Backfilling, customers: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "FAILURES_MAX", 3)
    backfilling.fake.fail_next(3, path="/v1/customers", status=503)
    view = backfilling.run(backfilling.ask("customer", "product"))
    assert view["status"] == "failed" and [one["state"] for one in view["types"]] == ["failed", "finished"]
    assert "503" in view["types"][0]["error"] and "3 times in a row" in view["types"][0]["error"]


def test_a_revoked_key_fails_the_run_and_the_connection_needs_another(backfilling: Backfilling, customers: list[str]) -> None:
    backfill_id = backfilling.ask("customer", "product")
    backfilling.start()
    backfilling.fake.revoke(backfilling.fake.key)
    answer = backfilling.step(backfill_id, "customer")
    assert answer["next_step"] == "failed" and "refuses the API key" in answer["reason"]
    view = backfilling.view(backfill_id)
    assert view["status"] == "failed" and {one["state"] for one in view["types"]} == {"failed"}
    connection = backfilling.api.as_key().get(f"/v1/connections/{backfilling.connection_id}").body
    assert connection["status"] == "needs_reauth"
    assert backfilling.step(backfill_id, "product")["next_step"] == "failed", "the other execution ends too"


def test_a_permission_that_the_key_lacks_refuses_its_type_only(backfilling: Backfilling, customers: list[str]) -> None:
    key = backfilling.fake.restricted_key(*ALL_PERMISSIONS)
    backfilling.api.as_key().delete(f"/v1/connections/{backfilling.connection_id}")
    answer = backfilling.api.as_key().post(
        "/v1/connections", {"provider": "stripe", "api_key": key, "webhook_secrets": ["whsec_made_by_hand_0002"]}
    )
    assert answer.status == 201, answer.body
    view = backfilling.run(backfilling.ask("product", "review", connection_id=answer.body["id"]))
    assert view["status"] == "partial" and [one["state"] for one in view["types"]] == ["finished", "refused"]
    assert "rak_review_read" in view["types"][1]["error"]
    assert backfilling.api.as_key().get(f"/v1/connections/{answer.body['id']}").body["status"] == "active"


@pytest.mark.parametrize("created", [None, {"gte": "2020-01-01T00:00:00Z"}])
def test_a_list_goes_on_though_the_object_at_its_cursor_has_vanished(
    backfilling: Backfilling, customers: list[str], monkeypatch: pytest.MonkeyPatch, created: dict[str, str] | None
) -> None:
    backfill_id = begun(backfilling, monkeypatch, created=created)
    (row,) = backfilling.rows(backfill_id)
    assert row["after"] == customers[2]
    backfilling.fake.fail_next(1, path="/v1/customers", status=404, message=f"No such customer: '{customers[2]}'")
    assert backfilling.run(backfill_id)["status"] == "completed"
    assert {key[2] for key in backfilling.mirrored("customer")} == {*customers}
    assert backfilling.progress(backfill_id, "customer")["rows_changed"] == 10


def test_what_is_deleted_while_it_is_listed_stays_deleted(
    backfilling: Backfilling, customers: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    backfill_id = begun(backfilling, monkeypatch)
    backfilling.fake.client().v1.customers.delete(customers[0])
    backfilling.fake.client().v1.customers.delete(customers[5])
    assert backfilling.run(backfill_id)["status"] == "completed"
    assert {key[2] for key in backfilling.mirrored("customer")} == {*customers} - {customers[5]}, "its event tells of the first"


def test_a_parent_that_has_vanished_has_no_children(backfilling: Backfilling, customers: list[str]) -> None:
    backfilling.run(backfilling.ask("customer"))
    backfilling.fake.client().v1.customers.delete(customers[4])
    backfill_id = backfilling.ask("payment_method")
    assert backfilling.run(backfill_id)["status"] == "completed"


def test_a_backfill_that_is_cancelled_in_the_middle_stops_there(
    backfilling: Backfilling, customers: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    backfill_id = begun(backfilling, monkeypatch)
    assert backfilling.api.as_key().post(f"/v1/sync/backfills/{backfill_id}/cancel").body["status"] == "cancelled"
    assert backfilling.step(backfill_id, "customer")["next_step"] == "cancelled"
    assert len(backfilling.mirrored("customer")) == 3


def test_a_cancellation_while_a_page_is_read_keeps_it_from_being_written(
    backfilling: Backfilling, customers: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    backfill_id = backfilling.ask("customer")
    backfilling.start()
    ask = listing.Lister.ask

    def cancelled_meanwhile(self: listing.Lister, *given: Any) -> Any:
        answer = ask(self, *given)
        backfilling.world.admin.execute(
            "UPDATE sync.backfill_types SET state = 'cancelled', ended_at = now() WHERE backfill_id = %s", (backfill_id,)
        )
        return answer

    monkeypatch.setattr(listing.Lister, "ask", cancelled_meanwhile)
    assert backfilling.step(backfill_id, "customer")["next_step"] == "cancelled"
    assert backfilling.mirrored() == {}


def test_a_connection_that_was_removed_fails_the_backfill(backfilling: Backfilling, customers: list[str]) -> None:
    backfill_id = backfilling.ask("customer", "product")
    backfilling.start()
    backfilling.api.as_key().delete(f"/v1/connections/{backfilling.connection_id}")
    assert backfilling.step(backfill_id, "product")["next_step"] == "failed"
    assert backfilling.view(backfill_id)["status"] == "failed"


def test_text_that_postgresql_refuses_is_mirrored_all_the_same(backfilling: Backfilling) -> None:
    made = backfilling.fake.client().v1.customers.create({"name": "x"}).to_dict()
    backfilling.fake.do("objects", objects=[json.loads(json.dumps(made)) | {"id": "cus_odd", "name": "nul \x00 here"}])
    backfilling.run(backfilling.ask("customer"))
    assert backfilling.mirrored()["", "customer", "cus_odd"]["name"] == "nul \ufffd here"
