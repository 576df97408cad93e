"""Dead letters of all workspaces, for the operator: what stands on SQS is taken in first, so that there is one kind of letter."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from infra.ops.output import Failed, say
from infra.ops.place import operating

if TYPE_CHECKING:
    from oppulence.kernel.uow import Scope
    from oppulence.tenancy.models import DeadLetter

MOST = 10_000


@dataclass(frozen=True)
class Choice:
    """Which letters: all that is said must fit. `queue` and `reason` are parts of theirs."""

    queue: str | None = None
    ids: tuple[str, ...] = ()
    workspace: str | None = None
    reason: str | None = None

    def filters(self) -> dict[str, Any]:
        """For the model of the routes."""
        return {"ids": list(self.ids), "reason": self.reason}


def counts() -> list[dict[str, Any]]:
    """How many letters each queue has: still on SQS, and of each status that is not over."""
    from oppulence.kernel import dead_letters

    rows = {
        queue: {"queue": queue, "on_sqs": dead_letters.waiting(url), "pending": 0, "retrying": 0, "kept": 0}
        for queue, url in dead_letters.queues().items()
    }
    for one in _by_queue():
        row = rows.setdefault(one.queue, {"queue": one.queue, "on_sqs": 0, "pending": 0, "retrying": 0, "kept": 0})
        if one.status in row:
            row[one.status] = one.letters
    return list(rows.values())


def take_in() -> None:
    """Have all letters in rows.

    Raises:
        Failed: those of some queue could not be taken in.
    """
    from oppulence.tenancy import dead_letter_care

    done = dead_letter_care.drain(operating("tenancy", None))
    if done["taken"]:
        say(f"{done['taken']} taken off SQS")
    if done["failed"]:
        raise Failed(f"{done['failed']} dead-letter queues could not be taken in", "the log above says why; then try again")


def letters(choice: Choice, statuses: tuple[str, ...]) -> Iterator[tuple["Scope", "DeadLetter"]]:
    """Letters with the scope of their workspace, the last failed first within each."""
    from oppulence.kernel.uow import in_transaction
    from oppulence.tenancy.models import LetterFilter
    from oppulence.tenancy.store.dead_letters import list_letters

    filters = LetterFilter(reason=choice.reason).model_dump()
    for scope in scopes(choice, statuses):
        for letter in in_transaction(scope, lambda uow: list_letters(uow.conn, filters, None, MOST)):
            named = not choice.ids or letter.id in choice.ids
            if letter.status in statuses and named and (choice.queue or "") in letter.queue:
                yield scope, letter


def scopes(choice: Choice, statuses: tuple[str, ...]) -> list["Scope"]:
    """Scopes of the workspaces that have letters of these statuses; one of them stands for none."""
    found = {one for count in _by_queue() if count.status in statuses for one in count.of_workspaces}
    return [operating("tenancy", one) for one in sorted(found) if choice.workspace in (None, one)]


def redrive(choice: Choice, dry_run: bool) -> dict[str, int]:
    """Send the chosen letters back; answers how many of each queue, or how many there would be."""
    from oppulence.tenancy import dead_letters
    from oppulence.tenancy.models import OPEN, RedriveRequest

    done: dict[str, int] = {}
    if dry_run:
        for _, letter in letters(choice, OPEN):
            done[letter.queue] = done.get(letter.queue, 0) + (letter.consumer is not None)
        return done
    for scope in scopes(choice, OPEN):
        while sent := dead_letters.redrive_many(scope, RedriveRequest(**choice.filters()), choice.queue or "").data:
            for letter in sent:
                done[letter.queue] = done.get(letter.queue, 0) + 1
            say(f"{sum(done.values())} so far")
    return done


def discard(choice: Choice, reason: str, dry_run: bool) -> dict[str, int]:
    """Give the chosen letters up; answers how many of each queue."""
    from oppulence.kernel.uow import in_transaction
    from oppulence.tenancy import dead_letters
    from oppulence.tenancy.models import OPEN

    done: dict[str, int] = {}
    for scope, letter in list(letters(choice, OPEN)):
        if not dry_run:
            in_transaction(scope, lambda uow, letter=letter: dead_letters.discard(uow, letter.id, reason))  # type: ignore[misc]
        done[letter.queue] = done.get(letter.queue, 0) + 1
    return done


def _by_queue() -> Any:
    from oppulence.kernel.uow import in_transaction
    from oppulence.tenancy.store.dead_letters import by_queue

    return in_transaction(operating("tenancy", None), lambda uow: by_queue(uow.conn))
