"""Dead letters: see why events could not be processed, send them back to their consumers, or give them up.

Sending back is meant first, in a transaction, then done: what a crash leaves between the two, the clock sends. A message that
goes twice does no harm, consumers are made for it.
"""

import json
from collections.abc import Sequence
from typing import Any

from oppulence.kernel import crypto, db, dead_letters, telemetry
from oppulence.kernel.crypto import KeyErased, Keyring
from oppulence.kernel.errors import AppError
from oppulence.kernel.scopes import allows
from oppulence.kernel.uow import Scope, UnitOfWork, in_transaction
from oppulence.tenancy import letter_bodies
from oppulence.tenancy.errors import DeadLetterClosed, DeadLetterNotFound, NoLettersNamed
from oppulence.tenancy.models import OPEN, DeadLetter, DeadLetterBody, LetterStatus, Redriven, RedriveRequest
from oppulence.tenancy.store import dead_letters as store
from oppulence.tenancy.store.dead_letters import Home

MOST = 100
"""Letters that one call sends back."""

_OPENS_WEBHOOKS = "webhooks:read"


def get(uow: UnitOfWork, letter_id: str) -> DeadLetter:
    """One letter.

    Raises:
        DeadLetterNotFound: there is none.
    """
    return _found(store.find(uow.conn, letter_id))


def body(scope: Scope, letter_id: str) -> DeadLetterBody:
    """A letter's event as it stood; reading it is audited. A webhook's body is opened for those who may read webhooks.

    Raises:
        DeadLetterNotFound: there is none.
        Unavailable: the bodies' store does not answer.
    """
    may_open = allows(scope.actor.scopes, _OPENS_WEBHOOKS)

    def work(uow: UnitOfWork) -> str:
        get(uow, letter_id)
        _audit(uow, "personal_data.read", "dead_letter_body", letter_id, metadata={"webhook_opened": may_open})
        return store.body_keys(uow.conn, [letter_id])[0]

    at, ring = in_transaction(scope, work), keyring(scope)
    text = letter_bodies.read(at, ring)
    event = _object(text)
    if event is None:
        return DeadLetterBody(id=letter_id, event=None, text=text, webhook=None)
    sealed, s3_key = _take_out_sealed(event)
    opened = letter_bodies.open_webhook(ring, sealed, s3_key) if may_open and (sealed or s3_key) else None
    return DeadLetterBody(id=letter_id, event=event, text=None, webhook=opened)


def redrive(scope: Scope, letter_id: str) -> DeadLetter:
    """Send one letter back to its consumer.

    Raises:
        DeadLetterNotFound: there is none.
        DeadLetterClosed: it was processed, discarded or sent back, or has no queue to go to.
    """

    def mean(uow: UnitOfWork) -> list[Home]:
        letter = _found(store.find(uow.conn, letter_id, lock=True))
        if letter.status not in OPEN or letter.consumer is None:
            what = f"is {letter.status}" if letter.consumer else "has no queue to go back to"
            raise DeadLetterClosed(f"This letter {what}: only one that is pending or kept can be sent back.")
        return _mean(uow, [letter])

    send(scope, in_transaction(scope, mean))
    return in_transaction(scope, lambda uow: get(uow, letter_id))


def redrive_many(scope: Scope, wanted: RedriveRequest, queue: str | None = None) -> Redriven:
    """Send letters back, the first failed first, at most 100; with `dry_run` only say which. `queue` is part of its name.

    Raises:
        NoLettersNamed: neither ids nor a filter are given.
    """
    if queue is None and not wanted.model_dump(exclude={"dry_run"}, exclude_defaults=True):
        raise NoLettersNamed("Say which letters: by ids, or by a filter such as status, consumer or reason.", param="ids")
    filters = wanted.model_dump(exclude={"dry_run"}) | {"queue": queue}

    def mean(uow: UnitOfWork) -> tuple[int, list[DeadLetter], list[Home]]:
        matched, found = store.count_sendable(uow.conn, filters), store.sendable(uow.conn, filters, MOST)
        return matched, found, [] if wanted.dry_run else _mean(uow, found)

    matched, found, homes = in_transaction(scope, mean)
    send(scope, homes)
    ids = [letter.id for letter in found]
    return Redriven(data=in_transaction(scope, lambda uow: store.of_ids(uow.conn, ids)), matched=matched, dry_run=wanted.dry_run)


def discard(uow: UnitOfWork, letter_id: str, reason: str) -> DeadLetter:
    """Give a letter up, for a reason. Its event dying again would bring it back.

    Raises:
        DeadLetterNotFound: there is none.
        DeadLetterClosed: it was processed or discarded already.
    """
    letter = _found(store.find(uow.conn, letter_id, lock=True))
    if letter.status in (LetterStatus.RESOLVED, LetterStatus.DISCARDED):
        raise DeadLetterClosed(f"This letter is {letter.status} already.")
    store.discard(uow.conn, letter_id, reason, uow.actor.id, uow.now)
    _record(uow, "dead_letter.discarded", letter, before={"status": letter.status}, after={"reason": reason})
    return get(uow, letter_id)


def send(scope: Scope, homes: Sequence[Home]) -> int:
    """Put letters on their queues and mark them; returns how many. What fails stays meant, for the clock."""
    if not homes:
        return 0
    sent: list[str] = []
    ring = keyring(scope)
    for home in homes:
        try:
            dead_letters.send_home(home.queue, letter_bodies.read(home.body_key, ring), home.id)
            sent.append(home.id)
        except AppError as error:
            telemetry.logger().error("letter_not_sent", exc_info=error, extra={"dead_letter": home.id, "queue": home.queue})
    if sent:
        in_transaction(scope, lambda uow: store.mark_sent(uow.conn, sent, uow.now))
    return len(sent)


def keyring(scope: Scope) -> Keyring:
    """The workspace's keys, read outside any transaction; without one when it has none."""
    return db.read(scope.context, lambda conn: crypto.keyring(conn, scope.workspace_id or ""))


def _audit(uow: UnitOfWork, action: str, resource_type: str, letter_id: str, **changes: Any) -> None:  # noqa: ANN401
    """Audit; of what is of no workspace, or of an erased one, the process's log says it."""
    try:
        uow.audit(action, resource_type, letter_id, **changes)
    except KeyErased:
        telemetry.log(action, dead_letter=letter_id, actor_id=uow.actor.id, changes=changes)


def _record(uow: UnitOfWork, action: str, letter: DeadLetter, **changes: Any) -> None:  # noqa: ANN401
    about = {"consumer": letter.consumer, "event_id": letter.event_id}
    _audit(uow, action, "dead_letter", letter.id, metadata=about, **changes)


def _mean(uow: UnitOfWork, letters: Sequence[DeadLetter]) -> list[Home]:
    for letter in letters:
        _record(uow, "dead_letter.redriven", letter, before={"status": letter.status})
    return store.mean_to_send(uow.conn, [letter.id for letter in letters], uow.actor.id, uow.now)


def _found(letter: DeadLetter | None) -> DeadLetter:
    if letter is None:
        raise DeadLetterNotFound("There is no such dead letter.")
    return letter


def _object(text: str) -> dict[str, Any] | None:
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _take_out_sealed(shown: dict[str, Any]) -> tuple[str | None, str | None]:
    """Remove a webhook's sealed body from its event: nobody can use it. Returns it, and the key of one that stands in S3."""
    detail = shown.get("detail")
    data = detail.get("data") if isinstance(detail, dict) else None
    return (data.pop("sealed_body", None), data.get("s3_key")) if isinstance(data, dict) else (None, None)
