"""A window of money movements."""

from datetime import timedelta

from oppulence.sync.object_types import MONEY_MOVEMENTS
from tests.connections.support import connect
from tests.sync.backfilling import Backfilling

PATH = "/v1/transactions.sync"


def test_money_movements_of_the_window_are_listed(backfilling: Backfilling) -> None:
    backfilling.fake.do("corpus")
    body = {"since": "2020-01-01T00:00:00Z", "requests_per_second": 100}
    answer = backfilling.api.as_key(["transactions:sync"]).post(PATH, body)
    assert answer.status == 202 and answer.body["source"] == "transactions"
    assert {one["type"] for one in answer.body["types"]} == {*MONEY_MOVEMENTS}
    assert answer.body["created"]["gte"] == body["since"] and answer.body["connection_id"] == backfilling.connection_id
    view = backfilling.run(answer.body["id"])
    assert view["status"] == "completed" and view["rows_listed"] > 1_000
    assert {kind for _, kind, _ in backfilling.mirrored()} <= {*MONEY_MOVEMENTS}


def test_one_a_minute_is_enough(backfilling: Backfilling) -> None:
    api = backfilling.api.as_key()
    assert api.post(PATH, {}).status == 202
    answer = api.post(PATH, {})
    assert answer.status == 429 and answer.error.code == "too_many_backfills" and 1 <= int(answer.headers["Retry-After"]) <= 60
    age(backfilling, timedelta(minutes=1))
    assert api.post(PATH, {}).status == 202


def test_two_may_run_at_once(backfilling: Backfilling) -> None:
    api = backfilling.api.as_key()
    for _ in range(2):
        assert api.post(PATH, {}).status == 202
        age(backfilling, timedelta(minutes=2))
    answer = api.post(PATH, {})
    assert answer.status == 429 and answer.headers["Retry-After"] == "60"
    assert backfilling.ask("charge"), "other backfills have limits of their own"


def age(backfilling: Backfilling, by: timedelta) -> None:
    backfilling.world.admin.execute("UPDATE sync.backfills SET requested_at = requested_at - %s", (by,))


def test_of_several_connections_one_is_to_be_named(backfilling: Backfilling) -> None:
    backfilling.world.admin.execute(
        "UPDATE connections.connections SET provider_account_id = 'acct_another' WHERE id = %s", (backfilling.connection_id,)
    )
    other = connect(backfilling.api, api_key=backfilling.fake.key)
    api = backfilling.api.as_key()
    answer = api.post(PATH, {})
    assert answer.status == 404 and answer.error.code == "connection_not_found"
    assert api.post(PATH, {"connection_id": other["id"]}).body["connection_id"] == other["id"]


def test_a_connection_without_a_key_cannot_be_asked(backfilling: Backfilling) -> None:
    bare = connect(backfilling.api)
    answer = backfilling.api.as_key().post(PATH, {"connection_id": bare["id"]})
    assert answer.status == 409 and answer.error.code == "connection_has_no_key"


def test_an_empty_window_is_refused(backfilling: Backfilling) -> None:
    answer = backfilling.api.as_key().post(PATH, {"since": "2026-01-02T00:00:00Z", "until": "2026-01-01T00:00:00Z"})
    assert answer.status == 400 and answer.error.code == "invalid_range"


def test_another_workspace_has_no_connection(backfilling: Backfilling) -> None:
    other = backfilling.api.as_key(workspace_id=backfilling.world.workspace())
    assert other.post(PATH, {"connection_id": backfilling.connection_id}).status == 404


def test_it_needs_its_scope(backfilling: Backfilling) -> None:
    assert backfilling.api.as_key(["sync:write"]).post(PATH, {}).status == 403
