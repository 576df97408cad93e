"""Those who change the same subjects take turns, and who waited goes on from what the other left."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest

from oppulence.customers import api as customers_api
from oppulence.customers import manage, merging, subjects
from oppulence.customers.models import CustomerChange, CustomerDetails, NewCustomer, NewSubject
from oppulence.customers.store import subjects as store
from oppulence.kernel import clock, db
from oppulence.kernel.uow import STATEMENT_TIMEOUT_MS, Scope, UnitOfWork
from tests.customers.support import give, make, periods
from tests.support.api import Api
from tests.support.world import World

WAITS = "SELECT count(*) FROM pg_stat_activity WHERE usename IN ('customers', 'ledger') AND wait_event_type = 'Lock'"
WAYS: dict[str, Callable[[UnitOfWork, str], Any]] = {
    "create": lambda uow, _: manage.create(uow, NewCustomer(key="acme")),
    "put": lambda uow, _: manage.put(uow, "acme", CustomerDetails()),
    "change": lambda uow, present: manage.change(uow, present, CustomerChange(key="acme")),
}


@contextmanager
def transaction(world: World, context: str = "customers") -> Iterator[UnitOfWork]:
    """A unit of work on a connection of its own, as in another process; committed at the end."""
    with db._connect(context) as conn:
        conn.execute(db._opening(world.workspace_id, "READ COMMITTED", STATEMENT_TIMEOUT_MS))
        yield UnitOfWork(conn, Scope(context, world.workspace_id))
        conn.execute("COMMIT")


def while_it_waits(
    world: World, work: Callable[[UnitOfWork], Any], meanwhile: Callable[[], None], context: str = "customers"
) -> Any:
    """What a use case gives that had to wait: for what happens meanwhile, after which nothing keeps it waiting."""

    def follow() -> Any:
        with transaction(world, context) as uow:
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


def test_who_asks_as_of_a_moment_ago_waits_for_those_who_write(api: Api, world: World) -> None:
    kept, ended = make(api, key="a")["id"], make(api, key="b")["id"]
    long_ago = clock.now() - timedelta(minutes=1)

    def ask(uow: UnitOfWork, at: datetime) -> Any:
        periods = customers_api.periods_of(uow.conn, kept, at)
        with transaction(world) as other:
            store.lock_all(other.conn, world.workspace_id)  # who asks keeps nobody waiting
        return [one.subject for one in periods], customers_api.resolved(uow.conn, ["b"], at)

    with ExitStack() as open_one:
        merging.merge(open_one.enter_context(transaction(world)), kept, ended)
        at = clock.now()
        assert world.within("ledger", lambda uow: customers_api.periods_of(uow.conn, kept, long_ago)) == []
        assert while_it_waits(world, lambda uow: ask(uow, at), open_one.close, "ledger") == (["a", "b"], {"b": kept})
