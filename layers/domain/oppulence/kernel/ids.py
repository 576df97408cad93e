"""Identifiers: `<prefix>_` and 20 characters, sortable by the millisecond they were made in."""

import hashlib
import re
import secrets
import time

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
"""ASCII order, so that text order (`COLLATE "C"`) is the order of creation."""

_TIME_CHARS = 8
_RANDOM_CHARS = 12
PATTERN = r"^[a-z]+_[0-9A-Za-z]{20}$"
_SHAPE = re.compile(PATTERN.strip("^$"))


def new_id(prefix: str) -> str:
    """A fresh id: 8 characters of milliseconds since 1970, 12 random ones (71 bits)."""
    return f"{prefix}_{_encode(time.time_ns() // 1_000_000, _TIME_CHARS)}{random_text(_RANDOM_CHARS)}"


def id_of(prefix: str, *parts: str) -> str:
    """The id of what these parts name: the same parts give the same id. It says nothing of when it was made."""
    digest = hashlib.sha256("\x1f".join(parts).encode()).digest()
    return f"{prefix}_{_encode(int.from_bytes(digest) % 62**20, _TIME_CHARS + _RANDOM_CHARS)}"


def random_text(length: int) -> str:
    """Cryptographically random base62 text of `length` characters."""
    return _encode(secrets.randbelow(62**length), length)


def is_id(text: str, prefix: str) -> bool:
    """Whether text has the shape of an id with this prefix."""
    return text.startswith(f"{prefix}_") and _SHAPE.fullmatch(text) is not None


def _encode(number: int, width: int) -> str:
    digits = []
    for _ in range(width):
        number, digit = divmod(number, 62)
        digits.append(ALPHABET[digit])
    return "".join(reversed(digits))
