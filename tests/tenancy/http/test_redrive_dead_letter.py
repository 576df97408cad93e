"""POST /v1/dead_letters/{dead_letter_id}/redrive"""

import json

from tests.kernel.support import away
from tests.support import letters
from tests.support.api import Api
from tests.support.letters import Dead
from tests.support.world import World


def path(letter: str) -> str:
    return f"/v1/dead_letters/{letter}/redrive"


def test_it_goes_back_to_its_own_queue_as_it_was(api: Api, dead: Dead) -> None:
    letter = dead.letter()
    answer = api.as_key(["dead_letters:write"]).post(path(letter))
    assert (answer.status, answer.body["status"]) == (202, "retrying")
    assert answer.body["sent_back_at"] is not None and answer.body["decided_by"].startswith("key_")
    (home,) = letters.came_home()
    event = json.loads(home["body"])["detail"]
    assert event["id"] == answer.body["event_id"] and event["data"]["sealed_body"]
    assert home["messageAttributes"]["dead_letter"]["stringValue"] == letter


def test_it_is_audited(api: Api, dead: Dead) -> None:
    letter = dead.letter()
    api.as_key().post(path(letter))
    (entry,) = api.as_key().get("/v1/audit_events", action="dead_letter.redriven").body["data"]
    assert entry["resource"] == {"type": "dead_letter", "id": letter}
    assert entry["metadata"]["consumer"] == letters.CONSUMER and entry["changes"] == {"before": {"status": "pending"}}


def test_a_second_time_is_refused_until_it_dies_again(api: Api, dead: Dead) -> None:
    letter = dead.letter(tries=5)
    api.as_key().post(path(letter))
    refused = api.as_key().post(path(letter))
    assert (refused.status, refused.error.code) == (409, "dead_letter_closed")
    letters.die(letters.came_home()[0]["body"], letter=letter, tries=5)
    letters.drain()
    again = api.as_key().post(path(letter))
    assert (again.status, again.body["tries"]) == (202, 10)


def test_what_has_no_queue_to_go_to_is_refused(api: Api, dead: Dead, world: World) -> None:
    letter = dead.letter()
    world.admin.execute("UPDATE tenancy.dead_letters SET consumer = NULL WHERE id = %s", (letter,))
    assert api.as_key().post(path(letter)).error.code == "dead_letter_closed"


def test_while_the_queue_is_away_the_clock_is_left_to_send_it(api: Api, dead: Dead, world: World) -> None:
    letter = dead.letter()
    with away("sqs", "SendMessage"):
        answer = api.as_key().post(path(letter))
    assert (answer.status, answer.body["status"], answer.body["sent_back_at"]) == (202, "retrying", None)
    world.admin.execute("UPDATE tenancy.dead_letters SET updated_at = now() - interval '3 minutes' WHERE id = %s", (letter,))
    letters.retry()
    assert len(letters.came_home()) == 1


def test_a_repeat_with_the_same_key_sends_once(api: Api, dead: Dead) -> None:
    letter = dead.letter()
    answers = [api.as_key().post(path(letter), Idempotency_Key="once") for _ in range(2)]
    assert [one.status for one in answers] == [202, 202] and len(letters.came_home()) == 1


def test_an_unknown_one_is_not_found(api: Api) -> None:
    assert api.as_key().post(path("dl_00000000000000000000")).error.code == "dead_letter_not_found"


def test_the_scope_is_needed(api: Api, dead: Dead) -> None:
    assert api.as_key(["dead_letters:read"]).post(path(dead.letter())).status == 403


def test_another_workspaces_is_not_found_and_stays(api: Api, dead: Dead, world: World) -> None:
    assert api.as_key(workspace_id=world.workspace()).post(path(dead.letter())).status == 404
    assert letters.came_home() == []
