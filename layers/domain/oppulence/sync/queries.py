"""Reading the mirror: newest change first, by keyset."""

from collections.abc import Sequence

from psycopg.rows import class_row

from oppulence.kernel.db import Connection, fetch_rows
from oppulence.kernel.pagination import After, Page, paginate
from oppulence.kernel.uow import UnitOfWork
from oppulence.sync.errors import ObjectNotFound
from oppulence.sync.models import EventQuery, ObjectQuery, SyncEvent, SyncObject

_OBJECT = "id, type, nullif(account, '') AS account, deleted, data, event_created_at, updated_at"


def list_objects(uow: UnitOfWork, object_type: str, query: ObjectQuery) -> Page[SyncObject]:
    """Objects of one type, the latest changed first."""
    return paginate(
        uow, query, lambda after, most: _objects(uow.conn, object_type, query, (after, most)),
        key=lambda one: (one.updated_at, one.id, one.account or ""),
    )  # fmt: skip


def get_object(uow: UnitOfWork, account: str | None, object_type: str, object_id: str) -> SyncObject:
    """One object.

    Raises:
        ObjectNotFound: the mirror has none of this account, type and id.
    """
    with uow.conn.cursor(row_factory=class_row(SyncObject)) as cur:
        found = cur.execute(
            f"SELECT {_OBJECT} FROM sync.objects WHERE account = %s AND type = %s AND id = %s AND version > 0",
            (account or "", object_type, object_id),
        ).fetchone()
    if found is None:
        raise ObjectNotFound(
            f"No {object_type} {object_id} in the mirror. Check the id, and `account` for a connected account's."
        )
    return found


def list_events(uow: UnitOfWork, query: EventQuery) -> Page[SyncEvent]:
    """Webhooks, the last received first."""
    return paginate(
        uow, query, lambda after, most: _events(uow.conn, query, (after, most)), key=lambda one: (one.received_at, one.id)
    )


def _objects(conn: Connection, object_type: str, query: ObjectQuery, page: tuple[After | None, int]) -> Sequence[SyncObject]:
    after, most = page
    with conn.cursor(row_factory=class_row(SyncObject)) as cur:
        return cur.execute(
            f"""
            SELECT {_OBJECT} FROM sync.objects
             WHERE type = %(type)s AND version > 0
               AND (%(account)s::text IS NULL OR account = %(account)s)
               AND (%(deleted)s::boolean IS NULL OR deleted = %(deleted)s)
               AND (%(since)s::timestamptz IS NULL OR updated_at >= %(since)s)
               AND (%(at)s::timestamptz IS NULL OR (updated_at, id, account) < (%(at)s, %(id)s, %(id_account)s))
             ORDER BY updated_at DESC, id DESC, account DESC LIMIT %(most)s
            """,
            {
                "type": object_type, "account": query.account, "deleted": query.deleted, "since": query.updated_since,
                "at": after and after[0], "id": after and after[1], "id_account": after and after[2], "most": most,
            },
        ).fetchall()  # fmt: skip


def _events(conn: Connection, query: EventQuery, page: tuple[After | None, int]) -> Sequence[SyncEvent]:
    after, most = page
    return fetch_rows(
        conn,
        SyncEvent,
        """
        SELECT event_id AS id, type, nullif(account, '') AS account, status, received_at, deliveries, error
          FROM sync.raw_events
         WHERE (%(type)s::text IS NULL OR type = %(type)s)
           AND (%(status)s::text IS NULL OR status = %(status)s)
           AND (%(since)s::timestamptz IS NULL OR received_at >= %(since)s)
           AND (%(at)s::timestamptz IS NULL OR (received_at, event_id) < (%(at)s, %(id)s))
         ORDER BY received_at DESC, event_id DESC LIMIT %(most)s
        """,
        {
            "type": query.type, "status": query.status, "since": query.since, "at": after and after[0],
            "id": after and after[1], "most": most,
        },
    )  # fmt: skip
