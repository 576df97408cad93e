"""Queue consumers: events from a bus, handed to the domain once each in effect.

A record has its own transaction, and an inbox row in it makes a redelivery harmless. Two kinds of failure are kept apart.
A store that is down returns the whole batch, however often: an outage of days loses nothing. A record that cannot be
processed is tried a bounded number of times, counted by us, and then goes to the dead letters with its reason.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, get_type_hints

import psycopg
from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError
from psycopg import sql
from pydantic import ValidationError

from oppulence.kernel import crypto, db, dead_letters, environment, pausing, telemetry
from oppulence.kernel.capabilities import Capability
from oppulence.kernel.declarations import Consumer, Entry
from oppulence.kernel.errors import NotYet, Permanent, Unavailable
from oppulence.kernel.events import Envelope, Event
from oppulence.kernel.uow import Scope, UnitOfWork, in_transaction

DOWN_VISIBILITY_S = 60
NOT_YET_FIRST_S = 5
NOT_YET_FACTOR = 4
"""What came too early comes back after 5 s, 20 s, 80 s, 320 s: the fact it needs is usually a moment behind it."""
_OVERLOADED = frozenset(
    ["ProvisionedThroughputExceededException", "RequestLimitExceeded", "TooManyRequestsException", "LimitExceededException"]
)
BatchResult = dict[str, list[dict[str, str]]]


@dataclass(frozen=True, slots=True)
class Received:
    """One record: the event, its envelope, and the queue's own record for dead-lettering."""

    envelope: Envelope
    event: Event
    record: dict[str, Any]


def consumer(event: type[Event], *, uses: tuple[Capability, ...], **options: Any) -> Callable[[Callable[..., Any]], Entry]:  # noqa: ANN401
    """Make a handler a consumer of an event type.

    The handler takes `(uow, event)`, or `(uow, event, envelope)`; with `batch=True` it takes `(received: list[Received])` of
    one workspace and returns nothing, opens its own transactions, and marks what it has seen with `first_seen`. With `together`
    too, one call gets what came, of whatever workspaces: for stores that want few large writes.
    Options: `match` (fields of the event and their values, in the bus rule), `batch_size`, `window_s`, `max_tries`,
    `concurrency`, `timeout_s`, `memory_mb`, `direct` (no rule: what `queues.send` sends), `foreign` (events of a partner, see
    `declarations.Foreign`).
    """

    def decorate(work: Callable[..., Any]) -> Entry:
        declared = Consumer(work, uses, event=event, **options)
        name = work.__module__.removeprefix("functions.")
        takes_envelope = "envelope" in get_type_hints(work)

        def handler(batch: dict[str, Any], context: object) -> BatchResult:
            return _Batch(declared, name, takes_envelope).run(batch["Records"])

        return pausing.entry(declared, handler)

    return decorate


def first_seen(uow: UnitOfWork, consumer_name: str, event_ids: Sequence[str]) -> set[str]:
    """Write inbox rows for events; returns those that were not there before."""
    rows = uow.conn.execute(
        sql.SQL(
            "INSERT INTO {}.inbox (consumer, event_id, workspace_id) SELECT %s, unnest(%s::text[]), %s"
            " ON CONFLICT DO NOTHING RETURNING event_id"
        ).format(sql.Identifier(uow.scope.context)),
        (consumer_name, list(event_ids), uow.workspace_id),
    ).fetchall()
    return {str(row[0]) for row in rows}


class _Batch:
    """One invocation."""

    def __init__(self, declared: Consumer, name: str, takes_envelope: bool) -> None:
        self.declared, self.name, self.takes_envelope = declared, name, takes_envelope
        self.buried: set[str] = set()

    def run(self, records: list[dict[str, Any]]) -> BatchResult:
        """Process the records; the answer names those that go back to the queue."""
        failed: list[str] = []
        try:
            received = [one for record in records if (one := self._read(record, failed)) is not None]
            for group in self._groups(received):
                failed += self._process(group)
        except _Down as down:
            telemetry.logger().warning("store_is_down", extra={"reason": str(down.__cause__), "records": len(records)})
            self._come_back(records, _down_visibility_s())
            failed = [message_id for record in records if (message_id := record["messageId"]) not in self.buried]
        return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}

    def _read(self, record: dict[str, Any], failed: list[str]) -> Received | None:
        """Parse a record; what cannot be parsed is dead at once."""
        try:
            envelope = self._envelope(_json(record["body"]))
            return Received(envelope, self.declared.event.model_validate(envelope.data), record)
        except (ValidationError, ValueError, KeyError, TypeError, Permanent) as error:
            failed += self._bury(record, f"unreadable: {error}", 1)
            return None

    def _envelope(self, delivered: dict[str, Any]) -> Envelope:
        """The envelope in what EventBridge delivers; of a foreign event one is made, for which a store may be asked."""
        if self.declared.foreign is None:
            return Envelope.model_validate(delivered["detail"])
        try:
            return self.declared.foreign.read(delivered)
        except Exception as error:
            if _is_down(error):
                raise _Down from error
            raise

    def _groups(self, received: list[Received]) -> list[list[Received]]:
        """One by one, or in batch mode all records of a workspace together, or all that there are."""
        if not self.declared.batch:
            return [[one] for one in received]
        if self.declared.together:
            return [received] if received else []
        groups: dict[str, list[Received]] = {}
        for one in received:
            groups.setdefault(one.envelope.workspace_id, []).append(one)
        return list(groups.values())

    def _process(self, group: list[Received]) -> list[str]:
        """Work on a group; a batch that fails for its content is tried record by record, so one bad record stands alone."""
        first = group[0].envelope
        with telemetry.span(self.name, first.traceparent):
            telemetry.annotate(consumer=self.name, workspace_id=first.workspace_id)
            try:
                self._work(group)
            except Exception as error:  # noqa: BLE001 - the outermost frame of a record: every failure is accounted for
                if _is_down(error):
                    raise _Down from error
                if len(group) > 1:
                    telemetry.logger().warning("batch_failed", exc_info=error, extra={"records": len(group)})
                    return [message_id for one in group for message_id in self._process([one])]
                return self._failed(group[0], error)
            return []

    def _work(self, group: list[Received]) -> None:
        first = group[0]
        scope = Scope(self.declared.context, first.envelope.workspace_id)
        if self.declared.needs_keys:
            crypto.warm(scope.context, first.envelope.workspace_id)
        if self.declared.batch:
            self.declared.work(group)
        else:
            in_transaction(scope, lambda uow: self._once(uow, first))
        letters: dict[str, list[str]] = {}
        for one in group:
            if letter := dead_letters.letter_of(one.record):
                letters.setdefault(one.envelope.workspace_id, []).append(letter)
        for workspace_id, its in letters.items():
            in_transaction(Scope(scope.context, workspace_id), partial(_resolve, its))

    def _once(self, uow: UnitOfWork, one: Received) -> None:
        if first_seen(uow, self.name, [one.envelope.id]):
            extra = {"envelope": one.envelope} if self.takes_envelope else {}
            self.declared.work(uow, one.event, **extra)

    def _failed(self, one: Received, error: Exception) -> list[str]:
        """Count the failure; give up when it is permanent or was the last try."""
        reason = dead_letters.printable(f"{type(error).__name__}: {error}")
        telemetry.logger().warning("record_failed", exc_info=error, extra={"event_id": one.envelope.id})
        if isinstance(error, Permanent):
            return self._bury(one.record, reason, 1)
        message_id: str = one.record["messageId"]
        try:
            tries = self._count(one.envelope.workspace_id, message_id, reason)
        except (psycopg.Error, UnicodeError) as uncounted:
            # Its workspace is none, for one. Raised, it would fail its whole batch.
            return self._bury(one.record, f"{reason} (and its tries cannot be counted: {uncounted})", 1)
        if tries >= self.declared.max_tries:
            return self._bury(one.record, reason, tries)
        if isinstance(error, NotYet):
            self._come_back([one.record], NOT_YET_FIRST_S * NOT_YET_FACTOR ** (tries - 1))
        return [message_id]

    def _count(self, workspace_id: str, message_id: str, reason: str) -> int:
        statement = sql.SQL(
            "INSERT INTO {}.attempts AS a (consumer, message_id, workspace_id, tries, reason) VALUES (%s, %s, %s, 1, %s)"
            " ON CONFLICT (consumer, message_id) DO UPDATE SET tries = a.tries + 1, reason = excluded.reason, updated_at = now()"
            " RETURNING tries"
        ).format(sql.Identifier(self.declared.context))
        try:
            row = in_transaction(
                Scope(self.declared.context, workspace_id),
                lambda uow: uow.conn.execute(statement, (self.name, message_id, workspace_id, reason[:2000])).fetchone(),
            )
        except (Unavailable, psycopg.OperationalError) as error:
            raise _Down from error
        return int(str(row[0])) if row else 1

    def _bury(self, record: dict[str, Any], reason: str, tries: int) -> list[str]:
        """To the dead letters; if they cannot take it the record goes back to its queue."""
        try:
            dead_letters.send(record, self.name, reason, tries)
        except (BotoCoreError, ClientError) as error:
            telemetry.logger().error("dead_letter_not_sent", exc_info=error, extra={"consumer": self.name})
            return [record["messageId"]]
        self.buried.add(record["messageId"])
        telemetry.metric("dead_letters_total", 1, "Count", consumer=self.name)
        return []

    def _come_back(self, records: list[dict[str, Any]], after_s: int) -> None:
        """Set the wait before the queue delivers again, which otherwise is six times the function's limit."""
        from oppulence.kernel.aws import client

        entries = [
            {"Id": str(n), "ReceiptHandle": record["receiptHandle"], "VisibilityTimeout": after_s}
            for n, record in enumerate(records)
        ]
        try:
            for start in range(0, len(entries), 10):
                client("sqs").change_message_visibility_batch(
                    QueueUrl=environment.required("QUEUE_URL"), Entries=entries[start : start + 10]
                )
        except (BotoCoreError, ClientError) as error:
            telemetry.logger().warning("visibility_not_changed", extra={"reason": str(error)})


def _resolve(letters: list[str], uow: UnitOfWork) -> None:
    uow.conn.execute("SELECT tenancy.resolve_dead_letters(%s, %s)", (letters, uow.now))


class _Down(Exception):
    """A store is away: the whole batch goes back."""


def _is_down(error: BaseException) -> bool:
    """Whether a store, or an AWS service that stands for one, cannot serve at the moment."""
    if isinstance(error, ClientError):
        answered = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        code = error.response.get("Error", {}).get("Code", "")
        return answered >= 500 or "Throttl" in code or code in _OVERLOADED
    if isinstance(error, BotoCoreError):
        return not isinstance(error, ParamValidationError)  # that one never leaves this process: the record holds what it refuses
    return isinstance(error, Unavailable) or db.is_down(error)


def _down_visibility_s() -> int:
    return int(environment.optional("DOWN_VISIBILITY_S") or DOWN_VISIBILITY_S)


def _json(text: str) -> Any:  # noqa: ANN401
    from pydantic_core import from_json

    return from_json(text)
