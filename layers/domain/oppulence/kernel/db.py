"""One PostgreSQL connection per process and role, opened on first use and opened again when it breaks."""

import dataclasses
from collections.abc import Callable, Hashable, Mapping
from functools import cache, lru_cache
from typing import TypeVar, cast

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo
from psycopg.pq import TransactionStatus

from oppulence.kernel import environment
from oppulence.kernel.errors import Unavailable

Connection = psycopg.Connection[tuple[object, ...]]
T = TypeVar("T")

_STORE_IS_DOWN = ("08", "53", "57P")
"""SQLSTATE classes of a server that cannot serve: connection, resources, shutdown."""

_NOTICES_DEATH: dict[str, str] = {
    "keepalives_idle": "5", "keepalives_interval": "2", "keepalives_count": "3", "tcp_user_timeout": "10000",
}  # fmt: skip
"""A server that vanishes without a word, as in a failover, is noticed before the function's own time is over."""

REPLICA = "@replica"
"""Ends the name of a role's second connection, to the replica."""

_connections: dict[str, Connection] = {}


class NestedTransaction(RuntimeError):
    """A transaction was begun inside another one of the same process and role."""


def connection(role: str) -> Connection:
    """The process's connection as a role, in autocommit: transactions are opened by name, in one round trip.

    Raises:
        Unavailable: the server cannot be reached.
    """
    conn = _connections.get(role)
    if conn is None or conn.closed or conn.broken:
        conn = _connections[role] = _connect(role)
    return conn


def forget(role: str) -> None:
    """Close and drop a role's connection."""
    conn = _connections.pop(role, None)
    if conn is not None:
        conn.close()


def forget_unless(role: str, action: Callable[[Connection], object]) -> None:
    """Act on the kept connection, if there is one; where that fails, drop it, and all that the session held."""
    conn = _connections.get(role)
    if conn is None:
        return
    try:
        action(conn)
    except psycopg.Error:
        forget(role)


def close_all() -> None:
    """Close every connection of this process."""
    for role in list(_connections):
        forget(role)


def is_down(error: BaseException) -> bool:
    """Whether an error means that the server is away, rather than that it refused the statement."""
    if isinstance(error, psycopg.errors.ReadOnlySqlTransaction):
        return True  # a failover has left this connection with what is now a replica
    if not isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        return False
    return error.sqlstate is None or error.sqlstate.startswith(_STORE_IS_DOWN)


def read(role: str, query: Callable[[Connection], T]) -> T:
    """Run one read outside a transaction, on a fresh connection if the kept one has died meanwhile.

    Raises:
        Unavailable: the server cannot be reached.
    """
    try:
        return query(connection(role))
    except psycopg.Error as error:
        if not is_down(error):
            raise
        forget(role)
    try:
        return query(connection(role))
    except psycopg.Error as error:
        if is_down(error):
            forget(role)
            raise Unavailable("The database is not reachable. Try again in a few seconds.") from error
        raise


def fetch_rows(conn: Connection, kind: type[T], statement: str, parameters: Mapping[str, object]) -> list[T]:
    """All rows of a statement as dataclasses, whose fields are its columns in their order.

    The columns give the types; nothing is validated. With `slots` and not `frozen` a row costs a tenth of what a model does.

    Raises:
        TypeError: the columns are not the fields.
    """
    cur = conn.execute(statement.encode(), parameters)
    columns = tuple(column.name for column in cur.description or ())
    fields = _fields(cast("Hashable", kind))
    if columns != fields:
        raise TypeError(f"{kind.__name__} has the fields {fields}, but the statement gives {columns}")
    return [kind(*row) for row in cur.fetchall()]


@cache
def _fields(kind: type[object]) -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(kind))  # type: ignore[arg-type]


def begin(role: str, workspace_id: str | None, isolation: str, timeout_ms: int) -> Connection:
    """Open a transaction under a workspace's policy, in one round trip; a dead kept connection is replaced once.

    `workspace_id` is None for work that spans workspaces: then row-level security shows no rows at all.

    Raises:
        Unavailable: the server cannot be reached.
        NestedTransaction: this process is in a transaction of that role already.
    """
    statement = _opening(workspace_id or "", isolation, timeout_ms)

    def run(conn: Connection) -> Connection:
        if conn.info.transaction_status is TransactionStatus.INTRANS:
            raise NestedTransaction(f"a unit of work of {role} was opened inside another one: the inner would commit the outer")
        try:
            conn.execute(statement)
        except psycopg.Error:
            conn.close()  # it may stand in a transaction that failed to open
            raise
        return conn

    return read(role, run)


@lru_cache(maxsize=256)
def _opening(workspace_id: str, isolation: str, timeout_ms: int) -> bytes:
    """The statements that open a transaction; put together once for the workspaces of a warm process."""
    statement = sql.SQL(
        "BEGIN ISOLATION LEVEL {isolation};"
        " SELECT set_config('app.workspace_id', {workspace}, true),"
        " set_config('statement_timeout', {timeout}, true), set_config('lock_timeout', '3000', true),"
        " set_config('idle_in_transaction_session_timeout', '30000', true)"
    ).format(isolation=sql.SQL(isolation), workspace=sql.Literal(workspace_id), timeout=sql.Literal(str(timeout_ms)))
    return statement.as_bytes()


def _connect(role: str) -> Connection:
    role, at, _ = role.partition(REPLICA)
    options = {
        "host": environment.required("PG_READER_HOST" if at else "PG_HOST"),
        "port": environment.optional("PG_PORT") or "5432",
        "dbname": environment.optional("PG_DATABASE") or "oppulence",
    }
    if environment.optional("PG_AUTH") == "iam":
        options |= {"password": _iam_token(role, options), "sslmode": "require"}
    try:
        address = make_conninfo(
            user=role, connect_timeout=3, application_name=environment.function_name(), **_NOTICES_DEATH, **options
        )
        return psycopg.connect(address, autocommit=True, prepare_threshold=None)
    except psycopg.OperationalError as error:
        raise Unavailable("The database is not reachable. Try again in a few seconds.") from error


def _iam_token(role: str, options: dict[str, str]) -> str:
    from oppulence.kernel.aws import client

    token: str = client("rds").generate_db_auth_token(DBHostname=options["host"], Port=int(options["port"]), DBUsername=role)
    return token
