"""Routes that may read from a replica do so where there is one, and from the writer when it is away."""

import pytest

from oppulence.kernel import db
from oppulence.kernel.capabilities import Postgres
from oppulence.kernel.http import Model, route
from oppulence.kernel.uow import UnitOfWork
from tests.kernel.support import CONTEXT, call, key_of
from tests.support.world import World

USES = (Postgres(CONTEXT),)
NOBODY = "127.0.0.2"


class Backend(Model):
    pid: int


def backend(uow: UnitOfWork) -> Backend:
    (pid,) = uow.conn.execute("SELECT pg_backend_pid()").fetchone() or (0,)
    return Backend(pid=int(str(pid)))


@route("GET", "/v1/test/replica", scope="sync:read", uses=USES, replica=True)
def replicated(uow: UnitOfWork) -> Backend:
    return backend(uow)


@route("GET", "/v1/test/writer", scope="sync:read", uses=USES)
def written(uow: UnitOfWork) -> Backend:
    return backend(uow)


@pytest.fixture(autouse=True)
def fresh() -> None:
    db.close_all()


def test_where_there_is_a_replica_it_is_read_from(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    key = key_of(world)
    assert call(replicated, key).body == call(written, key).body, "without one there is one connection"
    monkeypatch.setenv("PG_READER_HOST", "127.0.0.1")
    assert call(replicated, key).body != call(written, key).body


def test_the_writer_answers_when_the_replica_is_away(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    key = key_of(world)
    monkeypatch.setenv("PG_READER_HOST", NOBODY)
    answer = call(replicated, key)
    assert answer.status == 200 and answer.body == call(written, key).body
