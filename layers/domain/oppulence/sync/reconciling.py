"""Gaps: events that the provider has and the raw store has not, found without being asked and closed by the usual path.

A pass lists a connection's events from the newest back to where the last pass had got to, and before it those that the
provider could not deliver. What happened before the connection was made is no gap: that is for a backfill. What is missing is
applied like any webhook. A pass that runs out of time goes on from its cursor. An error ends the pass and is kept: the clock
brings the next one.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import psycopg
from pydantic_core import from_json, to_json

from oppulence.connections import api as connections
from oppulence.connections.api import (
    ProviderBusy,
    ProviderKeyRefused,
    ProviderObjectMissing,
    ProviderRefused,
    ProviderUnavailable,
)
from oppulence.connections.stripe_gateway import StripeGateway
from oppulence.kernel import clock, telemetry
from oppulence.kernel.errors import Permanent
from oppulence.kernel.uow import Scope, UnitOfWork, in_transaction
from oppulence.sync import mirror, reconcile_store
from oppulence.sync.events.reconciliations import ReconciliationRequested
from oppulence.sync.reconcile_store import Gap, Progress
from oppulence.sync.stripe_events import StripeEvent, read

GRACE = timedelta(seconds=60)
"""Events younger than this are left alone: their webhooks are on their way."""

OVERLAP = timedelta(hours=1)
"""How far a pass goes back behind the last one: the provider may list an event a little after it created it."""

BUDGET_S = 40.0
_EVENTS = "/v1/events"
_PAGE = 100
_MOST_AGAIN = 50


def request_all(scope: Scope) -> dict[str, int]:
    """Ask for a pass over every active connection that has a key; `scope` has no workspace."""
    due = in_transaction(scope, lambda uow: connections.all_stripe_connections(uow.conn))
    for workspace_id, connection_id in due:
        requested = ReconciliationRequested(connection_id=connection_id)
        in_transaction(Scope(scope.context, workspace_id), lambda uow, one=requested: uow.emit(one))  # type: ignore[misc]
    return {"requested": len(due)}


def reconcile(scope: Scope, connection_id: str, budget_s: float = BUDGET_S) -> int:
    """One pass over a connection's accounts, or as much of it as the time allows; returns how many gaps were found."""
    connection = in_transaction(scope, lambda uow: askable(uow, connection_id))
    if connection is None:
        return 0
    gateway = connections.stripe(scope, connection_id)
    deadline = time.monotonic() + budget_s
    found = _Pass(scope, gateway, connection, deadline, _begin(scope, connection_id, "")).run().gaps_found
    for account in in_transaction(scope, lambda uow: reconcile_store.connected_accounts(uow.conn, connection_id)):
        if time.monotonic() > deadline:
            break
        found += _Pass(scope, gateway, connection, deadline, _begin(scope, connection_id, account)).run().gaps_found
    if found:
        telemetry.metric("sync_gaps_found", found, "Count")
    return found


def askable(uow: UnitOfWork, connection_id: str) -> connections.StripeConnection | None:
    """The connection, if it is live and has a key that works as far as we know."""
    found = (one for one in connections.stripe_connections(uow.conn) if one.id == connection_id)
    return next((one for one in found if one.has_key and one.status == "active"), None)


def _begin(scope: Scope, connection_id: str, account: str) -> Progress:
    return in_transaction(scope, lambda uow: reconcile_store.begin(uow.conn, uow.workspace_id, (connection_id, account), uow.now))


@dataclass
class _Pass:
    """A pass over one account's events. Counters of `progress` are those of this pass."""

    scope: Scope
    gateway: StripeGateway
    connection: connections.StripeConnection
    deadline: float
    progress: Progress

    def run(self) -> Progress:
        """Compare until the end or until time is up; what was found and how it ended is kept."""
        error: str | None = None
        ended = False
        try:
            if self.connection.connect and not self.progress.account:
                self._learn_accounts()
            self._again()
            self._undelivered()
            ended = self._recent()
        except ProviderKeyRefused as refused:
            error = str(refused)
            in_transaction(self.scope, lambda uow, why=refused: connections.note_refused_key(uow, self.connection.id, why))  # type: ignore[misc]
        except (ProviderBusy, ProviderUnavailable, ProviderRefused) as failed:
            error = str(failed)
        in_transaction(self.scope, lambda uow: reconcile_store.end(uow.conn, self.progress, (uow.now, ended, error)))
        return self.progress

    def _learn_accounts(self) -> None:
        """Which accounts are connected to a platform: each has a list of events of its own."""
        for accounts, _, _ in self._pages("/v1/accounts", {}, None):
            ids = [str(one["id"]) for one in accounts]
            in_transaction(self.scope, lambda uow, those=ids: reconcile_store.add_accounts(uow.conn, self.progress, those))  # type: ignore[misc]

    def _again(self) -> None:
        """Gaps that could not be closed, the first found first."""
        progress = self.progress
        for event_id in in_transaction(self.scope, lambda uow: reconcile_store.open_gaps(uow.conn, progress, _MOST_AGAIN)):
            try:
                body = self.gateway.get(f"{_EVENTS}/{event_id}", account=progress.account).body
            except ProviderObjectMissing:
                continue  # older than what the provider keeps: a backfill has its object's present state
            self._close([(read(body), body)])

    def _undelivered(self) -> None:
        """Those the provider itself calls undelivered, until a page of them is known."""
        window = {"delivery_success": "false", "created": {"gte": int(self.connection.created_at.timestamp())}}
        for events, asked_at, _ in self._pages(_EVENTS, window, None):
            if not self._compare(events, asked_at):
                return

    def _recent(self) -> bool:
        """Everything since the last pass; whether its end was reached."""
        through = self.progress.checked_through
        since = max(self.connection.created_at, through - OVERLAP) if through else self.connection.created_at
        for events, asked_at, more in self._pages(
            _EVENTS, {"created": {"gte": int(since.timestamp())}}, self.progress.pass_cursor
        ):
            self._compare(events, asked_at)
            began = self.progress.pass_began_at or asked_at
            cursor = str(events[-1]["id"]) if events else self.progress.pass_cursor
            compared = self.progress.events_compared + len(events)
            self.progress = replace(self.progress, pass_began_at=began, pass_cursor=cursor, events_compared=compared)
            if more and time.monotonic() > self.deadline:
                return False
        top = self.progress.pass_began_at
        self.progress = replace(
            self.progress, checked_through=top - GRACE if top else through, pass_began_at=None, pass_cursor=None
        )
        return True

    def _pages(
        self, path: str, filters: dict[str, Any], cursor: str | None
    ) -> Iterator[tuple[list[dict[str, Any]], datetime, bool]]:
        more = True
        while more:
            after = {"starting_after": cursor} if cursor else {}
            answer = self.gateway.get(path, {"limit": _PAGE, **filters, **after}, account=self.progress.account)
            page = from_json(answer.body)
            more = bool(page["has_more"])
            yield page["data"], answer.asked_at, more
            cursor = str(page["data"][-1]["id"]) if page["data"] else None

    def _compare(self, listed: Sequence[dict[str, Any]], asked_at: datetime) -> int:
        """Close the gaps of a page; returns how many there were."""
        settled = [event for event in listed if event["created"] < (asked_at - GRACE).timestamp()]
        events = [(read(body), body) for body in (to_json(event) for event in settled)]
        account = self.progress.account
        known = in_transaction(
            self.scope, lambda uow: reconcile_store.known(uow.conn, account, [(one.id, one.created_at) for one, _ in events])
        )
        missing = [pair for pair in events if pair[0].id not in known]
        if missing:
            self._close(missing)
        self.progress = replace(self.progress, gaps_found=self.progress.gaps_found + len(missing))
        return len(missing)

    def _close(self, missing: list[tuple[StripeEvent, bytes]]) -> None:
        """Apply events in one transaction; if that fails, one by one, so that a bad one stands alone."""
        try:
            in_transaction(self.scope, lambda uow: self._apply(uow, missing))
        except (Permanent, psycopg.Error, ValueError, LookupError, TypeError) as error:
            if len(missing) > 1:
                for one in missing:
                    self._close([one])
                return
            telemetry.logger().error("gap_not_closed", exc_info=error, extra={"event_id": missing[0][0].id})
            reason = f"{type(error).__name__}: {error}"
            in_transaction(self.scope, lambda uow: self._note(uow, missing, reason))
        else:
            self.progress = replace(self.progress, gaps_closed=self.progress.gaps_closed + len(missing))

    def _apply(self, uow: UnitOfWork, missing: list[tuple[StripeEvent, bytes]]) -> None:
        at, account = clock.real_now(), self.progress.account
        deliveries = [
            mirror.Delivery(
                event=replace(event, account=event.account or account), body=body, connection_id=self.progress.connection_id,
                received_at=at, via="events_api", exact=False,
            )
            for event, body in missing
        ]  # fmt: skip
        mirror.apply(uow, deliveries)
        self._note(uow, missing, None)

    def _note(self, uow: UnitOfWork, missing: list[tuple[StripeEvent, bytes]], error: str | None) -> None:
        gaps = [Gap(event.id, event.type, event.created_at, uow.now, None if error else uow.now, error) for event, _ in missing]
        reconcile_store.note_gaps(uow.conn, self.progress, gaps)
