"""How long raw events are kept here, and where they go then.

Events whose time is over leave in parts: a part is written to the bucket, read back and compared, and only then are exactly its
rows deleted, together with the note of where they went. A crash in between leaves the rows, and the next run writes the part
again in its place.
"""

import gzip
import hashlib
import io
import json
from base64 import b64decode, b64encode
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import psycopg
from pydantic_core import to_json

from oppulence.kernel import crypto, db, telemetry
from oppulence.kernel.crypto import Keyring
from oppulence.kernel.errors import AppError
from oppulence.kernel.uow import Scope, UnitOfWork, in_transaction
from oppulence.sync import bucket_gateway
from oppulence.sync import retention_store as store
from oppulence.sync.models import SyncSettings, SyncSettingsChange
from oppulence.sync.retention_store import Export, Kept

DEFAULT_DAYS = 400
"""A year and five weeks: a yearly invoice, and what was said of the one before, can still be replayed."""

LEAST_DAYS = 35
"""Stripe shows events of 30 days; the reconciler compares them with what is kept."""

MONTHS_AHEAD = timedelta(days=92)
_MONTHS_A_RUN = 50
_PURPOSE = "raw_events"


class ExportUnreadable(RuntimeError):
    """What the bucket gives back is not what was written: nothing was deleted."""


def settings(uow: UnitOfWork) -> SyncSettings:
    """What the workspace wants of its mirror, or the defaults."""
    return SyncSettings(raw_retention_days=store.retention_days(uow.conn, DEFAULT_DAYS))


def change_settings(uow: UnitOfWork, wanted: SyncSettingsChange) -> SyncSettings:
    """Change what was sent. A shorter time holds from the next day on."""
    before = settings(uow)
    if "raw_retention_days" not in wanted.model_fields_set or wanted.raw_retention_days == before.raw_retention_days:
        return before
    after = SyncSettings(raw_retention_days=wanted.raw_retention_days)
    store.save_retention_days(uow.conn, uow.workspace_id, after.raw_retention_days, uow.now)
    uow.audit("sync_settings.changed", "sync_settings", uow.workspace_id, before=before.model_dump(), after=after.model_dump())
    return after


def add_months(uow: UnitOfWork) -> int:
    """Make the partitions of this and the next months, where they are missing; returns how many were."""
    return store.add_months(uow.conn, uow.now.date(), (uow.now + MONTHS_AHEAD).date())


def export_expired(scope: Scope) -> dict[str, int]:
    """Take out the events whose time is over. A workspace that fails is tried again in the next run; the others go on."""
    done = {"events": 0, "failed": 0}
    for workspace_id, month in in_transaction(scope, lambda uow: store.expired(uow.conn, DEFAULT_DAYS, uow.now, _MONTHS_A_RUN)):
        try:
            within = replace(scope, workspace_id=workspace_id)
            ring = db.read(scope.context, lambda conn, one=workspace_id: crypto.keyring(conn, one))  # type: ignore[misc]
            while count := _export_part(within, ring, month):
                done["events"] += count
        except (AppError, psycopg.Error, ExportUnreadable) as error:
            telemetry.logger().error("raw_events_not_exported", exc_info=error, extra={"workspace_id": workspace_id})
            done["failed"] += 1
    return done


def lines(ring: Keyring, sealed: bytes) -> Iterator[dict[str, Any]]:
    """The events of an exported part; `body` is the exact bytes."""
    for line in gzip.decompress(ring.open(sealed, _PURPOSE)).splitlines():
        event: dict[str, Any] = json.loads(line)
        yield event | {"body": b64decode(event["body"])}


def _export_part(scope: Scope, ring: Keyring, month: date) -> int:
    """Take out the oldest events of an expired month; returns how many, 0 when none is left."""
    rows = in_transaction(scope, lambda uow: store.part(uow.conn, month, DEFAULT_DAYS, uow.now))
    if not rows:
        return 0
    prefix = f"raw_events/{ring.workspace_id}/{month:%Y-%m}/{rows[0].arrival:019d}"
    sealed = ring.seal(_packed(rows), _PURPOSE)
    export = Export(
        s3_key=f"{prefix}.ndjson.gz.sealed", month=month, events=len(rows), sha256=hashlib.sha256(sealed).hexdigest(),
        first_received_at=min(one.received_at for one in rows), last_received_at=max(one.received_at for one in rows),
    )  # fmt: skip
    manifest = to_json(export.__dict__ | {"types": Counter(one.type for one in rows)}, indent=1)
    bucket_gateway.write(export.s3_key, sealed)
    bucket_gateway.write(f"{prefix}.manifest.json", manifest)
    _verify(ring, export, rows)
    in_transaction(scope, lambda uow: store.take_out(uow.conn, uow.workspace_id, export, rows, uow.now))
    return len(rows)


def _packed(rows: Sequence[Kept]) -> bytes:
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=6, mtime=0) as file:
        for one in rows:
            file.write(to_json(one.__dict__ | {"body": b64encode(one.body).decode()}) + b"\n")
    return packed.getvalue()


def _verify(ring: Keyring, export: Export, rows: Sequence[Kept]) -> None:
    stored = bucket_gateway.read(export.s3_key)
    if hashlib.sha256(stored).hexdigest() != export.sha256:
        raise ExportUnreadable(f"{export.s3_key} was not stored as it was written")
    if [(one["arrival"], one["body"]) for one in lines(ring, stored)] != [(one.arrival, one.body) for one in rows]:
        raise ExportUnreadable(f"{export.s3_key} does not hold the events that it is to replace")
