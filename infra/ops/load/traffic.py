"""Usage events of a run: new ones, some of them late, and some that repeat an id.

What was answered is repeated as it was. With another subject, time and value only what is known to have landed is repeated: of
two that are on their way at the same time the first to land rules, and nobody outside can know which that is.
"""

import random
import threading
import time
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

SUBJECTS, USERS = 20, 50
REGIONS = ("eu", "us", "ap")
LATE_S = (3600, 72 * 3600)
"""How far back the time of a late event lies: windows that were settled long before get something new."""

REMEMBERED = 100_000
OTHER_CONTENT = 0.5
"""Which part of the repeats has other content."""


@dataclass(frozen=True, slots=True)
class Made:
    """An event with what the meters count of it."""

    id: str
    subject: str
    time: datetime
    amount: Decimal
    user: str
    region: str

    def document(self, type_: str) -> dict[str, Any]:
        """The event as it is sent. Amounts are texts: they have more digits than a float."""
        data = {"amount": str(self.amount), "user": self.user, "region": self.region}
        return {
            "id": self.id, "source": "load", "type": type_, "subject": self.subject, "time": self.time.isoformat(), "data": data,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Shares:
    """Which part of the events repeats an id, and which part is late, from 0 to 1."""

    duplicates: float
    late: float


class Traffic:
    """Makes requests' events, for several threads."""

    def __init__(self, run: str, shares: Shares, seed: int) -> None:
        self.type, self.run, self.shares = f"load.{run}", run, shares
        self.late = self.repeated = self.changed = 0
        self._chance, self._lock = random.Random(seed), threading.Lock()
        self._answered: deque[Made] = deque(maxlen=REMEMBERED)
        self._landed: deque[str] = deque(maxlen=REMEMBERED)
        self._times: set[int] = set()
        self._number = 0

    def request(self, size: int) -> tuple[list[Made], list[Made]]:
        """Events to send, and those among them that are new."""
        with self._lock:
            sent, new = [], []
            for _ in range(size):
                if self._answered and self._chance.random() < self.shares.duplicates:
                    sent.append(self._repeat())
                else:
                    new.append(self._new(self._subject()))
                    sent.append(new[-1])
            self._chance.shuffle(sent)
            return sent, new

    def single(self, subject: str) -> Made:
        """An event of a subject that has no others, of this moment."""
        with self._lock:
            return self._new(subject, late=False)

    def answered(self, events: list[Made]) -> None:
        """These were taken: from now on they may come again."""
        with self._lock:
            self._answered.extend(events)

    def landed(self, event: Made) -> None:
        """This one was seen to count: from now on its id may come again with other content."""
        with self._lock:
            self._landed.append(event.id)

    def afterwards(self) -> list[Made]:
        """Repeats with other content, of what was answered: for when all of it has landed."""
        with self._lock:
            self._landed.extend(event.id for event in self._answered)
            wanted = round(len(self._answered) * self.shares.duplicates * OTHER_CONTENT)
            self.repeated += wanted
            self.changed += wanted
            return [self._made(self._chance.choice(self._landed), self._subject()) for _ in range(wanted)]

    def _repeat(self) -> Made:
        self.repeated += 1
        if self._landed and self._chance.random() < OTHER_CONTENT:
            self.changed += 1
            return self._made(self._chance.choice(self._landed), self._subject())
        return self._chance.choice(self._answered)

    def _new(self, subject: str, *, late: bool = True) -> Made:
        self._number += 1
        return self._made(f"{self.run}-{self._number}", subject, late=late)

    def _subject(self) -> str:
        return f"{self.run}-{self._chance.randrange(SUBJECTS)}"

    def _made(self, id_: str, subject: str, *, late: bool = True) -> Made:
        digits = self._chance.randrange(-(10**18), 10**20)
        return Made(
            id_, subject, self._time(late=late), Decimal(digits).scaleb(-self._chance.randrange(9)),
            f"u{self._chance.randrange(USERS)}", self._chance.choice(REGIONS),
        )  # fmt: skip

    def _time(self, *, late: bool) -> datetime:
        """An instant that no other event has: of two of one instant only the server knows which is the latest."""
        at = time.time_ns() // 1000
        if late and self._chance.random() < self.shares.late:
            self.late += 1
            at -= self._chance.randrange(*LATE_S) * 1_000_000
        while at in self._times:
            at += 1
        self._times.add(at)
        return datetime.fromtimestamp(at // 1_000_000, UTC).replace(microsecond=at % 1_000_000)
