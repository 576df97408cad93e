"""The audit log: read it, seal it, verify it. Entries are written by `uow.audit`, from every context."""

import json
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from oppulence.kernel import clock, crypto, telemetry
from oppulence.kernel.crypto import KeyErased
from oppulence.kernel.pagination import After
from oppulence.kernel.uow import Scope, UnitOfWork, in_transaction
from oppulence.tenancy import chain, chain_head_gateway
from oppulence.tenancy.chain import Break, Entry, Link
from oppulence.tenancy.chain_head_gateway import Head
from oppulence.tenancy.events import AuditLogSealed
from oppulence.tenancy.models import AuditActor, AuditEvent, AuditResource
from oppulence.tenancy.store import audit as store

SEAL_MAX = 5_000
_VERIFY_BATCH = 2_000
_OVERDUE = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Verification:
    """What a check of one workspace's log found. `unsealed` entries are younger than the last sealing."""

    workspace_id: str
    sealed: int
    unsealed: int
    last_hash: str | None
    broken: Break | None


def entries(uow: UnitOfWork, filters: dict[str, Any], after: After | None, most: int) -> list[AuditEvent]:
    """Entries, newest first, with their personal data opened."""
    return [_opened(uow, entry) for entry in store.list_entries(uow.conn, filters, after, most)]


def seal_all(scope: Scope) -> int:
    """Link the entries that wait, workspace by workspace; returns how many.

    A workspace that another sealer holds is left to it. Entries of a transaction that has not committed are not seen, and get
    their links in the next run.

    Raises:
        Unavailable: all is sealed, but heads could not be kept in S3; those of the next sealing will be.
    """
    sealed, heads = 0, {}
    for workspace_id in in_transaction(scope, lambda uow: store.workspaces_to_seal(uow.conn)):
        of_workspace = replace(scope, workspace_id=workspace_id)
        while links := in_transaction(of_workspace, seal):
            sealed += len(links)
            heads[workspace_id] = links[-1]
            telemetry.log("audit_sealed", workspace_id=workspace_id, seq=links[-1].seq, hash=links[-1].hash.hex())
            if len(links) < SEAL_MAX:
                break
    for workspace_id, link in heads.items():  # afterwards: where S3 fails, logs are sealed all the same
        chain_head_gateway.write(workspace_id, link)
    return sealed


def seal(uow: UnitOfWork) -> list[Link]:
    """Link the workspace's waiting entries, at most `SEAL_MAX`; empty when another sealer is at it.

    The lock is taken before the chain's end is read, and each statement sees what was committed by then: no two links
    share a place and none is left out.
    """
    if not store.lock_chain(uow.conn, uow.workspace_id):
        return []
    links = chain.extend(store.last_link(uow.conn), store.pending(uow.conn, SEAL_MAX), clock.real_now())
    if links:
        store.add_links(uow.conn, uow.workspace_id, links)
        uow.emit(AuditLogSealed(first_seq=links[0].seq, last_seq=links[-1].seq))
    return links


def verify(uow: UnitOfWork, head: Head | None = None) -> Verification:
    """Compute every link of the workspace's log anew and name the first that does not hold.

    An entry that was recorded an hour before the last sealing and still has no link did not come by `uow.audit`, or
    lost its link: that is a break too. So is a chain that does not hold the head that was kept outside, read before.
    Use REPEATABLE READ, so that a sealing meanwhile is not taken for one.
    """
    seen = head is None
    last: Link | None = None
    while links := store.links_after(uow.conn, last.seq if last else 0, _VERIFY_BATCH):
        broken = chain.first_break(last, links, store.entries(uow.conn, [link.audit_id for link in links]))
        if broken:
            return Verification(uow.workspace_id, last.seq if last else 0, 0, last.hash.hex() if last else None, broken)
        seen = seen or any(Head(link.seq, link.hash.hex()) == head for link in links)
        last = links[-1]
    rest = store.unsealed(uow.conn)
    overdue = last is not None and rest.oldest_at is not None and rest.oldest_at < last.sealed_at - _OVERDUE
    broken = Break(None, rest.oldest_id, "the entry was never sealed") if overdue else None
    if head and not seen:
        broken = Break(head.seq, None, "the head that was kept outside the database is not in the chain")
    return Verification(uow.workspace_id, last.seq if last else 0, rest.rows, last.hash.hex() if last else None, broken)


def verify_all(scope: Scope) -> list[Verification]:
    """Verify the log of every workspace, the erased ones too."""
    workspaces = in_transaction(scope, lambda uow: store.audited_workspaces(uow.conn))
    return [verify_one(scope, workspace_id) for workspace_id in workspaces]


def verify_one(scope: Scope, workspace_id: str) -> Verification:
    """Verify one workspace's log against the head that is kept outside, if there is one.

    Raises:
        Unavailable: the heads cannot be reached.
    """
    head = chain_head_gateway.read(workspace_id)
    snapshot = replace(scope, workspace_id=workspace_id, isolation="REPEATABLE READ")
    return in_transaction(snapshot, lambda uow: verify(uow, head))


def _opened(uow: UnitOfWork, entry: Entry) -> AuditEvent:
    try:
        personal: dict[str, Any] = crypto.open_json(uow.conn, uow.workspace_id, entry.personal, "audit")
    except KeyErased:
        personal = {}
    changes: dict[str, Any] = json.loads(entry.changes)
    metadata = changes.pop("metadata", None)
    return AuditEvent(
        id=entry.id,
        occurred_at=entry.occurred_at,
        actor=AuditActor.model_validate(
            {
                "type": entry.actor_type,
                "id": entry.actor_id,
                "ip_address": personal.pop("ip_address", None),
                "user_agent": personal.pop("user_agent", None),
            }
        ),
        action=entry.action,
        resource=AuditResource(type=entry.resource_type, id=entry.resource_id),
        changes=changes or None,
        metadata=metadata,
        personal=personal or None,
    )
