"""Those who change the same subjects take turns, and who waited goes on from what the other left."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from oppulence.customers import manage, merging, subjects
from oppulence.customers.models import CustomerChange, CustomerDetails, NewCustomer, NewSubject
from oppulence.customers.store import subjects as store
from oppulence.kernel import db
from oppulence.kernel.uow import STATEMENT_TIMEOUT_MS, Scope, UnitOfWork
from tests.customers.support import give, make, periods
from tests.support.api import Api
from tests.support.world import World

WAITS = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'customers' AND wait_event_type = 'Lock'"
WAYS: dict[str, Callable[[UnitOfWork, str], Any]] = {
    "create": lambda uow, _: manage.create(uow, NewCustomer(key="acme")),
    "put": lambda uow, _: manage.put(uow, "acme", CustomerDetails()),
    "change": lambda uow, present: manage.change(uow, present, CustomerChange(key="acme")),
}


@contextmanager
def transaction(world: World) -> Iterator[UnitOfWork]:
    """A unit of work on a connection of its own, as in another process; committed at the end."""
    with db._connect("customers") as conn:
        conn.execute(db._opening(world.workspace_id, "READ COMMITTED", STATEMENT_TIMEOUT_MS))
        yield UnitOfWork(conn, Scope("customers", world.workspace_id))
        conn.execute("COMMIT")


def while_it_waits(world: World, work: Callable[[UnitOfWork], Any], meanwhile: Callable[[], None]) -> Any:
    """What a use case gives that had to wait: for what happens meanwhile, after which nothing keeps it waiting."""

    def follow() -> Any:
        with transaction(world) as uow:
            return work(uow)

    with ThreadPoolExecutor(1) as pool:
        following = pool.submit(follow)
        while not following.done() and world.admin.execute(WAITS).fetchone() == (0,):
            time.sleep(0.01)
        assert not following.done()
        meanwhile()
        return following.result()


@pytest.mark.parametrize("way", WAYS)
def test_who_waited_for_a_subject_to_become_nobodys_has_it_by_its_key(api: Api, world: World, way: str) -> None:
    other, present = make(api)["id"], make(api)["id"]
    give(api, other, "acme")
    with ExitStack() as open_one:
        first = open_one.enter_context(transaction(world))
        store.lock(first.conn, world.workspace_id, ["acme"])

        def meanwhile() -> None:
            subjects.take(first, other, "acme", None)
            open_one.close()

        named = while_it_waits(world, lambda uow: WAYS[way](uow, present), meanwhile).id
    ((_, _, until),) = periods(api, other)
    ((_, since, still),) = periods(api, named)
    assert until is not None and since is not None and until <= since and still is None


@pytest.mark.parametrize("way", ["give", "take"])
def test_who_waits_for_a_subject_keeps_no_customer_from_a_merge(api: Api, world: World, way: str) -> None:
    kept, ended = make(api)["id"], make(api)["id"]
    give(api, kept, "s")
    with ExitStack() as open_one:
        first = open_one.enter_context(transaction(world))
        store.lock_all(first.conn, world.workspace_id)

        def work(uow: UnitOfWork) -> None:
            subjects.give(uow, kept, NewSubject(subject="t")) if way == "give" else subjects.take(uow, kept, "s", None)

        def meanwhile() -> None:
            merging.merge(first, kept, ended)
            open_one.close()

        while_it_waits(world, work, meanwhile)
    assert [until is None for _, _, until in periods(api, kept)] == ([True, True] if way == "give" else [False])
