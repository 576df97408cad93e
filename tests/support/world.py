"""A small world for tests: workspaces with keys, events on their way, and consumers that run when told."""

from typing import Any

import psycopg

from oppulence.kernel import crypto
from oppulence.kernel.auth import hash_key
from oppulence.kernel.events import Envelope, Event
from oppulence.kernel.ids import new_id, random_text
from oppulence.kernel.uow import Scope, in_transaction
from tests.support import cloud, entries


class World:
    """`workspace_id` is a test workspace on the business plan; more are made on demand."""

    def __init__(self, admin: psycopg.Connection) -> None:
        self.admin = admin
        self._keys: dict[tuple[str, tuple[str, ...]], str] = {}
        self.workspace_id = self.workspace()

    def workspace(self, *, mode: str = "test", plan: str = "business", settings: str = "{}") -> str:
        """A new workspace with its data key; returns its id."""
        workspace_id = new_id("ws")
        self.admin.execute(
            "INSERT INTO tenancy.workspaces (id, name, slug, mode, plan, settings, created_by, created_at, updated_at)"
            " VALUES (%s, 'Acme', %s, %s, %s, %s, 'test', now(), now())",
            (workspace_id, workspace_id, mode, plan, settings),
        )
        self.admin.execute(
            "INSERT INTO tenancy.data_keys (workspace_id, version, wrapped, created_at) VALUES (%s, 1, %s, now())",
            (workspace_id, crypto.new_wrapped_key(workspace_id)),
        )
        return workspace_id

    def api_key(self, scopes: list[str], workspace_id: str) -> str:
        """A key with these scopes; the same one when asked again."""
        slot = (workspace_id, tuple(sorted(scopes)))
        if slot not in self._keys:
            self._keys[slot] = key = f"op_test_{random_text(32)}"
            self.admin.execute(
                "INSERT INTO tenancy.api_keys (id, workspace_id, name, key_hash, prefix, scopes, created_by, created_at)"
                " VALUES (%s, %s, 'test', %s, %s, %s, 'test', now())",
                (new_id("key"), workspace_id, hash_key(key), key[:12], scopes),
            )
        return self._keys[slot]

    def within(self, context: str, work: Any, workspace_id: str | None = None) -> Any:
        """Run a use case as a context, in a unit of work of a workspace (the first, if none is named)."""
        scope = Scope(context, workspace_id or self.workspace_id)
        return in_transaction(scope, lambda uow: work(uow))

    def emitted(self, *, workspace_id: str | None = None, bus: str = "domain") -> list[str]:
        """Types and versions of the events a bus took for a workspace since the last look, such as `sync.invoice.paid.v1`."""
        return [f"{one.type}.v{one.version}" for one in self.envelopes(workspace_id=workspace_id, bus=bus)]

    def envelopes(self, *, workspace_id: str | None = None, bus: str = "domain") -> list[Envelope]:
        """The same events, whole."""
        found = [Envelope.model_validate_json(one["Detail"]) for one in cloud.emitted(bus)]
        return [one for one in found if one.workspace_id == (workspace_id or self.workspace_id)]

    def deliver(self, consumer: str, *events: Event | Envelope, workspace_id: str | None = None) -> list[str]:
        """Hand events to a consumer as one queue batch; returns the ids of messages that go back to the queue."""
        workspace = workspace_id or self.workspace_id
        envelopes = [one if isinstance(one, Envelope) else entries.envelope(workspace, one) for one in events]
        result = entries.entry(consumer)(entries.queue_batch(*envelopes), None)
        return [failure["itemIdentifier"] for failure in result["batchItemFailures"]]

    def count(self, table: str, workspace_id: str | None = None) -> int:
        """Rows of a table that a workspace has."""
        query = f"SELECT count(*) FROM {table} WHERE workspace_id = %s"
        row = self.admin.execute(query.encode(), (workspace_id or self.workspace_id,)).fetchone()
        assert row is not None
        return int(row[0])
