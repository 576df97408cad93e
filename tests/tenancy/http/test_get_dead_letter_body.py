"""GET /v1/dead_letters/{dead_letter_id}/body"""

import json

from oppulence.tenancy.events import MemberJoined
from tests.kernel.support import away
from tests.support import letters, stripe
from tests.support.api import Api
from tests.support.entries import envelope
from tests.support.letters import Dead
from tests.support.world import World


def path(letter: str) -> str:
    return f"/v1/dead_letters/{letter}/body"


def test_the_event_is_shown_as_it_stood(api: Api, dead: Dead, world: World) -> None:
    event = envelope(world.workspace_id, MemberJoined(member_id="mem_1", user_id="usr_1", role="viewer"))
    letters.die(event)
    letters.drain()
    (letter,) = api.as_key().get("/v1/dead_letters").body["data"]
    body = api.as_key(["dead_letters:read"]).get(path(letter["id"])).body
    assert body["event"]["detail"] == json.loads(event.model_dump_json())
    assert (body["id"], body["text"], body["webhook"]) == (letter["id"], None, None)


def test_a_webhooks_body_is_opened_for_those_who_may_read_webhooks_only(api: Api, dead: Dead) -> None:
    letter = dead.letter()
    without = api.as_key(["dead_letters:read"]).get(path(letter)).body
    assert without["webhook"] is None and "sealed_body" not in without["event"]["detail"]["data"]
    opened = api.as_key(["dead_letters:read", "webhooks:read"]).get(path(letter)).body
    assert opened["webhook"].encode() == stripe.corpus()[0]


def test_a_large_webhook_is_fetched_from_where_it_stands(api: Api, dead: Dead, world: World) -> None:
    large = json.dumps(json.loads(stripe.corpus()[0]) | {"filler": "x" * 300_000}).encode()
    letters.die(envelope(world.workspace_id, stripe.webhook(world.workspace_id, large)))
    letters.drain()
    (letter,) = api.as_key().get("/v1/dead_letters").body["data"]
    assert api.as_key().get(path(letter["id"])).body["webhook"].encode() == large


def test_each_reading_is_audited(api: Api, dead: Dead) -> None:
    letter = dead.letter()
    api.as_key().get(path(letter))
    (entry,) = api.as_key().get("/v1/audit_events", resource_type="dead_letter_body").body["data"]
    assert (entry["action"], entry["resource"]["id"]) == ("personal_data.read", letter)
    assert entry["metadata"] == {"webhook_opened": True}


def test_what_is_no_json_is_shown_as_text(api: Api, dead: Dead, world: World) -> None:
    letter = dead.letter()
    letters.die("no json")
    letters.drain()
    query = "UPDATE tenancy.dead_letters SET body_key = (SELECT body_key FROM tenancy.dead_letters WHERE workspace_id = 'none'"
    world.admin.execute(f"{query} ORDER BY updated_at DESC LIMIT 1) WHERE id = %s".encode(), (letter,))
    body = api.as_key().get(path(letter)).body
    assert (body["event"], body["text"]) == (None, "no json")


def test_while_s3_is_away_it_says_try_again(api: Api, dead: Dead) -> None:
    letter = dead.letter()
    with away("s3", "GetObject"):
        assert api.as_key().get(path(letter)).status == 503


def test_an_unknown_one_is_not_found(api: Api) -> None:
    assert api.as_key().get(path("dl_00000000000000000000")).error.code == "dead_letter_not_found"


def test_the_scope_is_needed(api: Api, dead: Dead) -> None:
    assert api.as_key(["webhooks:read"]).get(path(dead.letter())).status == 403


def test_another_workspaces_is_not_found(api: Api, dead: Dead, world: World) -> None:
    assert api.as_key(workspace_id=world.workspace()).get(path(dead.letter())).status == 404
