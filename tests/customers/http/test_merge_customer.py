"""POST /v1/customers/{customer_id}/merge"""

from datetime import datetime

import pytest

from oppulence.customers import api as customers_api
from oppulence.customers import merging
from oppulence.kernel import clock
from tests.customers.support import JANE, PERSONAL, audited, day, fact, find, give, make, periods, read, tell
from tests.support.api import Api
from tests.support.world import World


def merge(api: Api, into: str, ended: str) -> tuple[int, str | None]:
    answer = api.as_key(["customers:write"]).post(f"/v1/customers/{into}/merge", {"from": ended})
    return answer.status, answer.error.code if answer.status >= 400 else None


def test_what_is_lacking_is_taken_and_what_is_there_stays(api: Api, world: World) -> None:
    kept = make(api, key="a", name="J. Oneil", emails=["j@example.com", "JANE.oneil@example.com"], metadata={"note": "mine"})
    ended = make(api, **JANE | {"key": "b", "metadata": {"note": "theirs", "tier": "gold"}})
    world.emitted()
    assert merge(api, kept["id"], ended["id"]) == (200, None)
    now = read(api, kept["id"])
    assert (now["key"], now["name"], now["phone"], now["currency"]) == ("a", "J. Oneil", JANE["phone"], "EUR")
    assert now["emails"] == ["j@example.com", "JANE.oneil@example.com"]
    assert now["metadata"] == {"note": "mine", "tier": "gold"} and now["tax_ids"] == JANE["tax_ids"]
    (envelope,) = world.envelopes()
    assert envelope.type == "customers.customer.merged"
    assert envelope.data == {"customer_id": kept["id"], "customer_version": 2, "merged_customer_id": ended["id"]}
    assert audited(world, "customer.merged") == 1


def test_the_other_stays_as_a_tombstone_without_personal_data(api: Api, world: World) -> None:
    kept, ended = make(api, name="Kept"), make(api, **JANE, key="b")
    merge(api, kept["id"], ended["id"])
    tombstone = read(api, ended["id"])
    assert (tombstone["status"], tombstone["merged_into"], tombstone["key"]) == ("merged", kept["id"], None)
    assert not any(part in str(tombstone) for part in PERSONAL)
    assert read(api, kept["id"])["key"] == "b"
    assert find(api, "b") == [kept["id"]] and find(api, "jane.") == [kept["id"]] and find(api, "jane", status="merged") == []


def test_subjects_with_their_history_and_links_are_one_customers_now(api: Api, world: World) -> None:
    kept, ended, third = make(api, key="a")["id"], make(api, key="b")["id"], make(api)["id"]
    give(api, ended, "s")
    give(api, third, "s", valid_from=day(5))
    give(api, ended, "s", valid_from=day(10))
    tell(world, fact("created", "cus_b", key="b"))
    before = clock.now()
    merge(api, kept, ended)
    assert periods(api, kept) == [("a", None, None), ("b", None, None), ("s", None, day(5)), ("s", day(10), None)]
    assert (periods(api, ended), periods(api, third)) == ([], [("s", day(5), day(10))])
    assert [link["provider_customer_id"] for link in read(api, kept)["links"]] == ["cus_b"]
    known_before = world.within("ledger", lambda uow: customers_api.periods_of(uow.conn, ended, as_of=before))
    assert [one.subject for one in known_before] == ["b", "s", "s"]


def test_a_chain_of_merges_leads_to_its_end_at_once(api: Api, world: World) -> None:
    a, b, c = (make(api, key=key)["id"] for key in "abc")
    merge(api, b, a)
    merge(api, c, b)
    assert read(api, a)["merged_into"] == c
    found = world.within("ledger", lambda uow: [customers_api.by_key(uow.conn, key) for key in "abc"])
    assert [one.id for one in found] == [c, c, c]


def test_an_id_leads_to_what_the_customer_was_at_an_earlier_instant(api: Api, world: World) -> None:
    a, b, c = (make(api, key=key)["id"] for key in "abc")
    instants: list[datetime | None] = [clock.now()]
    for into, ended in ((b, a), (c, b)):
        merge(api, into, ended)
        instants.append(clock.now())
    instants.append(None)

    def led(at: datetime | None) -> list[str]:
        found = world.within("ledger", lambda uow: customers_api.resolved(uow.conn, [a, b, "c"], at))
        return [found[one] for one in (a, b, "c")]

    assert [led(at) for at in instants] == [[a, b, c], [b, b, c], [c, c, c], [c, c, c]]


def test_more_than_one_customer_can_have_is_refused(api: Api) -> None:
    kept, ended = (make(api, emails=[f"{n}@{who}.example" for n in range(6)], metadata={who: "x"})["id"] for who in "ab")
    assert merge(api, kept, ended) == (409, "customers_too_large")
    api.as_key().patch(f"/v1/customers/{ended}", {"emails": []})
    assert merge(api, kept, ended) == (200, None)


def test_more_subjects_than_are_billed_as_one_are_refused(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merging, "TOGETHER_MAX", 3)
    kept, ended = make(api, key="a")["id"], make(api, key="b")["id"]
    give(api, kept, "s")
    give(api, ended, "t")
    assert merge(api, kept, ended) == (409, "customers_too_large") == merge(api, ended, kept)
    monkeypatch.setattr(merging, "TOGETHER_MAX", 4)
    assert merge(api, kept, ended) == (200, None)


def test_more_subjects_than_change_hands_at_once_are_refused(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merging, "PERIODS_MAX", 2)
    kept, ended = make(api, key="a")["id"], make(api, key="b")["id"]
    give(api, ended, "s")
    give(api, ended, "t")
    assert merge(api, kept, ended) == (409, "customers_too_large") and len(periods(api, ended)) == 3
    assert merge(api, ended, kept) == (200, None)
    assert [subject for subject, *_ in periods(api, ended)] == ["a", "b", "s", "t"]


def test_a_link_made_meanwhile_is_the_others(api: Api, world: World) -> None:
    kept, ended = make(api, key="a")["id"], make(api, key="b")["id"]
    with world.admin.transaction():  # somebody makes links in the workspace
        world.admin.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 3))", (world.workspace_id,))
        answer = api.as_key().post(f"/v1/customers/{kept}/merge", {"from": ended})
        assert answer.status >= 500 and read(api, ended)["status"] == "active"


def test_what_cannot_be_merged_is_refused(api: Api) -> None:
    kept, ended = make(api)["id"], make(api)["id"]
    assert merge(api, kept, kept) == (400, "same_customer")
    assert merge(api, kept, "cust_00000000000000000000") == (404, "customer_not_found")
    merge(api, kept, ended)
    assert merge(api, kept, ended) == (409, "customer_not_active")
    assert merge(api, ended, kept) == (409, "customer_not_active")
    assert api.as_key().patch(f"/v1/customers/{ended}", {"name": "A"}).body["error"]["merged_into"] == kept


@pytest.mark.parametrize("body", [{}, {"from": None}, {"from_id": "cust_1"}, {"from": "x" * 65}, {"from": ["a"]}])
def test_a_body_that_cannot_be_used_is_refused(api: Api, body: dict[str, object]) -> None:
    assert api.as_key().post(f"/v1/customers/{make(api)['id']}/merge", body).status == 400


def test_the_scope_is_needed_and_workspaces_do_not_mix(api: Api, world: World) -> None:
    made, second = make(api)["id"], make(api)["id"]
    other = api.as_key(workspace_id=world.workspace())
    theirs = other.post("/v1/customers", {}).body["id"]
    assert api.as_key(["customers:read"]).post(f"/v1/customers/{made}/merge", {"from": second}).status == 403
    assert other.post(f"/v1/customers/{made}/merge", {"from": second}).status == 404
    assert other.post(f"/v1/customers/{theirs}/merge", {"from": made}).status == 404
    assert merge(api, made, theirs) == (404, "customer_not_found")
    assert read(api, made)["version"] == 1
