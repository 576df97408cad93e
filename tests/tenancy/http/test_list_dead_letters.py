"""GET /v1/dead_letters"""

from typing import Any

import pytest

from tests.support import letters
from tests.support.api import Api
from tests.support.letters import Dead
from tests.support.world import World

PATH = "/v1/dead_letters"


def ids(api: Api, **filters: Any) -> list[str]:
    return [one["id"] for one in api.as_key(["dead_letters:read"]).get(PATH, **filters).body["data"]]


def test_the_last_failed_comes_first_in_pages(api: Api, dead: Dead, world: World) -> None:
    made = [dead.letter(n) for n in range(3)]
    for hours, letter in enumerate(reversed(made)):
        query = "UPDATE tenancy.dead_letters SET last_failed_at = now() - make_interval(hours => %s) WHERE id = %s"
        world.admin.execute(query, (hours, letter))
    assert ids(api) == made[::-1]
    page = api.as_key().get(PATH, limit=2).body
    rest = api.as_key().get(PATH, limit=2, cursor=page["pagination"]["next_cursor"]).body
    assert [one["id"] for one in page["data"] + rest["data"]] == made[::-1] and not rest["pagination"]["has_more"]


def test_filters_narrow_it(api: Api, dead: Dead) -> None:
    odd, gone = dead.letter(0, reason="ValueError: the amount is Odd"), dead.letter(1, reason="KeyError: gone")
    api.as_key().post(f"{PATH}/{gone}/discard", {"reason": "of no use"})
    failed_at = api.as_key().get(f"{PATH}/{odd}").body["last_failed_at"]
    assert ids(api, status="pending") == [odd] and ids(api, status="discarded") == [gone] and ids(api, status="kept") == []
    assert ids(api, reason="amount is odd") == [odd] and ids(api, reason="KEYERROR") == [gone] and ids(api, reason="%") == []
    assert len(ids(api, consumer=letters.CONSUMER)) == 2 and ids(api, consumer="ledger.consumers.on_invoice_paid") == []
    assert len(ids(api, event_type="connections.webhook.received")) == 2 and ids(api, event_type="sync.invoice.paid") == []
    assert odd in ids(api, since=failed_at) and odd not in ids(api, until=failed_at)


@pytest.mark.parametrize(("name", "value"), [("status", "dead"), ("since", "now"), ("reason", ""), ("limit", 0), ("who", "me")])
def test_what_cannot_be_used_is_named(api: Api, name: str, value: object) -> None:
    refused = api.as_key().get(PATH, **{name: value})
    assert (refused.status, refused.error.param) == (400, name)


def test_a_bad_cursor_is_refused(api: Api) -> None:
    assert api.as_key().get(PATH, cursor="e30").error.code == "invalid_cursor"


def test_the_scope_is_needed(api: Api) -> None:
    assert api.as_key(["dead_letters:write"]).get(PATH).status == 403


def test_another_workspaces_letters_are_not_listed(api: Api, dead: Dead, world: World) -> None:
    dead.letter()
    assert api.as_key(workspace_id=world.workspace()).get(PATH).body["data"] == []
