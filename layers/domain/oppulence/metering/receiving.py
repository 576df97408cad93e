"""Receiving a request's events: each is judged by itself, and what can be taken is accepted."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict  # the standard one, before Python 3.12, says too little for a schema

from oppulence.kernel import clock
from oppulence.kernel.request import Model
from oppulence.kernel.uow import Scope, UnitOfWork, in_transaction
from oppulence.metering import ingest
from oppulence.metering.cloudevents import Defaults, Refused, Sent, read
from oppulence.metering.errors import EventsRejected
from oppulence.metering.windows import EARLIEST
from oppulence.tenancy import api as tenancy

KEPT_S = 30.0
_MAX_KEPT = 1000


class EventResult(TypedDict):
    """What became of one event."""

    index: Annotated[int, Field(description="Its place in the request, from 0.")]
    status: Annotated[
        Literal["accepted", "duplicate", "rejected"],
        Field(description="`duplicate`: an earlier event of this request has its source and id, and rules."),
    ]
    id: NotRequired[Annotated[str, Field(description="The id that it was given, as it came without.")]]
    field: NotRequired[Annotated[str, Field(description="What is wrong; absent when it is the event as a whole.")]]
    reason: NotRequired[str]


class Received(Model):
    """What became of a request's events. Of an id that was sent before, in whatever request, the first event stored rules."""

    accepted: int
    duplicates: int
    rejected: int
    results: list[EventResult]


@dataclass(frozen=True, slots=True)
class Sending:
    """A request with events: its body, its headers by lower-case names, and what makes ids of its own."""

    body: bytes
    headers: Mapping[str, str]
    seed: str


def receive(scope: Scope, sending: Sending, *, atomic: bool = False) -> Received:
    """Take what can be taken; with `atomic` all or nothing. A repeat with the same seed changes nothing.

    Raises:
        UnsupportedMediaType, InvalidBody, TooManyEvents: see `cloudevents.read`.
        EventsRejected: `atomic`, and some cannot be taken.
        Unavailable: the queue does not answer.
    """
    found = read(sending.body, sending.headers, defaults_for(scope, sending.seed))
    refused = [one for one in found if isinstance(one, Refused)]
    if atomic and refused:
        raise EventsRejected(
            f"{len(refused)} of {len(found)} events cannot be taken, so none was. Correct those that `rejected` names.",
            rejected=[{"index": one.index, "field": one.field, "reason": one.reason} for one in refused],
        )
    taken, repeated = without_repeats(found)
    if taken:
        ingest.accept(scope, [one.event for one in taken])
    results = [_result(one, repeated) for one in found]
    return Received.model_construct(accepted=len(taken), duplicates=len(repeated), rejected=len(refused), results=results)


def without_repeats(found: Sequence[Sent | Refused]) -> tuple[list[Sent], set[int]]:
    """The first event of each source and id, and the places of the others."""
    seen: set[tuple[str, str]] = set()
    taken: list[Sent] = []
    repeated: set[int] = set()
    for one in found:
        if isinstance(one, Sent):
            key = (one.event.source, one.event.id)
            if key in seen:
                repeated.add(one.index)
            else:
                seen.add(key)
                taken.append(one)
    return taken, repeated


def defaults_for(scope: Scope, seed: str) -> Defaults:
    """What stands in for what an event leaves out, and how old one may be."""
    caller, now = _caller(scope), clock.now()
    oldest = now - timedelta(days=caller.max_age_days) if caller.max_age_days else EARLIEST
    return Defaults(seed, caller.source, now, oldest)


@dataclass(frozen=True, slots=True)
class _Caller:
    """The name of who sends, and the age to which their workspace takes events."""

    source: str
    max_age_days: int | None


_callers: dict[tuple[str | None, str], tuple[float, _Caller]] = {}
"""Kept for 30 s, as keys are: so a change holds from then on, and most requests ask no database."""


def forget_all() -> None:
    """Drop what this process remembers of callers."""
    _callers.clear()


def _caller(scope: Scope) -> _Caller:
    slot = (scope.workspace_id, scope.actor.id)
    read_at, caller = _callers.get(slot, (0.0, None))
    if caller is None or time.monotonic() - read_at >= KEPT_S:
        caller = in_transaction(scope, _read_caller)
        if len(_callers) >= _MAX_KEPT:
            _callers.clear()
        _callers[slot] = (time.monotonic(), caller)
    return caller


def _read_caller(uow: UnitOfWork) -> _Caller:
    workspace = tenancy.workspace(uow.conn)
    name = tenancy.key_name(uow.conn, uow.actor.id) if uow.actor.type == "api_key" else None
    return _Caller(name or uow.actor.id, workspace.settings.usage_max_age_days if workspace else None)


def _result(one: Sent | Refused, repeated: set[int]) -> EventResult:
    if isinstance(one, Refused):
        fault: EventResult = {"index": one.index, "status": "rejected", "reason": one.reason}
        return {**fault, "field": one.field} if one.field else fault
    if one.index in repeated:
        return {"index": one.index, "status": "duplicate"}
    taken: EventResult = {"index": one.index, "status": "accepted"}
    return taken if one.named else {**taken, "id": one.event.id}
