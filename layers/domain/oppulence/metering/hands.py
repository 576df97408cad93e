"""Whose rows are, in statements: what owners of subjects were, and are after each change of hands.

A server takes some microseconds for each value of a list wherever the list is mentioned. So `histories` is mentioned once in a
SELECT; what else is said there of a row's owners goes by the name that it gives them.
"""

from collections.abc import Sequence
from datetime import datetime
from itertools import accumulate

from oppulence.metering.attribution import Owned
from oppulence.metering.parameters import Parameters

FOREVER = 2**63 - 1
"""Microseconds since 1970; long after any usage."""

_LAST = "arrayLastIndex(at -> at <= toUnixTimestamp64Micro(time), hands.1)"
"""The number of the change of hands before the row; 0: there was none."""

_OWNER = f"if({_LAST} = 0, '', hands.2[{_LAST}])"
_LATER, _OTHERS, _BEFORE = (
    f"arraySlice({one}, {_LAST} + 1)" for one in ("hands.1", "hands.2", "arrayPopBack(arrayPushFront(hands.2, ''))")
)

MOVES = f"""arrayConcat([(toUnixTimestamp64Micro(time), 0, {_OWNER})],
  arrayFlatten(arrayMap((at, one, other) -> [(at, 1, one), (at, 2, other)], {_LATER}, {_BEFORE}, {_OTHERS})))"""
"""All that a row comes to, as (when, what, whose): 0 as it is, and from each change of hands on 1 taken, 2 given."""

TENURES = f"""arrayZip(arrayPushFront({_LATER}, toUnixTimestamp64Micro(time)),
  arrayPushBack({_LATER}, toInt64({FOREVER})), arrayPushFront({_OTHERS}, {_OWNER}))"""
"""Whose a row is, as (from when, until when, whose) in order of time."""


def owner(owned: Sequence[Owned], given: Parameters) -> str:
    """The customer whose a row is, '' if nobody's; where subjects change hands, `histories` are among the SELECT's conditions."""
    if not owned:
        return "''"
    if _change(owned):
        return _OWNER
    subjects, names = given.many([one.subject for one in owned]), given.many([one.customer_id for one in owned])
    return f"transform(subject, {subjects}, {names}, '')"


def histories(owned: Sequence[Owned], given: Parameters) -> list[str]:
    """A condition that always holds and names `hands`: when the row's subject changed hands, and into whose. [] if none does."""
    if not _change(owned):
        return []
    found = points(owned)
    ends = list(accumulate((len(some) for some in found.values()), initial=0))
    number = f"transform(subject, {given.many(list(found))}, range(1, {len(found) + 1}), 0) AS hands_number"
    starts, lengths = given.many(ends[:-1], "UInt32"), given.many([len(some) for some in found.values()], "UInt32")
    times = given.many([at for some in found.values() for at, _ in some], "Int64")
    names = given.many([name for some in found.values() for _, name in some])
    own = f"{starts}[{number}] + 1, {lengths}[hands_number]"  # the place 0 has 0, of nothing
    return [f"length(arraySlice(arrayZip({times}, {names}), {own}) AS hands) >= 0"]


def _change(owned: Sequence[Owned]) -> bool:
    """Whether subjects change hands."""
    return any(one.since or one.until for one in owned)


def points(owned: Sequence[Owned]) -> dict[str, list[tuple[int, str]]]:
    """By subject (from when on, whose), '' being nobody's, in order of time; each changes hands."""
    found: dict[str, list[tuple[int, str]]] = {}
    for one in sorted(owned, key=lambda owned: micros(owned.since)):
        own = found.setdefault(one.subject, [])
        if own and own[-1][0] == micros(one.since):
            own.pop()
        if not own or own[-1][1] != one.customer_id:
            own.append((micros(one.since), one.customer_id))
        if one.until is not None:
            own.append((micros(one.until), ""))
    return found


def micros(at: datetime | None) -> int:
    """Microseconds since 1970; long before any usage for None."""
    if at is None:
        return -(10**16)
    whole = int(at.replace(microsecond=0).timestamp())
    return whole * 1_000_000 + at.microsecond
