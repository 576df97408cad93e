"""The audit log's chain: each link is a SHA-256 over an entry's exact content and the hash before it.

Changing, removing or reordering an entry or a link breaks the chain from there. Cutting off its end does not: for that the
sealing schedule keeps the last hash of every workspace outside the database (`chain_head_gateway`).
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

GENESIS = bytes(32)
"""What stands before the first link."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of the log. `changes` is the database's own text of the JSON, so that no parser's rounding hides a change."""

    id: str
    workspace_id: str
    actor_type: str
    actor_id: str
    action: str
    resource_type: str
    resource_id: str
    changes: str
    personal: bytes
    occurred_at: datetime
    recorded_at: datetime

    def content(self) -> bytes:
        """The canonical bytes: a JSON array of all fields, instants in UTC, sealed bytes in hex."""
        return json.dumps(
            [
                self.id, self.workspace_id, self.actor_type, self.actor_id, self.action, self.resource_type, self.resource_id,
                self.changes, bytes(self.personal).hex(), _instant(self.occurred_at), _instant(self.recorded_at),
            ],
            ensure_ascii=True, separators=(",", ":"),
        ).encode()  # fmt: skip


@dataclass(frozen=True, slots=True)
class Link:
    """One link. The place in the chain is part of the hash."""

    seq: int
    audit_id: str
    prev_hash: bytes
    hash: bytes
    sealed_at: datetime


@dataclass(frozen=True, slots=True)
class Break:
    """Where a chain does not hold, and why."""

    seq: int | None
    audit_id: str | None
    reason: str


def hash_of(prev_hash: bytes, seq: int, entry: Entry) -> bytes:
    """The hash of the link at `seq`."""
    return hashlib.sha256(bytes(prev_hash) + seq.to_bytes(8, "big") + entry.content()).digest()


def extend(last: Link | None, entries: Iterable[Entry], at: datetime) -> list[Link]:
    """Links for entries that follow the last one."""
    seq, prev_hash = (last.seq, bytes(last.hash)) if last else (0, GENESIS)
    links: list[Link] = []
    for entry in entries:
        seq += 1
        links.append(Link(seq, entry.id, prev_hash, hash_of(prev_hash, seq, entry), at))
        prev_hash = links[-1].hash
    return links


def first_break(last: Link | None, links: Iterable[Link], entries: Mapping[str, Entry]) -> Break | None:
    """Check links that follow `last` against their entries; None when all hold."""
    seq, prev_hash = (last.seq, bytes(last.hash)) if last else (0, GENESIS)
    for link in links:
        seq += 1
        if link.seq != seq:
            return Break(seq, None, f"link {seq} is missing")
        entry = entries.get(link.audit_id)
        if entry is None:
            return Break(seq, link.audit_id, "the entry is missing")
        if bytes(link.prev_hash) != prev_hash:
            return Break(seq, link.audit_id, "the link does not follow the one before it")
        if bytes(link.hash) != hash_of(prev_hash, seq, entry):
            return Break(seq, link.audit_id, "the entry or its link was changed")
        prev_hash = bytes(link.hash)
    return None


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")
