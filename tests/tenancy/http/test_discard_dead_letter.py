"""POST /v1/dead_letters/{dead_letter_id}/discard"""

import pytest

from tests.support import letters
from tests.support.api import Api
from tests.support.letters import Dead
from tests.support.world import World

WHY = {"reason": "a test of the provider's"}


def path(letter: str) -> str:
    return f"/v1/dead_letters/{letter}/discard"


def test_it_is_given_up_for_a_reason(api: Api, dead: Dead) -> None:
    letter = dead.letter()
    found = api.as_key(["dead_letters:write"]).post(path(letter), WHY)
    assert (found.status, found.body["status"], found.body["discard_reason"]) == (200, "discarded", WHY["reason"])
    assert found.body["decided_by"].startswith("key_") and found.body["decided_at"] is not None
    (entry,) = api.as_key().get("/v1/audit_events", action="dead_letter.discarded").body["data"]
    assert entry["changes"] == {"before": {"status": "pending"}, "after": WHY}
    letters.retry()
    assert letters.came_home() == []


def test_its_event_dying_again_brings_it_back(api: Api, dead: Dead) -> None:
    letter = dead.letter()
    api.as_key().post(f"/v1/dead_letters/{letter}/redrive")
    api.as_key().post(path(letter), WHY)
    letters.die(letters.came_home()[0]["body"], letter=letter)
    letters.drain()
    found = api.as_key().get(f"/v1/dead_letters/{letter}").body
    assert (found["status"], found["discard_reason"]) == ("kept", None)


def test_a_second_time_is_refused(api: Api, dead: Dead) -> None:
    letter = dead.letter()
    api.as_key().post(path(letter), WHY)
    assert api.as_key().post(path(letter), WHY).error.code == "dead_letter_closed"


@pytest.mark.parametrize("body", [{}, {"reason": ""}, {"reason": "  "}])
def test_a_reason_is_required(api: Api, dead: Dead, body: object) -> None:
    refused = api.as_key().post(path(dead.letter()), body)
    assert (refused.status, refused.error.param) == (400, "reason")


def test_an_unknown_one_is_not_found(api: Api) -> None:
    assert api.as_key().post(path("dl_00000000000000000000"), WHY).error.code == "dead_letter_not_found"


def test_the_scope_is_needed(api: Api, dead: Dead) -> None:
    assert api.as_key(["dead_letters:read"]).post(path(dead.letter()), WHY).status == 403


def test_another_workspaces_is_not_found(api: Api, dead: Dead, world: World) -> None:
    assert api.as_key(workspace_id=world.workspace()).post(path(dead.letter()), WHY).status == 404
