"""Objects that listed ones name and the mirror lacks."""

from collections.abc import Collection, Sequence

from oppulence.connections.errors import ProviderObjectMissing, ProviderRefused
from oppulence.sync.backfill.listing import Lister, Page
from oppulence.sync.object_types import ObjectType, retrieve_path
from oppulence.sync.observing import Observed

MOST = 1_000
"""Objects that are fetched one by one for one type of one backfill: beyond that, listing their type is the way."""

Named = tuple[str, str]
"""Type and id."""


def named_in(kind: ObjectType, pages: Sequence[Page], coming: Collection[str]) -> dict[str, list[Named]]:
    """By account, what the pages' objects name, without types that are `coming` by themselves."""
    found: dict[str, dict[Named, None]] = {}
    fields = [(name, type) for name, type in kind.related if type not in coming]
    for one in (one for page in pages for one in page.seen) if fields else ():
        for name, type in fields:
            value = one.object.get(name)
            if isinstance(value, str) and value:
                found.setdefault(one.account, {})[type, value] = None
    return {account: list(names) for account, names in found.items()}


def fetch(lister: Lister, account: str, named: Named) -> Observed | None:
    """One object; None when Stripe has it no more, or does not show it.

    Raises:
        ProviderKeyRefused, Unavailable, TooSoon
    """
    type, id = named
    path = retrieve_path(type, id)
    if path is None:
        return None
    try:
        answer = lister.ask(path, None, account)
    except (ProviderObjectMissing, ProviderRefused):
        return None
    return Observed(account, answer.json(), answer.asked_at)
