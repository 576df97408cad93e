"""GET /v1/dead_letters/{dead_letter_id}"""

from tests.support.api import Api
from tests.support.letters import Dead
from tests.support.world import World


def test_it_says_why_it_died(api: Api, dead: Dead) -> None:
    letter = dead.letter(reason="ValueError: odd", tries=5)
    found = api.as_key(["dead_letters:read"]).get(f"/v1/dead_letters/{letter}").body
    assert (found["id"], found["status"], found["error"], found["message"]) == (letter, "pending", "ValueError", "odd")
    assert (found["sent_back_at"], found["decided_by"], found["discard_reason"]) == (None, None, None)


def test_an_unknown_one_is_not_found(api: Api) -> None:
    assert api.as_key().get("/v1/dead_letters/dl_00000000000000000000").error.code == "dead_letter_not_found"


def test_the_scope_is_needed(api: Api, dead: Dead) -> None:
    assert api.as_key(["sync:read"]).get(f"/v1/dead_letters/{dead.letter()}").status == 403


def test_another_workspaces_is_not_found(api: Api, dead: Dead, world: World) -> None:
    assert api.as_key(workspace_id=world.workspace()).get(f"/v1/dead_letters/{dead.letter()}").status == 404
