"""Rules of members that hold between transactions that run at once."""

import time
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from infra.local.postgres import Postgres
from oppulence.kernel import crypto
from oppulence.kernel.scopes import ADMIN, Role
from oppulence.kernel.uow import Actor, Scope, UnitOfWork
from oppulence.tenancy import members
from oppulence.tenancy.errors import LastOwner
from tests.support.world import World
from tests.tenancy.people import People, Someone


def begin(postgres: Postgres, workspace_id: str, by: Someone) -> UnitOfWork:
    """A transaction of its own, as another process would have it."""
    conn = psycopg.connect(postgres.url, autocommit=True)
    conn.execute("SET ROLE tenancy")
    conn.execute("BEGIN")
    conn.execute("SELECT set_config('app.workspace_id', %s, true)", (workspace_id,))
    return UnitOfWork(conn, Scope("tenancy", workspace_id, Actor("user", by.user_id, scopes=frozenset({ADMIN}))))


def test_of_two_owners_who_step_down_at_once_one_stays(postgres: Postgres, world: World, people: People) -> None:
    crypto.warm("tenancy", world.workspace_id)
    first, second = people.member("owner"), people.member("owner")
    one, other = begin(postgres, world.workspace_id, first), begin(postgres, world.workspace_id, second)
    members.change_role(one, first.member_id, Role.VIEWER)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(members.change_role, other, second.member_id, Role.VIEWER)
        time.sleep(0.2)
        assert not waiting.done()
        one.conn.execute("COMMIT")
        with pytest.raises(LastOwner):
            waiting.result(timeout=5)
    for uow in (one, other):
        uow.conn.close()
