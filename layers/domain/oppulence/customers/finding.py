"""Finding customers by words: how, so that neither rare nor frequent words take long."""

from dataclasses import replace

from oppulence.customers.store import terms as store
from oppulence.customers.store.terms import Found, Search
from oppulence.kernel.db import Connection

RARE = 5_000
"""A word that fits fewer terms is rare: they are looked at one by one."""

GLANCE = 5
"""So many terms for each row of a page are looked at before frequent words are compared as whole sets."""

LEADS = 3
"""So many frequent words are tried as the leading one."""


def find(conn: Connection, wanted: Search, lead: str | None) -> tuple[str, list[Found]]:
    """A page of customers whom all words fit, and the word whose terms give its order: `lead` on a page that goes on.

    A rare word leads: the others are checked for each of its terms. When all words are frequent, a page is soon full if
    one of them mostly comes with the others: a glance at each tells. If none does, the words' sets are intersected.
    """
    if len(wanted.words) == 1:
        return wanted.words[0], store.first(conn, wanted, None)
    counts = {word: store.count(conn, wanted.status, word, RARE) for word in wanted.words}
    words = sorted(counts, key=lambda word: (counts[word], -len(word), word))
    if counts[words[0]] == 0:
        return words[0], []
    leads = [lead] if lead in counts else words
    if counts[leads[0]] < RARE:
        return leads[0], store.first(conn, _led(wanted, words, leads[0]), RARE)
    for one in leads[:LEADS]:
        rows = store.first(conn, _led(wanted, words, one), GLANCE * wanted.most)
        if len(rows) == wanted.most:
            return one, rows
    return leads[0], store.all_at_once(conn, _led(wanted, words, leads[0]))


def _led(wanted: Search, words: list[str], lead: str) -> Search:
    """The search with a word first, and then the rarest."""
    return replace(wanted, words=[lead, *(word for word in words if word != lead)])
