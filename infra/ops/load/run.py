"""One run: meters of its own, traffic at a pace, a probe of how soon an event counts, and the comparison at the end."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from fractions import Fraction

from infra.ops.load import reading
from infra.ops.load.tally import METERS, Key, Tally, same
from infra.ops.load.traffic import Made, Shares, Traffic
from infra.ops.load.wire import Wire
from infra.ops.output import Failed

PROBE_EVERY_S, PROBE_PAUSE_S = 1.0, 0.02
SAY_EVERY_S = 2.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a run is to do: events a second, for so many seconds, so many a request, from so many senders at once."""

    rate: float
    seconds: float
    shares: Shares
    per_request: int = 10
    senders: int = 8
    settle_s: float = 300.0
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Difference:
    """A number that is not what it must be."""

    meter: str
    subject: str
    hour: str
    region: str | None
    expected: str | None
    found: str | None


@dataclass
class Found:
    """What a run measured and found."""

    events: int = 0
    sent: int = 0
    sending_s: float = 0.0
    settling_s: float = 0.0
    answers_s: list[float] = field(default_factory=list)
    visible_s: list[float] = field(default_factory=list)
    checked: int = 0
    differences: list[Difference] = field(default_factory=list)


class Run:
    """`execute` makes the traffic and checks it. Interrupting it leaves its meters, which are named `load_<name>_...`."""

    def __init__(self, wire: Wire, name: str, wanted: Wanted, say: Callable[[str], None]) -> None:
        self.wire, self.name, self.wanted, self.say = wire, name, wanted, say
        self.traffic, self.tally, self.found = Traffic(name, wanted.shares, wanted.seed), Tally(), Found()
        self._over = threading.Event()
        self._slug = {meter: f"load_{name}_{meter}" for meter in METERS}

    def execute(self) -> Found:
        """Make meters, send, wait until all is settled, repeat some with other content, and compare every number.

        Raises:
            Failed: the API refused something, or was away for too long.
        """
        for meter, definition in METERS.items():
            self.wire.call("POST", "/v1/meters", {
                "slug": self._slug[meter], "event_type": self.traffic.type, "effective_from": None, **definition,
            })  # fmt: skip
        began = time.monotonic()
        self._send(began)
        self.found.sending_s = time.monotonic() - began
        self._settle()
        self.found.settling_s = time.monotonic() - began - self.found.sending_s
        self._repeat()
        self.found.events = self.tally.events
        self._compare()
        for slug in self._slug.values():
            self.wire.call("DELETE", f"/v1/meters/{slug}")
        return self.found

    def _send(self, began: float) -> None:
        requests = max(1, round(self.wanted.rate * self.wanted.seconds / self.wanted.per_request))
        pool, said = ThreadPoolExecutor(self.wanted.senders + 1), began
        try:
            probing = pool.submit(self._probe, began)
            for sent, new, took_s in pool.map(lambda n: self._request(began, n), range(requests)):
                self.tally.add(new)
                self.found.sent += sent
                self.found.answers_s.append(took_s)
                if time.monotonic() - said >= SAY_EVERY_S:
                    said = time.monotonic()
                    pace = self.found.sent / (said - began)
                    self.say(f"{self.found.sent:,} events sent, {pace:,.0f} a second; {self.wire.again} requests sent again")
            probes = probing.result()
        finally:
            self._over.set()
            pool.shutdown(cancel_futures=True)
        self.tally.add(probes)
        self.found.sent += len(probes)

    def _request(self, began: float, number: int) -> tuple[int, list[Made], float]:
        """One request when it is due, until it is taken: how many events it had, the new ones, and the answer's seconds."""
        due = began + number * self.wanted.per_request / self.wanted.rate
        self._over.wait(max(0.0, due - time.monotonic()))
        sent, new = self.traffic.request(self.wanted.per_request)
        took_s = self._post(sent)
        self.traffic.answered(new)
        return len(sent), new, took_s

    def _post(self, events: list[Made]) -> float:
        answer, took_s = self.wire.timed("POST", "/v1/events", [event.document(self.traffic.type) for event in events])
        if answer["rejected"]:
            raise Failed(f"{answer['rejected']} events were rejected: {answer['results'][:3]}")
        return took_s

    def _probe(self, began: float) -> list[Made]:
        """Once a second an event of a subject of its own, and how long after its answer it counts."""
        subject, probes = f"{self.name}-probe", list[Made]()
        while time.monotonic() - began < self.wanted.seconds and not self._over.is_set():
            probes.append(self.traffic.single(subject))
            self._post(probes[-1:])
            answered = time.monotonic()
            while reading.current(self.wire, self._slug["count"], subject) < len(probes):
                if time.monotonic() - answered > self.wanted.settle_s:
                    raise Failed(f"an event is not in `current` after {self.wanted.settle_s:g} s")
                time.sleep(PROBE_PAUSE_S)
            self.found.visible_s.append(time.monotonic() - answered)
            self.traffic.landed(probes[-1])
            self._over.wait(max(0.0, PROBE_EVERY_S - (time.monotonic() - answered)))
        return probes

    def _settle(self) -> None:
        """Wait until nothing is queued or unsettled; what is missing then is missing for good."""
        deadline = time.monotonic() + self.wanted.settle_s
        said = 0.0
        while True:
            counted, unsettled = reading.total(self.wire, self._slug["count"])
            if counted >= self.tally.events and not unsettled:
                return
            if time.monotonic() >= deadline:
                self.say(f"not all is settled after {self.wanted.settle_s:g} s: comparing what is there")
                return
            if time.monotonic() - said >= SAY_EVERY_S:
                said = time.monotonic()
                self.say(f"{counted:,} of {self.tally.events:,} events are counted{', not all settled' * unsettled}")
            time.sleep(0.5)

    def _repeat(self) -> None:
        """Let ids that have landed come again, and an event after them, with which they have most likely landed too."""
        repeats = self.traffic.afterwards()
        for first in range(0, len(repeats), self.wanted.per_request):
            self._post(repeats[first : first + self.wanted.per_request])
        last = self.traffic.single(f"{self.name}-last")
        self._post([last])
        self.tally.add([last])
        self._settle()

    def _compare(self) -> None:
        for meter in METERS:
            by_region = meter == "regions"
            found = reading.hours(self.wire, self._slug[meter], by_region=by_region)
            self._match(meter, self.tally.expected(meter), found)
        listed = reading.listed(self.wire, self.traffic.type)
        self._match("events listed", {("all", "", None): Fraction(self.tally.events)}, {("all", "", None): Fraction(listed)})

    def _match(self, meter: str, expected: dict[Key, Fraction], found: dict[Key, Fraction]) -> None:
        for key in sorted(expected.keys() | found.keys(), key=str):
            self.found.checked += 1
            must, is_ = expected.get(key), found.get(key)
            if not same(must, is_):
                self.found.differences.append(Difference(meter, *key, _text(must), _text(is_)))


def _text(number: Fraction | None) -> str | None:
    return None if number is None else f"{float(number)!r} ({number})"
