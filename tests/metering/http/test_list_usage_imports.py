"""GET /v1/events/imports: the latest first."""

from tests.metering.importing import Importing
from tests.support.api import Api

PATH = "/v1/events/imports"


def test_the_latest_come_first_page_by_page(importing: Importing) -> None:
    made = [str(importing.ask(b"x")["id"]) for _ in range(3)]
    caller = importing.api.as_key(["usage:read"])
    first = caller.get(PATH, limit=2).body
    rest = caller.get(PATH, limit=2, cursor=first["pagination"]["next_cursor"]).body
    assert [one["id"] for one in first["data"] + rest["data"]] == made[::-1]
    assert not rest["pagination"]["has_more"]
    assert caller.get(PATH, limit=2, cursor="nonsense").error.code == "invalid_cursor"


def test_by_status(importing: Importing) -> None:
    waiting, done = str(importing.ask(b"x")["id"]), importing.started(b"\n")
    importing.run(done)
    caller = importing.api.as_key()
    assert [one["id"] for one in caller.get(PATH, status="completed").body["data"]] == [done]
    assert [one["id"] for one in caller.get(PATH, status="waiting").body["data"]] == [waiting]
    assert caller.get(PATH, status="nonsense").status == 400


def test_forbidden_and_anothers(importing: Importing, api: Api) -> None:
    importing.ask(b"x")
    assert api.as_key(["usage:write"]).get(PATH).status == 403
    assert api.as_key(workspace_id=api.world.workspace()).get(PATH).body["data"] == []
