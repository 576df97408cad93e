"""Idempotency of writes: the answer to a key is kept, and a repeat gets it again instead of a second effect.

PostgreSQL is the authority: the answer commits with the effect. DynamoDB holds a copy for 24 h, so that most repeats need
no transaction. Answers are sealed under the workspace's key. 401, 422, 429 and 5xx are not kept: they may be tried again.

A route that calls a provider opens transactions of its own. Its key is kept as started before the first of them, so that after
a crash only the very same request goes on under it.
"""

import hashlib
import hmac
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, LiteralString

from psycopg import sql
from psycopg.rows import class_row

from oppulence.kernel import crypto, db, environment, telemetry
from oppulence.kernel.errors import IdempotencyInProgress, IdempotencyKeyReused, InvalidBody

if TYPE_CHECKING:
    from oppulence.kernel.db import Connection
    from oppulence.kernel.request import Request

MAX_KEY_LENGTH = 255
FAST_PATH_S = 24 * 3_600
_PURPOSE = "idempotency"
_STARTED = 0
"""In place of an answer's status."""


@dataclass(frozen=True, slots=True)
class Key:
    """A caller's key for one request, and what that request was."""

    schema: str
    workspace_id: str
    text: str
    fingerprint: bytes
    request_id: str = ""

    @property
    def item_id(self) -> str:
        """Name of the copy in DynamoDB."""
        return f"{self.schema}#{self.workspace_id}#{self.text}"

    @property
    def lock_number(self) -> int:
        """What PostgreSQL's advisory locks know it by."""
        return int.from_bytes(hashlib.sha256(self.item_id.encode()).digest()[:8], "big", signed=True)


@dataclass(frozen=True, slots=True)
class Kept:
    """A kept answer."""

    status: int
    body: bytes


@dataclass(frozen=True, slots=True)
class _Row:
    fingerprint: bytes
    status: int
    response: bytes


def key_of(schema: str, workspace_id: str, text: str, request: "Request") -> Key:
    """The key of a request: its fingerprint is over method, path, query and raw body.

    Raises:
        InvalidBody: the key is empty or longer than 255 characters.
    """
    if not 1 <= len(text) <= MAX_KEY_LENGTH or not text.isprintable():
        raise InvalidBody(f"Idempotency-Key takes 1 to {MAX_KEY_LENGTH} printable characters.", param="Idempotency-Key")
    what = "\0".join((request.method, request.path, request.query_string)).encode()
    return Key(schema, workspace_id, text, hashlib.sha256(what + b"\0" + request.body).digest(), request.id)


def begin(conn: "Connection", key: Key) -> Kept | None:
    """Claim the key for this transaction, or return the answer it already has.

    Raises:
        IdempotencyInProgress: a request with this key is running.
        IdempotencyKeyReused: the key came with another request before.
    """
    claimed = conn.execute("SELECT pg_try_advisory_xact_lock(%s)", (key.lock_number,)).fetchone()
    if not claimed or not claimed[0]:
        raise _in_progress()
    with conn.cursor(row_factory=class_row(_Row)) as cur:
        row = cur.execute(
            _statement(key, "SELECT fingerprint, status, response FROM {}.idempotency WHERE workspace_id = %s AND key = %s"),
            (key.workspace_id, key.text),
        ).fetchone()
    if row is None:
        return None
    _check(key, row)
    return None if row.status == _STARTED else _opened(crypto.keyring(conn, key.workspace_id, row.response), key, row)


def start(conn: "Connection", key: Key) -> None:
    """Keep the key as started, in the caller's transaction."""
    conn.execute(
        _statement(key, "INSERT INTO {}.idempotency (workspace_id, key, fingerprint, status, response)"
                        " VALUES (%s, %s, %s, %s, '') ON CONFLICT DO NOTHING"),
        (key.workspace_id, key.text, key.fingerprint, _STARTED),
    )  # fmt: skip


def give_up(conn: "Connection", key: Key) -> None:
    """Forget that the key was started: the request was refused, and may be corrected under the same key."""
    conn.execute(
        _statement(key, "DELETE FROM {}.idempotency WHERE workspace_id = %s AND key = %s AND status = %s"),
        (key.workspace_id, key.text, _STARTED),
    )


@contextmanager
def held(key: Key) -> Iterator[None]:
    """Claim the key for work that opens transactions of its own: for the session, which frees it also when the process dies.

    Raises:
        IdempotencyInProgress: a request with this key is running.
        Unavailable: PostgreSQL cannot be reached.
    """
    claimed = db.read(key.schema, lambda conn: conn.execute("SELECT pg_try_advisory_lock(%s)", (key.lock_number,)).fetchone())
    if not claimed or not claimed[0]:
        raise _in_progress()
    try:
        yield
    finally:
        db.forget_unless(key.schema, lambda conn: conn.execute("SELECT pg_advisory_unlock(%s)", (key.lock_number,)))


def keep(conn: "Connection", key: Key, answer: Kept) -> bytes | None:
    """Keep the answer in the caller's transaction; returns it sealed, or None where another answer is kept already."""
    sealed = crypto.keyring(conn, key.workspace_id).seal(answer.body, _PURPOSE)
    written = conn.execute(
        _statement(key, "INSERT INTO {}.idempotency AS i (workspace_id, key, fingerprint, status, response)"
                        " VALUES (%s, %s, %s, %s, %s) ON CONFLICT (workspace_id, key)"
                        " DO UPDATE SET status = excluded.status, response = excluded.response WHERE i.status = %s"),
        (key.workspace_id, key.text, key.fingerprint, answer.status, sealed, _STARTED),
    )  # fmt: skip
    return sealed if written.rowcount else None


def keep_copy(key: Key, answer: Kept) -> None:
    """Keep the answer on the fast path alone: enough where a repeat after that has no second effect either."""
    copy(key, answer.status, db.read(key.schema, lambda conn: crypto.keyring(conn, key.workspace_id)).seal(answer.body, _PURPOSE))


def copy(key: Key, status: int, sealed: bytes) -> None:
    """Put a copy on the fast path. Without it a repeat is answered from PostgreSQL."""
    from botocore.exceptions import BotoCoreError, ClientError

    from oppulence.kernel.aws import client

    try:
        client("dynamodb").put_item(
            TableName=environment.required("IDEMPOTENCY_TABLE"),
            Item={
                "id": {"S": key.item_id}, "fingerprint": {"B": key.fingerprint}, "status": {"N": str(status)},
                "response": {"B": sealed}, "expires_at": {"N": str(int(time.time()) + FAST_PATH_S)},
            },
        )  # fmt: skip
    except (BotoCoreError, ClientError) as error:
        telemetry.logger().warning("idempotency_copy_failed", extra={"reason": str(error)})


def look_up(conn: "Connection", key: Key) -> Kept | None:
    """The answer on the fast path, if it has one; a table that is away only makes the answer come from PostgreSQL.

    Raises:
        IdempotencyKeyReused: the key came with another request before.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    from oppulence.kernel.aws import client

    try:
        item = (
            client("dynamodb")
            .get_item(TableName=environment.required("IDEMPOTENCY_TABLE"), Key={"id": {"S": key.item_id}})
            .get("Item")
        )
    except (BotoCoreError, ClientError) as error:
        telemetry.logger().warning("idempotency_table_unavailable", extra={"reason": str(error)})
        return None
    if item is None or int(item["expires_at"]["N"]) < time.time():
        return None
    row = _Row(bytes(item["fingerprint"]["B"]), int(item["status"]["N"]), bytes(item["response"]["B"]))
    return _opened(crypto.keyring(conn, key.workspace_id, row.response), key, row)


def is_kept(status: int) -> bool:
    """Whether an answer of this status is the final word."""
    return status < 500 and status not in (401, 422, 429)


def _in_progress() -> IdempotencyInProgress:
    return IdempotencyInProgress("A request with this Idempotency-Key is still running. Try again in a second.", retry_after=1)


def _check(key: Key, row: _Row) -> None:
    if not hmac.compare_digest(bytes(row.fingerprint), key.fingerprint):
        raise IdempotencyKeyReused(
            "This Idempotency-Key was used with another method, path, query or body. Use a new key.", param="Idempotency-Key"
        )


def _opened(ring: crypto.Keyring, key: Key, row: _Row) -> Kept:
    _check(key, row)
    return Kept(row.status, ring.open(bytes(row.response), _PURPOSE))


def _statement(key: Key, text: LiteralString) -> sql.Composed:
    return sql.SQL(text).format(sql.Identifier(key.schema))
