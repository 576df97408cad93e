"""What higher contexts ask of customers."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from oppulence.customers import api as customers_api
from oppulence.kernel import clock
from tests.customers.support import JANE, day, fact, give, make, tell
from tests.support.api import Api
from tests.support.world import World

AT = datetime(2026, 1, 15, tzinfo=UTC)


def test_a_customer_is_found_by_id_and_key(api: Api, world: World) -> None:
    made = make(api, **JANE, key="jane")
    found = world.within(
        "ledger", lambda uow: [customers_api.customer(uow.conn, made["id"]), customers_api.by_key(uow.conn, "jane")]
    )
    assert found[0] == found[1] and (found[0].id, found[0].name, found[0].address.city) == (made["id"], JANE["name"], "Wien")
    assert world.within("ledger", lambda uow: customers_api.by_key(uow.conn, "joe")) is None


@pytest.mark.parametrize("as_of", [None, datetime.max.replace(tzinfo=UTC)])
def test_an_id_is_nobody_elses_key(api: Api, world: World, as_of: datetime | None) -> None:
    made, other = (make(api, key=key)["id"] for key in "ab")
    for key, holder in ((made, other), (other, made)):  # as customers of before have them
        world.admin.execute("UPDATE customers.customers SET key = %s WHERE id = %s", (key, holder))
    found = world.within("ledger", lambda uow: customers_api.resolved(uow.conn, [made, other], as_of))
    assert found == {made: made, other: other}


def test_a_key_is_its_customers_of_then(api: Api, world: World) -> None:
    a, b, other = make(api, key="a")["id"], make(api)["id"], make(api, key="b")["id"]
    give(api, other, "c")
    start, patch = clock.now(), api.as_key().patch
    assert api.as_key().post(f"/v1/customers/{b}/merge", {"from": a}).body["key"] == "a"
    inherited = clock.now()
    patch(f"/v1/customers/{b}", {"key": "c"})
    renamed = clock.now()
    patch(f"/v1/customers/{other}", {"key": "a"})
    taken = clock.now()

    def ask(key: str, *instants: datetime | None) -> list[str | None]:
        resolved = [world.within("ledger", lambda uow, at=at: customers_api.resolved(uow.conn, [key], at)) for at in instants]
        return [found.get(key) for found in resolved]

    assert ask("a", start, inherited, renamed, taken, None) == [a, b, b, other, other]
    assert ask("b", start, taken, None) == [other, other, None]  # given up: it stays whose it was
    assert ask("c", start, renamed, None) == [b, b, b]  # the subject is another's, so there is only the key of now


def test_owners_at_an_instant(api: Api, world: World) -> None:
    first, second = make(api)["id"], make(api)["id"]
    give(api, first, "a")
    give(api, second, "a", valid_from=day(20))
    give(api, second, "b")

    def ask(at: datetime) -> Any:
        return world.within("ledger", lambda uow: customers_api.owners_at(uow.conn, ["a", "b", "c"], at))

    assert ask(AT) == {"a": first, "b": second}
    assert ask(AT + timedelta(days=10)) == {"a": second, "b": second}

    moments = [("b", AT), ("a", AT + timedelta(days=10)), ("c", AT), ("a", AT), ("a", AT)]
    owners = world.within("ledger", lambda uow: customers_api.owners_of(uow.conn, moments))
    assert owners == [second, second, None, first, first]


def test_ownership_as_it_was_known_before_a_correction(api: Api, world: World) -> None:
    first, second = make(api)["id"], make(api)["id"]
    give(api, first, "a")
    known = clock.now()
    give(api, second, "a", valid_from=day(10))

    def periods(who: str, as_of: datetime | None) -> list[Any]:
        found = world.within("ledger", lambda uow: customers_api.periods_of(uow.conn, who, as_of=as_of))
        return [(one.valid_from, one.valid_until) for one in found]

    tenth = datetime.fromisoformat(day(10))
    assert (periods(first, None), periods(second, None)) == ([(None, tenth)], [(tenth, None)])
    assert (periods(first, known), periods(second, known)) == ([(None, None)], [])
    assert world.within("ledger", lambda uow: customers_api.owners_at(uow.conn, ["a"], AT, as_of=known)) == {"a": first}


def test_a_providers_customer_leads_to_ours(api: Api, world: World) -> None:
    made = make(api, key="k")["id"]
    tell(world, fact("created", "cus_1", key="k"), fact("created", "cus_1", key="k", account="acct_1"))

    def ask(account: str | None) -> Any:
        return world.within("ledger", lambda uow: customers_api.of_provider(uow.conn, "stripe", account, "cus_1"))

    assert (ask(None), ask("acct_1"), ask("acct_2")) == (made, made, None)


def test_another_workspace_sees_and_marks_nothing(api: Api, world: World) -> None:
    made = make(api, key="k")["id"]
    give(api, made, "s")
    tell(world, fact("created", "cus_1", key="k"))
    asked = world.within(
        "ledger",
        lambda uow: [
            customers_api.customer(uow.conn, made), customers_api.by_key(uow.conn, "k"), customers_api.periods_of(uow.conn, made),
            customers_api.owners_at(uow.conn, ["s"], AT), customers_api.of_provider(uow.conn, "stripe", None, "cus_1"),
            customers_api.mark_used(uow.conn, made, uow.now),
        ],
        workspace_id=world.workspace(),
    )  # fmt: skip
    assert asked == [None, None, [], {}, None, False]


def test_marking_says_whether_there_is_such_a_customer(api: Api, world: World) -> None:
    made = make(api)["id"]

    def ask(one: str) -> Any:
        return world.within("ledger", lambda uow: customers_api.mark_used(uow.conn, one, uow.now))

    assert (ask(made), ask("cust_00000000000000000000")) == (True, False)
