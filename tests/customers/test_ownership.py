"""A customer's key is one of its subjects, whatever becomes of the key."""

from datetime import timedelta
from pathlib import Path

from oppulence.customers import ownership
from oppulence.kernel import clock
from tests.customers.support import audited, day, fact, find, give, make, periods, tell
from tests.support.api import Api
from tests.support.world import World


def test_a_new_key_is_a_subject_and_the_old_one_stays_one(api: Api, world: World) -> None:
    made = make(api, key="acme")["id"]
    world.emitted()
    api.as_key().patch(f"/v1/customers/{made}", {"key": "acme-2"})
    api.as_key().patch(f"/v1/customers/{made}", {"key": None})
    assert periods(api, made) == [("acme", None, None), ("acme-2", None, None)]
    assert {one.type for one in world.envelopes()} == {"customers.customer.updated"}


def test_the_next_customer_with_the_key_has_the_subject_from_then_on(api: Api, world: World) -> None:
    first = make(api, key="acme")["id"]
    give(api, first, "acme")  # said once more, as many do
    api.as_key().patch(f"/v1/customers/{first}", {"key": "acme-2"})
    world.emitted()
    second = api.as_key().put("/v1/customers/by_key/acme", {}).body["id"]
    ((_, since, until),) = periods(api, second)
    assert since is not None and until is None
    assert periods(api, first) == [("acme", None, since), ("acme-2", None, None)]
    moved, _ = world.envelopes()
    assert (moved.type, moved.data["from_customer_id"], moved.data["to_customer_id"]) == (
        "customers.subject.moved",
        first,
        second,
    )
    assert audited(world, "customer.subject_moved") == 1


def test_what_was_given_to_somebody_stays_there(api: Api) -> None:
    other = make(api)["id"]
    give(api, other, "acme", valid_from=day(5))
    give(api, other, "b")
    named, second = make(api, key="acme")["id"], make(api, key="b")["id"]
    assert periods(api, other) == [("acme", day(5), None), ("b", None, None)]
    assert (periods(api, named), periods(api, second)) == ([("acme", None, day(5))], [])


def test_what_is_nobodys_is_the_customers_from_then_on(api: Api) -> None:
    other = make(api)["id"]
    give(api, other, "acme")
    api.as_key().send("DELETE", f"/v1/customers/{other}/subjects/acme", query={"valid_until": day(5)})
    ((_, since, until),) = periods(api, make(api, key="acme")["id"])
    assert since is not None and since > day(5) and until is None


def test_it_is_so_too_if_somebody_had_it_only_for_a_while(api: Api) -> None:
    other = make(api)["id"]
    give(api, other, "acme", valid_from=day(5))
    api.as_key().send("DELETE", f"/v1/customers/{other}/subjects/acme", query={"valid_until": day(9)})
    before, (_, since, until) = periods(api, make(api, key="acme")["id"])
    assert before == ("acme", None, day(5)) and since is not None and since > day(9) and until is None


def test_it_is_so_too_if_the_first_who_had_the_key_is_no_more(api: Api) -> None:
    first = make(api, key="acme")["id"]
    api.as_key().patch(f"/v1/customers/{first}", {"key": "b"})
    second = make(api, key="acme")["id"]
    assert api.as_key().delete(f"/v1/customers/{first}").status == 204
    api.as_key().patch(f"/v1/customers/{second}", {"key": "c"})
    ((_, since, until), _) = periods(api, second)
    third = make(api, key="acme")["id"]
    before, (_, from_then, still) = periods(api, third)
    assert before == ("acme", None, since) and still is None
    assert (until, periods(api, second)[0]) == (None, ("acme", since, from_then))


def test_what_is_nobodys_in_a_moment_is_the_customers_then(api: Api) -> None:
    other, soon = make(api)["id"], (clock.now() + timedelta(minutes=3)).isoformat().replace("+00:00", "Z")
    give(api, other, "acme")
    api.as_key().send("DELETE", f"/v1/customers/{other}/subjects/acme", query={"valid_until": soon})
    assert periods(api, make(api, key="acme")["id"]) == [("acme", soon, None)]
    assert periods(api, other) == [("acme", None, soon)]


def test_a_key_is_given_away_from_now_on(api: Api, world: World) -> None:
    named, other = make(api, key="acme")["id"], make(api)["id"]
    world.emitted()
    since = give(api, other, "acme")["valid_from"]
    assert since is not None and periods(api, named) == [("acme", None, since)]
    (moved,) = world.envelopes()
    assert moved.data["from_customer_id"] == named


def test_keys_that_providers_tell_are_subjects_too(api: Api, world: World) -> None:
    tell(world, fact("created", "cus_1", key="a"), fact("created", "cus_2", key="b"), fact("created", "cus_3"))
    tell(world, fact("updated", "cus_3", version=2, key="c"))
    assert [periods(api, *find(api, key)) for key in "abc"] == [[(key, None, None)] for key in "abc"]


def test_one_that_has_only_its_keys_can_be_deleted(api: Api, world: World) -> None:
    made = make(api, key="acme")["id"]
    api.as_key().patch(f"/v1/customers/{made}", {"key": "acme-2"})
    assert api.as_key().delete(f"/v1/customers/{made}").status == 204
    assert (world.count("customers.customers"), world.count("customers.subject_owners")) == (0, 0)


def test_the_keys_of_customers_of_before_become_subjects(api: Api, world: World) -> None:
    kept, ended, other = make(api, key="a")["id"], make(api, key="b")["id"], make(api)["id"]
    api.as_key().post(f"/v1/customers/{kept}/merge", {"from": ended})
    world.admin.execute("DELETE FROM customers.subject_owners WHERE workspace_id = %s", (world.workspace_id,))
    world.admin.execute("DELETE FROM customers.merges WHERE workspace_id = %s", (world.workspace_id,))
    give(api, other, "b", valid_from=day(5))
    migration = (Path(ownership.__file__).parent / "migrations" / "0004_keep_whose_keys_were.sql").read_text()
    with world.admin.transaction():
        world.admin.execute(b"SET LOCAL ROLE customers_sweep")
        for statement in migration.partition("SET ROLE customers_sweep;")[2].split(";")[:2]:
            world.admin.execute(statement.encode())
    assert (periods(api, kept), periods(api, other)) == ([("a", None, None), ("b", None, day(5))], [("b", day(5), None)])
    row = world.admin.execute("SELECT customer_id, into_id FROM customers.merges WHERE workspace_id = %s", (world.workspace_id,))
    assert row.fetchone() == (ended, kept)
