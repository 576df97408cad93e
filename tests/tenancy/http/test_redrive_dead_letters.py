"""POST /v1/dead_letters/redrive"""

import pytest

from oppulence.tenancy import dead_letters
from tests.support import letters
from tests.support.api import Api
from tests.support.letters import Dead
from tests.support.world import World

PATH = "/v1/dead_letters/redrive"


def test_those_that_a_filter_names_go_back(api: Api, dead: Dead) -> None:
    odd = [dead.letter(n, reason="ValueError: odd") for n in range(2)]
    other = dead.letter(2, reason="KeyError: gone")
    answer = api.as_key(["dead_letters:write"]).post(PATH, {"reason": "odd"})
    assert (answer.status, answer.body["matched"], answer.body["dry_run"]) == (202, 2, False)
    assert [(one["id"], one["status"]) for one in answer.body["data"]] == [(letter, "retrying") for letter in odd]
    assert len(letters.came_home()) == 2
    assert api.as_key().get(f"/v1/dead_letters/{other}").body["status"] == "pending"


def test_those_named_by_id_go_back(api: Api, dead: Dead) -> None:
    first, _ = dead.letter(0), dead.letter(1)
    answer = api.as_key().post(PATH, {"ids": [first, "dl_00000000000000000000"]}).body
    assert ([one["id"] for one in answer["data"]], answer["matched"]) == ([first], 1)


def test_a_dry_run_only_says_which(api: Api, dead: Dead) -> None:
    letter = dead.letter()
    answer = api.as_key().post(PATH, {"status": "pending", "dry_run": True}).body
    assert ([one["id"] for one in answer["data"]], answer["dry_run"]) == ([letter], True)
    assert answer["data"][0]["status"] == "pending" and letters.came_home() == []


def test_a_call_sends_a_hundred_and_says_how_many_there_are(api: Api, dead: Dead, monkeypatch: pytest.MonkeyPatch) -> None:
    assert dead_letters.MOST == 100
    monkeypatch.setattr(dead_letters, "MOST", 2)
    for n in range(3):
        dead.letter(n)
    counts = [
        (len(one["data"]), one["matched"]) for one in (api.as_key().post(PATH, {"status": "pending"}).body for _ in range(3))
    ]
    assert counts == [(2, 3), (1, 1), (0, 0)] and len(letters.came_home()) == 3


def test_closed_ones_stay_closed(api: Api, dead: Dead) -> None:
    letter = dead.letter()
    api.as_key().post(f"/v1/dead_letters/{letter}/discard", {"reason": "old"})
    assert api.as_key().post(PATH, {"ids": [letter]}).body["data"] == []


def test_each_is_audited(api: Api, dead: Dead) -> None:
    made = {dead.letter(n) for n in range(2)}
    api.as_key().post(PATH, {"consumer": letters.CONSUMER})
    entries = api.as_key().get("/v1/audit_events", action="dead_letter.redriven").body["data"]
    assert {one["resource"]["id"] for one in entries} == made


def test_all_of_them_at_once_must_be_said(api: Api) -> None:
    refused = api.as_key().post(PATH, {"dry_run": True})
    assert (refused.status, refused.error.code) == (400, "no_letters_named")


def test_the_scope_is_needed(api: Api) -> None:
    assert api.as_key(["dead_letters:read"]).post(PATH, {"status": "kept"}).status == 403


def test_another_workspaces_stay(api: Api, dead: Dead, world: World) -> None:
    letter = dead.letter()
    answer = api.as_key(workspace_id=world.workspace()).post(PATH, {"ids": [letter]}).body
    assert (answer["data"], answer["matched"], letters.came_home()) == ([], 0, [])
