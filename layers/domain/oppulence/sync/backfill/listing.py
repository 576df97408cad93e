"""Pages of Stripe's lists, one after the other, from wherever a cursor stands."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic_core import from_json

from oppulence.connections.errors import ProviderObjectMissing, ProviderRefused
from oppulence.connections.stripe_gateway import Answer, StripeGateway
from oppulence.sync.backfill.pace_gateway import Pace
from oppulence.sync.object_types import ObjectType
from oppulence.sync.observing import Observed

PAGE = 100
_RESTARTS = 20
_NO_SUCH = "resource_missing"
OF_THE_PLATFORM = frozenset({"account", "test_helpers.test_clock"})
"""Listed by the platform only, also what belongs to connected accounts; so is what lies below an account."""

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Window:
    """A range of `created`: the first second that counts, and the first that no longer does."""

    start: datetime | None
    end: datetime | None

    def holds(self, shown: Object) -> bool:
        """Whether an object was created within it; one that does not say is."""
        made = shown.get("created")
        if not isinstance(made, int):
            return True
        at = _at(made)
        return (self.start is None or at >= self.start) and (self.end is None or at < self.end)


@dataclass(frozen=True, slots=True)
class Target:
    """One list: of an account ('' is the connection's own), below a parent where there is one, after an object's id.

    `reached` is when that object was created.
    """

    account: str
    parent: str = ""
    after: str = ""
    reached: datetime | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """One page: what it showed, and where the next one begins. `skipped` says why a target has none."""

    target: Target
    seen: list[Observed]
    after: str = ""
    done: bool = True
    reached: datetime | None = None
    skipped: str | None = None


@dataclass(frozen=True, slots=True)
class Lister:
    """How a type is listed."""

    gateway: StripeGateway
    pace: Pace
    kind: ObjectType
    window: Window

    def pages(self, target: Target) -> Iterator[Page]:
        """The pages of one list to its end.

        Where the object has vanished behind which a page was to begin, the list goes on from the second it was created in, or
        begins anew: what is listed twice is stored once. A parent that has vanished has no children, and an account that has
        left no objects.

        Raises:
            ProviderError, Unavailable: as the gateway; the pages so far are good.
            TooSoon: it is not our turn yet.
        """
        after, reached, end, restarts = target.after, target.reached, self.window.end, 0
        while True:
            try:
                answer = self.ask(self.kind.path.format(parent=target.parent), self._params(target, after, end), target.account)
            except (ProviderObjectMissing, ProviderRefused) as error:
                if after and _is_missing(error) and restarts < _RESTARTS:
                    if self.kind.created == "filter" and reached is not None:
                        end = reached + timedelta(seconds=1)
                    after, restarts = "", restarts + 1
                    continue
                if target.parent and _is_missing(error):
                    yield Page(target, [])
                    return
                if target.account:
                    yield Page(target, [], skipped=f"{target.account}: {error.message}")
                    return
                raise
            page = self._read(answer, target)
            yield page
            if page.done:
                return
            after, reached = page.after, page.reached

    def ask(self, path: str, params: Mapping[str, Any] | None, account: str) -> Answer:
        """One request, in its turn."""
        self.pace.wait()
        return self.gateway.get(path, params, account=account)

    def _params(self, target: Target, after: str, end: datetime | None) -> dict[str, Any]:
        kind, window = self.kind, self.window
        params: dict[str, Any] = dict(kind.params)
        if kind.paged:
            params |= {"limit": PAGE, "starting_after": after or None}
        if kind.parent and kind.parent.parameter:
            params[kind.parent.parameter] = target.parent
        if kind.created == "filter":
            bounds = {"gte": window.start, "lt": end}
            params["created"] = {name: int(at.timestamp()) for name, at in bounds.items() if at}
        return params

    def _read(self, answer: Answer, target: Target) -> Page:
        try:
            shown = from_json(answer.body, cache_strings="keys")
        except ValueError:  # half a surrogate pair, which Stripe's JSON may hold
            shown = json.loads(answer.body)
        objects: Sequence[Object] = shown["data"]
        done = not objects or not shown["has_more"] or not self.kind.paged
        last = objects[-1].get("created") if objects else None
        seen = [
            Observed(self._account(target, one), one, answer.asked_at)
            for one in objects
            if self.kind.created != "field" or self.window.holds(one)
        ]
        after = "" if done else str(objects[-1]["id"])
        return Page(target, seen, after, done, _at(last) if isinstance(last, int) else None)

    def _account(self, target: Target, shown: Object) -> str:
        """Whose object it is: what a platform lists of its accounts belongs to them, as in their events."""
        if self.kind.name == "account":
            return str(shown["id"])
        return target.parent if self.kind.parent and self.kind.parent.type == "account" else target.account


def is_of_the_platform(kind: ObjectType) -> bool:
    """Whether only the connection's own account is asked."""
    return kind.name in OF_THE_PLATFORM or bool(kind.parent and kind.parent.type == "account")


def _is_missing(error: ProviderObjectMissing | ProviderRefused) -> bool:
    return isinstance(error, ProviderObjectMissing) or error.provider_code == _NO_SUCH


def _at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
