"""The unit of work: one transaction of one workspace, the events it makes true, and the time it happens at."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import psycopg
from pydantic_core import to_json

from oppulence.kernel import clock, db, outbox, pausing, telemetry
from oppulence.kernel.errors import Unavailable
from oppulence.kernel.events import Event
from oppulence.kernel.ids import new_id

if TYPE_CHECKING:
    from oppulence.kernel.db import Connection

T = TypeVar("T")
Isolation = Literal["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"]

STATEMENT_TIMEOUT_MS = 15_000
_TRIES = 4
_RETRY_AFTER_S = (0.01, 0.05, 0.2)


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, for the audit log."""

    type: Literal["user", "api_key", "system"]
    id: str
    ip_address: str | None = None
    user_agent: str | None = None
    scopes: frozenset[str] = frozenset()


SYSTEM = Actor("system", "system")


@dataclass(frozen=True, slots=True)
class Scope:
    """Where a unit of work runs: the context whose role it has, the workspace whose rows it sees, and who acts.

    `path` is the request's, empty outside one: cursors are bound to it.
    """

    context: str
    workspace_id: str | None
    actor: Actor = SYSTEM
    isolation: Isolation = "READ COMMITTED"
    timeout_ms: int = STATEMENT_TIMEOUT_MS
    path: str = ""
    replica: bool = False

    @property
    def session(self) -> str:
        """Which of the process's connections it runs on."""
        return f"{self.context}{db.REPLICA}" if self.replica else self.context


@dataclass
class UnitOfWork:
    """What a use case gets: a connection inside a transaction, the workspace, the actor, the time, and `emit`."""

    conn: "Connection"
    scope: Scope
    _outbox: list[outbox.OutboxRow] = field(default_factory=list)
    _after_commit: list[Callable[[], None]] = field(default_factory=list)

    @property
    def workspace_id(self) -> str:
        """The workspace whose rows this transaction sees."""
        if self.scope.workspace_id is None:
            raise LookupError("this unit of work spans workspaces and has none of its own")
        return self.scope.workspace_id

    @property
    def actor(self) -> Actor:
        """Who acts."""
        return self.scope.actor

    @cached_property
    def now(self) -> datetime:
        """Domain time, the same for the whole unit of work."""
        return clock.now()

    def emit(self, event: Event, occurred_at: datetime | None = None) -> str:
        """Announce a fact: a row of this transaction, published after its commit; returns the event's id.

        `occurred_at` is when the fact became true; `now` unless a provider said otherwise.
        """
        event_id = new_id("ev")
        envelope = {  # the fields of `Envelope`; to make one of them and then write it takes three times as long
            "id": event_id, "type": event.type, "version": event.version, "workspace_id": self.workspace_id,
            "occurred_at": occurred_at or self.now, "traceparent": telemetry.traceparent(), "data": event,
        }  # fmt: skip
        row = outbox.OutboxRow(event_id, self.workspace_id, event.type, to_json(envelope, by_alias=False).decode())
        self._outbox.append(outbox.check_size(row))
        return event_id

    def audit(self, action: str, resource_type: str, resource_id: str, **changes: Any) -> None:  # noqa: ANN401
        """Record an action in the workspace's audit log, in this transaction.

        `before` and `after` hold what changed, without personal data; `metadata` anything else worth knowing.
        `personal` is kept encrypted under the workspace's key, so that erasing the key erases it.
        """
        from oppulence.kernel import crypto

        personal = changes.pop("personal", None)
        actor = self.actor
        who = {"ip_address": actor.ip_address, "user_agent": actor.user_agent, **(personal or {})}
        sealed = crypto.seal_json(self.conn, self.workspace_id, {k: v for k, v in who.items() if v}, "audit")
        what = (action, resource_type, resource_id, to_json(changes).decode())
        self.conn.execute(
            "SELECT tenancy.record_audit(%s, %s, %s, %s, %s, %s, %s, %s, %s)",
            (new_id("aud"), actor.type, actor.id, *what, sealed, self.now),
        )  # fmt: skip

    def after_commit(self, action: Callable[[], None]) -> None:
        """Run an action once the transaction has committed. It must not raise: what it does may be repaired, not undone."""
        self._after_commit.append(action)

    def _commit(self) -> None:
        if self._outbox:
            outbox.insert(self.conn, self.scope.context, self._outbox)
        pausing.note_write(self.conn)
        if self.conn.execute("COMMIT").statusmessage != "COMMIT":
            raise RuntimeError("nothing was committed: a statement failed and the use case went on; use a savepoint for that")
        if self._outbox:
            published = outbox.publish(self.scope.context, self._outbox)
            _drop_published(self.scope.context, published)
        for action in self._after_commit:
            action()


def in_transaction(scope: Scope, work: Callable[[UnitOfWork], T]) -> T:
    """Run work in one transaction; commit, then publish its events. Serialization failures and deadlocks are tried again.

    Raises:
        Unavailable: PostgreSQL cannot be reached; nothing was committed, or (rarely, when it died during the commit) the
            outcome is unknown: callers are idempotent.
    """
    for attempt in range(_TRIES):
        conn = db.begin(scope.session, scope.workspace_id, scope.isolation, scope.timeout_ms)
        uow = UnitOfWork(conn, scope)
        try:
            result = work(uow)
            uow._commit()
        except (psycopg.errors.SerializationFailure, psycopg.errors.DeadlockDetected):
            _roll_back(conn, scope)
            if attempt == _TRIES - 1:
                raise
            time.sleep(_RETRY_AFTER_S[attempt])
        except BaseException as error:
            _roll_back(conn, scope)
            if db.is_down(error):
                db.forget(scope.session)
                raise Unavailable("The database went away. Try again in a few seconds.") from error
            raise
        else:
            return result
    raise AssertionError("unreachable")


def _roll_back(conn: "Connection", scope: Scope) -> None:
    """Leave the connection clean, or drop it."""
    try:
        conn.execute("ROLLBACK")
    except psycopg.Error:
        db.forget(scope.session)


def _drop_published(context: str, ids: list[str]) -> None:
    """Published rows leave the outbox; if that fails they are published again by the sweeper, which is harmless."""
    if not ids:
        return
    try:
        outbox.drop(db.connection(context), context, ids)
    except (psycopg.Error, Unavailable) as error:
        db.forget(context)
        telemetry.logger().warning("outbox_not_dropped", extra={"reason": str(error), "events": len(ids)})
