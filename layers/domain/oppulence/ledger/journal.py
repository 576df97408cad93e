"""Posting facts, and reading the books."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, cast

from oppulence.kernel.consume import Received
from oppulence.kernel.errors import NotYet
from oppulence.kernel.ids import new_id
from oppulence.kernel.uow import Scope, UnitOfWork, in_transaction
from oppulence.ledger import store
from oppulence.ledger.events import EntryPosted, PostedAmount
from oppulence.ledger.models import Draft, EntryFilter, NewEntry, Posted, opposite_of
from oppulence.sync.events import Fact

Rule = Callable[[Any], list[Draft]]


@dataclass(frozen=True, slots=True)
class Occurrence:
    """A fact and the instant it became true."""

    fact: Fact
    at: datetime


def post_received(received: list[Received], rule: Rule) -> int:
    """Post a batch of one workspace's facts of one type in one transaction; returns how many entries are new.

    No inbox: each fact is posted once by its own name, which outlives any inbox row.

    Raises:
        NotYet: one of them builds on an entry that is not there yet; none was posted.
    """
    occurrences = [Occurrence(cast(Fact, one.event), one.envelope.occurred_at) for one in received]
    return in_transaction(Scope("ledger", received[0].envelope.workspace_id), lambda uow: post(uow, occurrences, rule))


def post(uow: UnitOfWork, occurrences: Sequence[Occurrence], rule: Rule) -> int:
    """Post facts by their rule; returns how many entries are new: facts that were posted before are left alone.

    Raises:
        NotYet: one of them builds on an entry that is not there yet.
    """
    # One order for everyone, so that batches with the same facts do not lock each other out.
    drafted = sorted(
        ((one, draft) for one in occurrences for draft in rule(one.fact)), key=lambda pair: (pair[0].fact.object_id, pair[1].kind)
    )
    if not drafted:
        return 0
    keys = {_key(one.fact, draft.after) for one, draft in drafted if draft.after}
    before = store.posted_entries(uow.conn, keys) if keys else {}
    entries = [_entry(one, draft, before) for one, draft in drafted]
    new = store.insert_entries(uow.conn, uow.workspace_id, uow.now, entries)
    for entry in entries:
        if entry.id in new:
            uow.emit(_posted(entry), entry.posted_at)
    return len(new)


def _posted(entry: NewEntry) -> EntryPosted:
    return EntryPosted(
        entry_id=entry.id, kind=entry.kind, object_id=entry.object_id, account=entry.provider_account,
        reverses_id=entry.reverses_id, postings=[PostedAmount(**asdict(posting)) for posting in entry.postings],
    )  # fmt: skip


def _entry(one: Occurrence, draft: Draft, before: dict[store.Key, Posted]) -> NewEntry:
    fact = one.fact
    first = before.get(_key(fact, draft.after)) if draft.after else None
    if draft.after and first is None:
        raise NotYet(f"{draft.kind} of {fact.object_id} waits for its {draft.after}, which is not in the ledger yet")
    reversed_entry = first if draft.reverses else None
    return NewEntry(
        id=new_id("je"), posted_at=one.at, kind=draft.kind, description=draft.description, object_id=fact.object_id,
        provider_account=fact.account, source_event_id=fact.provider_event_id,
        reverses_id=reversed_entry.id if reversed_entry else None,
        postings=opposite_of(reversed_entry.postings) if reversed_entry else draft.postings,
    )  # fmt: skip


def _key(fact: Fact, kind: str) -> store.Key:
    return fact.account, fact.object_id, kind


def entries(uow: UnitOfWork, filters: EntryFilter, after: tuple[Any, ...] | None, most: int) -> list[dict[str, Any]]:
    """At most `most` entries with their postings, latest first, that come after the entry with key (posted_at, id)."""
    return store.list_entries(uow.conn, filters, after, most)
