"""What a search compares: terms and words in one normal form, so that a prefix of one is a prefix of the other.

A search is a range over stored terms: `word <= term < after(word)`, in the order of code points.
"""

import unicodedata
from collections.abc import Iterable

from oppulence.customers.errors import TooManyWords

TERM_MAX = 128
"""Longer terms and words are cut to this many characters."""

WORDS_MAX = 8
_LAST = "\U0010ffff"
_DROPPED = frozenset({"Mn", "Me", "Cf", "Cc", "Cs"})


def normal(text: str) -> str:
    """Text without case, accents, compatibility forms and invisible characters; white space becomes single spaces."""
    text = " ".join(unicodedata.normalize("NFKD", text).split())
    while (folded := _fold(text)) != text:
        text = folded
    return text


def terms_of(key: str | None, name: str | None, emails: Iterable[str]) -> set[str]:
    """The terms that find a customer: its key, its addresses, and the words of its name.

    A word with signs in it (`o'neil-diaz`) is also found by what follows a sign, and without signs.
    """
    whole = [term for text in (*([key] if key else ()), *emails) for term in normal(text).split()]
    words = [form for word in normal(name or "").split() for form in _forms(word)]
    return {term[:TERM_MAX] for term in (*whole, *words)}


def words_of(query: str) -> list[str]:
    """The words of a query, the longest first, none the beginning of another.

    Raises:
        TooManyWords: more than `WORDS_MAX`.
    """
    found = {word[:TERM_MAX] for text in normal(query).split() if (word := text.rstrip(",;"))}
    kept = [word for word in found if not any(other != word and other.startswith(word) for other in found)]
    if len(kept) > WORDS_MAX:
        raise TooManyWords(f"A search takes at most {WORDS_MAX} words.", param="query")
    return sorted(kept, key=lambda word: (-len(word), word))


def after(word: str) -> str:
    """The end of the range of terms that begin with a word."""
    return word + _LAST


def _fold(text: str) -> str:
    folded = unicodedata.normalize("NFKD", text.upper().casefold())  # by way of the capitals, which ı and i share
    return " ".join("".join(c for c in folded if c == " " or unicodedata.category(c) not in _DROPPED).split())


def _forms(word: str) -> set[str]:
    tails = {word[at:] for at in range(1, len(word)) if word[at].isalnum() and not word[at - 1].isalnum()}
    return tails | {word} | ({plain} if (plain := "".join(c for c in word if c.isalnum())) else set())
