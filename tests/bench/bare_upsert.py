"""What `ingest_batch` compares with: two statements for a batch in one transaction, its JSON already read and written again."""

from pydantic_core import to_json

from oppulence.kernel import clock, db
from oppulence.kernel.uow import STATEMENT_TIMEOUT_MS
from oppulence.sync.stripe_events import StripeEvent

CONNECTION_ID = "conn_00000000000000000000"
_RAW = """
    INSERT INTO sync.raw_events (workspace_id, connection_id, received_at, last_received_at, via, exact, status, event_id,
                                 account, type, object_type, object_id, created_at, body)
    SELECT %s, %s, %s, %s, 'webhook', true, 'applied', * FROM unnest(%b::text[], %b::text[], %b::text[], %b::text[], %b::text[],
                                                %b::timestamptz[], %b::bytea[])
    ON CONFLICT (workspace_id, account, event_id, created_at) DO UPDATE SET deliveries = raw_events.deliveries + 1
"""
_OBJECTS = """
    INSERT INTO sync.objects (workspace_id, updated_at, version, account, type, id, data, deleted, event_id, event_created_at)
    SELECT %s, %s, 1, k.account, k.type, k.id, k.data::jsonb, k.deleted, k.event_id, k.created_at
      FROM unnest(%b::text[], %b::text[], %b::text[], %b::text[], %b::boolean[], %b::text[], %b::timestamptz[])
           AS k (account, type, id, data, deleted, event_id, created_at)
    ON CONFLICT (workspace_id, account, type, id) DO UPDATE
       SET data = excluded.data, deleted = excluded.deleted, event_id = excluded.event_id,
           event_created_at = excluded.event_created_at, updated_at = excluded.updated_at, version = objects.version + 1
     WHERE objects.event_created_at <= excluded.event_created_at
"""


def connect() -> db.Connection:
    """A connection of its own with the role and settings of the consumer's."""
    return db._connect("sync")


def run(conn: db.Connection, workspace_id: str, bodies: list[bytes], events: list[StripeEvent]) -> None:
    """One transaction under the workspace's policy. Of an object's events the last one gives its state."""
    now = clock.real_now()
    states = list({one.key: one for one in events if one.has_object}.values())
    conn.execute(db._opening(workspace_id, "READ COMMITTED", STATEMENT_TIMEOUT_MS))
    conn.execute(
        _RAW,
        (
            workspace_id, CONNECTION_ID, now, now, [one.id for one in events], [one.account for one in events],
            [one.type for one in events], [one.object_type for one in events], [one.object_id for one in events],
            [one.created_at for one in events], bodies,
        ),
    )  # fmt: skip
    conn.execute(
        _OBJECTS,
        (
            workspace_id, now, [one.account for one in states], [one.object_type for one in states],
            [one.object_id for one in states], [to_json(one.object).decode() for one in states],
            [one.removes for one in states], [one.id for one in states], [one.created_at for one in states],
        ),
    )  # fmt: skip
    conn.execute("COMMIT")
