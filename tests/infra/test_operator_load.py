"""The load tool's own parts: its traffic, its tally beside the rules of metering, and its patience."""

import json
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest

from infra.ops.load.command import share
from infra.ops.load.tally import METERS, Tally, same
from infra.ops.load.traffic import LATE_S, Made, Shares, Traffic
from infra.ops.load.wire import Wire
from infra.ops.output import Failed
from oppulence.metering.models import Aggregation, Measure
from oppulence.metering.quantities import Row, quantity
from oppulence.metering.windows import Window

NONE = Shares(0, 0)


def test_the_tally_says_what_the_rules_of_metering_say() -> None:
    traffic, tally = Traffic("t", Shares(0, 0.5), 1), Tally()
    events, _ = traffic.request(600)
    tally.add(events)
    assert tally.events == 600
    for meter, definition in METERS.items():
        for (subject, hour, region), found in tally.expected(meter).items():
            start = datetime.fromisoformat(hour)
            mine = [one for one in events if one.subject == subject and region in (None, one.region)]
            expected = quantity(
                Measure(aggregation=Aggregation(definition["aggregation"])), [_row(meter, one) for one in mine],
                Window(start, start + timedelta(hours=1)),
            )  # fmt: skip
            assert found == expected, (meter, subject, hour)


def _row(meter: str, event: Made) -> Row:
    number = Decimal(1) if meter in ("count", "unique") else event.amount
    return Row(event.time, number, event.user if meter == "unique" else None, id=event.id)


def test_what_was_answered_is_repeated_and_what_has_landed_with_other_content() -> None:
    traffic = Traffic("t", Shares(0.5, 0), 1)
    sent, new = traffic.request(100)
    assert sorted(one.id for one in sent) == sorted(one.id for one in new), "nothing was answered yet"
    traffic.answered(new)
    again, fresh = traffic.request(1000)
    repeats = [one for one in again if one not in fresh]
    assert len(repeats) == traffic.repeated and 400 < len(repeats) < 600 and set(repeats) <= set(new) and not traffic.changed
    traffic.landed(new[0])
    again, fresh = traffic.request(1000)
    changed = [one for one in again if one not in fresh and one not in new]
    assert len(changed) == traffic.changed > 150 and {one.id for one in changed} == {new[0].id}
    assert all(one.time != new[0].time and one.amount != new[0].amount for one in changed)


def test_late_events_are_hours_late_and_no_two_events_are_of_one_instant() -> None:
    traffic, now = Traffic("t", Shares(0, 0.1), 1), datetime.now(UTC)
    events, _ = traffic.request(2000)
    ages = [(now - one.time).total_seconds() for one in events]
    assert sum(age > LATE_S[0] - 1 for age in ages) == traffic.late and 100 < traffic.late < 300
    assert max(ages) <= LATE_S[1] and len({one.time for one in events}) == 2000
    assert traffic.single("probe").time >= now


def test_amounts_have_more_digits_than_a_float() -> None:
    events, _ = Traffic("t", NONE, 1).request(100)
    documents = [json.loads(json.dumps(one.document("load"))) for one in events]
    assert [Decimal(one["data"]["amount"]) for one in documents] == [one.amount for one in events]
    assert any(Decimal(float(one.amount)) != one.amount for one in events)


def test_numbers_are_the_same_to_the_last_digit_that_is_answered() -> None:
    third = Fraction(1, 3)
    assert same(third, Fraction(Decimal("0.33333333333333333333"))) and same(None, None)
    assert not same(third, Fraction(Decimal("0.3333333333333333334"))) and not same(Fraction(0), None)


@pytest.mark.parametrize(("text", "value"), [("5%", 0.05), ("0.05", 0.05), ("0", 0.0), ("99.9%", 0.999)])
def test_shares(text: str, value: float) -> None:
    assert share(text) == pytest.approx(value)


@pytest.mark.parametrize("text", ["100%", "-1%", "many", "", "1.5"])
def test_what_is_no_share(text: str) -> None:
    with pytest.raises(Failed, match="is no share"):
        share(text)


class Moody(BaseHTTPRequestHandler):
    """Says the statuses that are listed, one after the other, then 200; 0 hangs up."""

    protocol_version = "HTTP/1.1"
    statuses: ClassVar[list[int]] = []

    def do_GET(self) -> None:  # noqa: N802
        status = self.statuses.pop(0) if self.statuses else 200
        if not status:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        content = b'{"ok": true}'
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def moody() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Moody)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def test_what_is_away_for_a_moment_is_asked_again(moody: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.ops.load.wire.PAUSE_S", 0.01)
    monkeypatch.setattr(Moody, "statuses", [503, 0, 429, 502])
    wire = Wire(moody, "key", 10)
    assert wire.call("GET", "/") == {"ok": True} and wire.again == 4


def test_what_is_refused_or_away_for_too_long_ends_it(moody: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Moody, "statuses", [400])
    with pytest.raises(Failed, match="GET /: 400"):
        Wire(moody, "key", 10).call("GET", "/")
    monkeypatch.setattr(Moody, "statuses", [503])
    with pytest.raises(Failed, match="503"):
        Wire(moody, "key", 0).call("GET", "/")
    with pytest.raises(Failed, match="no answer"):
        Wire("http://127.0.0.1:9", "key", 0).call("GET", "/")
