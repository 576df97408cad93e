"""Paths into an event's data: the part of JSONPath (RFC 9535) that names exactly one value.

`$` is the data; `.name` and `['any name']` are members, `[0]` and `[-1]` elements. Wildcards, slices, filters and `..` name
many values and are refused. A path is read, never run, and one that leads nowhere names an absent value.
"""

import re
from functools import lru_cache
from typing import Any, Final

MAX_LENGTH, MAX_STEPS = 512, 16

Step = str | int
ABSENT: Final = object()
"""What stands at a path that leads nowhere."""

_NAME = re.compile(r"[A-Za-z_\u0080-\U0010ffff][\w\u0080-\U0010ffff]*", re.ASCII)
_INDEX = re.compile(r"\[(0|-?[1-9][0-9]{0,5})\]", re.ASCII)
_QUOTED = re.compile(r"""\['((?:[^'\\\x00-\x1f]|\\['\\])*)'\]|\["((?:[^"\\\x00-\x1f]|\\["\\])*)"\]""")
_ESCAPED = re.compile(r"\\(.)")


class InvalidPath(ValueError):
    """Text that is no path; the message says where and what to write."""


@lru_cache(maxsize=4096)
def parse(text: str) -> tuple[Step, ...]:
    """The steps of a path.

    Raises:
        InvalidPath: it is none of ours.
    """
    if len(text) > MAX_LENGTH:
        raise InvalidPath(f"A path has at most {MAX_LENGTH} characters; this one has {len(text)}.")
    if not text.startswith("$"):
        raise InvalidPath("A path begins with '$', such as $.tokens or $.usage['input tokens'].")
    steps: list[Step] = []
    at = 1
    while at < len(text):
        step, at = _step(text, at)
        steps.append(step)
    if len(steps) > MAX_STEPS:
        raise InvalidPath(f"A path has at most {MAX_STEPS} steps; this one has {len(steps)}.")
    return tuple(steps)


def value_at(data: Any, steps: tuple[Step, ...]) -> Any:  # noqa: ANN401
    """What stands there in parsed JSON, or ABSENT."""
    for step in steps:
        if isinstance(step, str):
            if not isinstance(data, dict) or step not in data:
                return ABSENT
        elif not isinstance(data, list) or not -len(data) <= step < len(data):
            return ABSENT
        data = data[step]
    return data


def _step(text: str, at: int) -> tuple[Step, int]:
    where = f"At character {at + 1}: "
    if text[at] == ".":
        if found := _NAME.match(text, at + 1):
            return found[0], found.end()
        if text[at + 1 : at + 2] in (".", "*"):
            raise InvalidPath(f"{where}'..' and '*' name many values. Write a path to one value.")
        raise InvalidPath(f"{where}after '.' comes a name of letters, digits and '_'. Write other names as ['a-b'].")
    if found := _INDEX.match(text, at):
        return int(found[1]), found.end()
    if found := _QUOTED.match(text, at):
        return _ESCAPED.sub(r"\1", found[1] if found[1] is not None else found[2]), found.end()
    if text[at] == "[":
        raise InvalidPath(f"{where}in brackets stands one index, as in [0], or one quoted name, as in ['a b'].")
    raise InvalidPath(f"{where}write .name, ['name'] or [0]. Names with other signs are quoted: ['a-b'].")
