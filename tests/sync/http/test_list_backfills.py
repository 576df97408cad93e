"""Backfills of the workspace."""

from tests.sync.backfilling import Backfilling

PATH = "/v1/sync/backfills"


def test_the_latest_comes_first_and_pages_join(backfilling: Backfilling) -> None:
    ids = [backfilling.ask("charge") for _ in range(3)][::-1]
    api = backfilling.api.as_key(["sync:read"])
    first = api.get(PATH, limit=2).body
    rest = api.get(PATH, limit=2, cursor=first["pagination"]["next_cursor"]).body
    assert [one["id"] for one in first["data"] + rest["data"]] == ids
    assert "types" not in first["data"][0] and first["data"][0]["rows_listed"] == 0


def test_they_are_narrowed_by_status(backfilling: Backfilling) -> None:
    cancelled, running = backfilling.ask("charge"), backfilling.ask("charge")
    backfilling.api.as_key().post(f"{PATH}/{cancelled}/cancel")
    api = backfilling.api.as_key()
    assert [one["id"] for one in api.get(PATH, status="running").body["data"]] == [running]
    assert [one["id"] for one in api.get(PATH, status="cancelled").body["data"]] == [cancelled]


def test_a_cursor_of_another_list_is_refused(backfilling: Backfilling) -> None:
    answer = backfilling.api.as_key().get(PATH, cursor="bm90IG91cnM")
    assert answer.status == 400 and answer.error.code == "invalid_cursor"


def test_another_workspace_has_none(backfilling: Backfilling) -> None:
    backfilling.ask("charge")
    assert backfilling.api.as_key(workspace_id=backfilling.world.workspace()).get(PATH).body["data"] == []


def test_it_needs_its_scope(backfilling: Backfilling) -> None:
    assert backfilling.api.as_key(["sync:write"]).get(PATH).status == 403
