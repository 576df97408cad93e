"""What happens to dead letters by the clock: taken off SQS, tried once more after an hour, forgotten long after they closed."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import psycopg
from pydantic_core import from_json

from oppulence.kernel import clock, crypto, dead_letters, telemetry
from oppulence.kernel.dead_letters import Message
from oppulence.kernel.errors import AppError
from oppulence.kernel.ids import id_of, is_id
from oppulence.kernel.uow import Scope, in_transaction
from oppulence.tenancy import letter_bodies
from oppulence.tenancy.dead_letters import keyring, send
from oppulence.tenancy.models import LetterStatus
from oppulence.tenancy.store import dead_letters as store
from oppulence.tenancy.store import workspaces
from oppulence.tenancy.store.dead_letters import Death

NO_WORKSPACE = "none"
"""Stands for the workspace of letters that have none: no caller can be of it, only the operator."""

RETRY_AFTER = timedelta(hours=1)
RETRY_MOST = 100
LEFT_BEHIND = timedelta(minutes=2)
"""A letter meant to be sent this long ago was left behind by a sender that died, or could not reach its queue."""

FORGOTTEN_AFTER = timedelta(days=35)
FORGET_MOST = 1_000
_ERROR_CLASS = re.compile(r"(\w+): (.*)", re.DOTALL)


def drain(scope: Scope) -> dict[str, int]:
    """Take everything off the dead-letter queues: body to S3, then the row, then off SQS.

    Each step may be repeated after a crash: a message's row counts it once. A queue that fails is left for the next run.
    """
    done = {"taken": 0, "failed": 0}
    for queue, url in dead_letters.queues().items():
        try:
            left = dead_letters.waiting(url)
            while left > 0 and (messages := dead_letters.take(queue, url)):
                _keep(scope, messages)
                dead_letters.delete(url, messages)
                left -= len(messages)
                done["taken"] += len(messages)
        except (AppError, psycopg.Error) as error:
            telemetry.logger().error("dead_letters_not_taken", exc_info=error, extra={"queue": queue})
            done["failed"] += 1
    return done


def retry_due(scope: Scope) -> dict[str, int]:
    """Send back what failed an hour ago and was never tried since, at most 100; and count what waits for a person."""
    now = clock.now()
    due = in_transaction(scope, lambda uow: store.due(uow.conn, now - RETRY_AFTER, now - LEFT_BEHIND, RETRY_MOST))
    sent = 0
    for workspace_id, ids in _by_workspace(due).items():
        within = replace(scope, workspace_id=workspace_id)
        try:
            homes = in_transaction(within, lambda uow, ids=ids: store.mean_to_send(uow.conn, ids, None, uow.now))  # type: ignore[misc]
            sent += send(within, homes)
        except (AppError, psycopg.Error) as error:
            telemetry.logger().error("letters_not_sent", exc_info=error, extra={"workspace_id": workspace_id})
    counts = in_transaction(scope, lambda uow: store.by_queue(uow.conn))
    kept = sum(one.letters for one in counts if one.status == LetterStatus.KEPT)
    telemetry.metric("dead_letters_kept", kept, "Count")
    return {"due": len(due), "sent": sent, "kept": kept}


def forget_closed(scope: Scope) -> int:
    """Delete letters that were resolved or discarded 35 days ago, with their bodies; returns how many."""
    closed = in_transaction(scope, lambda uow: store.closed(uow.conn, uow.now - FORGOTTEN_AFTER, FORGET_MOST))
    for workspace_id, ids in _by_workspace(closed).items():
        within = replace(scope, workspace_id=workspace_id)
        letter_bodies.delete([letter_bodies.key(workspace_id, letter_id) for letter_id in ids])
        in_transaction(within, lambda uow, ids=ids: store.delete(uow.conn, ids))  # type: ignore[misc]
    return len(closed)


@dataclass(frozen=True, slots=True)
class _Said:
    """What a message's body says of itself; all None where there is no event in it."""

    workspace_id: str | None = None
    event_id: str | None = None
    event_type: str | None = None


def _keep(scope: Scope, messages: Sequence[Message]) -> None:
    groups: dict[str, list[tuple[Message, _Said]]] = {}
    for message in messages:
        said = _said(message.body)
        groups.setdefault(_known(scope, said.workspace_id), []).append((message, said))
    for workspace_id, group in groups.items():
        within = replace(scope, workspace_id=workspace_id)
        ring = keyring(within)
        ring.warm()
        deaths = [_death(workspace_id, message, said) for message, said in group]
        for death, (message, _) in zip(deaths, group, strict=True):
            letter_bodies.write(death.body_key, message.body, ring)
        in_transaction(within, lambda uow, deaths=deaths: store.record(uow.conn, deaths, uow.now))  # type: ignore[misc]


def _known(scope: Scope, claimed: str | None) -> str:
    """The workspace, if there is, or was, one. Of an erased one no key may be left in this process."""
    if claimed is None or not is_id(claimed, "ws"):
        return NO_WORKSPACE
    status = in_transaction(replace(scope, workspace_id=claimed), lambda uow: workspaces.status(uow.conn))
    if status == "deleted":
        crypto.forget(claimed)
    return claimed if status else NO_WORKSPACE


def _death(workspace_id: str, message: Message, said: _Said) -> Death:
    context, _, slug = message.queue.partition("-")
    consumer = message.said.get("consumer") or (f"{context}.consumers.{slug}" if slug.startswith("on_") else None)
    letter_id = message.said.get("dead_letter") if said.event_id is None else None
    letter_id = letter_id or id_of("dl", workspace_id, message.queue, said.event_id or message.id)
    error, text = _reason(message)
    tries = message.said.get("tries", "")
    return Death(
        letter_id, workspace_id, message.queue, consumer, said.event_id, said.event_type, error, text,
        int(tries) if tries.isdigit() else 1, clock.domain_time(message.sent_at), message.id,
        letter_bodies.key(workspace_id, letter_id),
    )  # fmt: skip


def _reason(message: Message) -> tuple[str, str]:
    """The error's class and what it said: the consumer's words, or those of EventBridge, which could not deliver."""
    reason = message.said.get("reason")
    if reason is None:
        return message.said.get("ERROR_CODE", "Undelivered"), message.said.get("ERROR_MESSAGE", "It never reached its consumer.")
    match = _ERROR_CLASS.fullmatch(reason)
    error, text = (match[1], match[2]) if match else ("Failed", reason)
    return error, telemetry.redact(text)


def _said(body: str) -> _Said:
    """Read the envelope in a message's body."""
    try:
        detail = from_json(body)["detail"]
        return _Said(*(_text(detail.get(name)) for name in ("workspace_id", "id", "type")))
    except (ValueError, KeyError, TypeError, AttributeError):
        return _Said()


def _text(value: object) -> str | None:
    return dead_letters.printable(value)[:255] if isinstance(value, str) and value else None


def _by_workspace(found: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for workspace_id, letter_id in found:
        groups.setdefault(workspace_id, []).append(letter_id)
    return groups
