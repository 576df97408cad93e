"""The embedded engine: a connection per request, or per session, prepared as the HTTP interface's parameters say.

One process owns the data directory, any number of connections share it, and a new one costs about 0.1 ms; so what a
request sets dies with its connection. A session keeps its connection, and gets its settings back after each request.
"""

import re
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chdb.state import connect

from infra.local.clickhouse_bridge.errors import failure, from_engine

# What a server does by default and the embedded engine does not, and limits that keep a laptop usable.
DEFAULTS = {"implicit_select": 0, "max_memory_usage": 4_000_000_000, "max_execution_time": 300}
SETTING = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")
SESSION_WAIT_S = 10  # a server answers SESSION_IS_LOCKED at once; clients sharing one between threads would notice
MAX_SESSIONS = 2000
ENGINE_ERRORS = (RuntimeError, UnicodeDecodeError)  # chdb's own exception is a RuntimeError


@dataclass(frozen=True)
class Context:
    """What a request asks of its connection. `session_timeout_s` counts from the session's last use."""

    database: str | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    session_id: str | None = None
    session_timeout_s: float = 60
    session_must_exist: bool = False


@dataclass
class Session:
    """A kept connection; `before` holds the values, by name, that settings of requests cover (None: the default)."""

    connection: Any
    timeout_s: float
    used_at: float
    lock: threading.Lock = field(default_factory=threading.Lock)
    database: str = "default"
    before: dict[str, str | None] = field(default_factory=dict)


class Engine:
    """The one engine of this process, on one data directory."""

    def __init__(self, data: Path) -> None:
        self._address = f"{data}?" + "&".join(f"{name}={value}" for name, value in DEFAULTS.items())
        self._root = connect(self._address)  # the engine lives while a connection is open
        self._sessions: dict[str, Session] = {}
        self._lock = threading.Lock()
        version, timezone = self._root.query("SELECT version(), timezone()", "TSV").bytes().decode().split()
        self.version: str = version
        self.timezone: str = timezone

    def close(self) -> None:
        """End all sessions and the engine, which writes out what it holds. No request may be running."""
        for session in self._sessions.values():
            session.connection.close()
        self._root.close()

    @contextmanager
    def connection(self, context: Context, word: str) -> Iterator[Any]:
        """A prepared connection for one statement whose first keyword is `word`.

        Raises:
            Failure: unknown setting or database, or the session is busy, unknown or one too many.
        """
        if context.session_id is None:
            connection = connect(self._address)
            try:
                execute(connection, *preparation(context))
                yield connection
            finally:
                connection.close()
            return
        session = self._session(context.session_id, context)
        if not session.lock.acquire(timeout=SESSION_WAIT_S):
            raise failure(373, "SESSION_IS_LOCKED", f"Session {context.session_id} is locked by a concurrent client")
        try:
            yield from self._in_session(session, context, word)
        finally:
            session.used_at = time.monotonic()
            session.lock.release()

    def _in_session(self, session: Session, context: Context, word: str) -> Iterator[Any]:
        """Lend a session's connection and take the request's settings back; SET and USE themselves are to stay."""
        if word in {"SET", "USE"}:
            yield session.connection
            session.before.clear()
            session.database = value(session.connection, "SELECT currentDatabase()")
            return
        self._remember(session, context.settings)
        try:
            execute(session.connection, *preparation(context))
            yield session.connection
        finally:
            old = (
                f"{name} = {'DEFAULT' if (was := session.before[name]) is None else literal(was)}" for name in context.settings
            )
            back = [f"SET {', '.join(old)}"] if context.settings else []
            execute(session.connection, *back, *([use(session.database)] if context.database else []))

    def _remember(self, session: Session, settings: Mapping[str, str]) -> None:
        if missing := [name for name in settings if name not in session.before]:
            names = ", ".join(literal(name) for name in missing)
            query = f"SELECT name, value FROM system.settings WHERE changed AND name IN ({names}) FORMAT TSVRaw"
            rows = session.connection.query(query, "TSVRaw").bytes().decode().splitlines()
            session.before |= dict.fromkeys(missing) | dict(row.split("\t", 1) for row in rows)

    def _session(self, key: str, context: Context) -> Session:
        now = time.monotonic()
        with self._lock:
            for name, old in list(self._sessions.items()):
                if now - old.used_at > old.timeout_s and old.lock.acquire(blocking=False):
                    self._sessions.pop(name).connection.close()
            session = self._sessions.get(key)
            if session is None and context.session_must_exist:
                raise failure(372, "SESSION_NOT_FOUND", f"Session {key} not found")
            if session is None and len(self._sessions) >= MAX_SESSIONS:
                raise failure(202, "TOO_MANY_SIMULTANEOUS_QUERIES", f"More than {MAX_SESSIONS} sessions")
            if session is None:
                session = self._sessions[key] = Session(connect(self._address), context.session_timeout_s, now)
            session.used_at, session.timeout_s = now, context.session_timeout_s
            return session


def preparation(context: Context) -> list[str]:
    """The statements that make a connection what the request's parameters say."""
    for name in context.settings:
        if not SETTING.fullmatch(name):
            raise failure(115, "UNKNOWN_SETTING", f"Unknown setting '{name}'")
    pairs = ", ".join(f"{name} = {literal(text)}" for name, text in context.settings.items())
    return ([use(context.database)] if context.database else []) + ([f"SET {pairs}"] if pairs else [])


def execute(connection: Any, *statements: str) -> None:
    for statement in statements:
        try:
            connection.query(statement, "TSV")
        except ENGINE_ERRORS as error:
            raise from_engine(error) from error


def value(connection: Any, query: str) -> str:
    return str(connection.query(query, "TSVRaw").bytes().decode().rstrip("\n"))


def use(database: str) -> str:
    return "USE `" + database.replace("\\", "\\\\").replace("`", "\\`") + "`"


def literal(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
