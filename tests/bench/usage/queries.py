"""What a query costs, all of it, against bare SQL on a table made for it; and whether it grows with what it does not ask for.

10,000,000 events of 1,000 workspaces, the largest with a tenth; on top 10,000 that have landed and are not settled.
"""

import contextlib
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from oppulence.kernel import olap
from oppulence.kernel.uow import Scope
from oppulence.metering.query import Question, answer
from oppulence.metering.query import run as billing_run
from oppulence.metering.windows import WindowSize
from tests.bench.figures import interleaved, milliseconds, report
from tests.bench.usage import bodies
from tests.bench.usage.filling import Filling, merge, parts
from tests.bench.usage.place import Usage, place

EVENTS, SETTLEMENTS, WORKSPACES = 10_000_000, 100, 1_000
TAIL = 10_000
REPETITIONS = 20
AT_MOST = {"merged": 2.0, "as inserted": 4.0}
GROWTH_AT_MOST = 1.5
SUBJECT = "user_7"
MONTH = (datetime(2026, 2, 1, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC))

_WHERE = "workspace_id = {ws:String} AND time >= {since:DateTime64(6, 'UTC')} AND time < {until:DateTime64(6, 'UTC')}"
_HOURLY = "SELECT toStartOfHour(time) AS hour, sum(value), count() FROM bare_usage WHERE " + _WHERE
_BARE = {
    "subject hourly": _HOURLY + " AND type = {meter:String} AND subject = {subject:String} GROUP BY hour ORDER BY hour",
    "meter hourly": _HOURLY + " AND type = {meter:String} GROUP BY hour ORDER BY hour",
    "billing run": f"SELECT type, subject, sum(value), count() FROM bare_usage WHERE {_WHERE} GROUP BY type, subject",
}


def run() -> None:
    """Queries as inserted, then merged; then growth from a million to ten."""
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
        with place() as usage:
            _fill(usage, Filling(EVENTS, usage.meters, _one_in_ten(usage)), EVENTS, SETTLEMENTS)
            bodies.land(usage, TAIL)
            _measure(usage, "as inserted")
            merge(usage.client)
            _measure(usage, "merged")
        for grown in ("other subjects", "other workspaces"):
            with place() as usage:
                _growth(usage, grown)


def _one_in_ten(usage: Usage) -> str:
    return f"if(number % 10 = 0, '{usage.workspace_id}', concat('ws_', toString(intDiv(h, 10) % {WORKSPACES - 1})))"


def _fill(usage: Usage, filling: Filling, events: int, settlements: int, *, first: int = 0, settlement: int = 0) -> None:
    size = events // settlements
    for n in range(settlements):
        filling.insert(usage.client, first + n * size, size, settlement + n + 1)
    usage.settled(settlement + settlements)


def _asked(usage: Usage) -> dict[str, Callable[[], object]]:
    scope = Scope("metering", usage.workspace_id)
    one = Question(usage.meters[0], *MONTH, WindowSize.HOUR, subjects=(SUBJECT,))
    billed = Question("", *MONTH, group_by=("subject",))
    return {
        "subject hourly": partial(answer, scope, one),
        "meter hourly": partial(answer, scope, replace(one, subjects=())),
        "billing run": partial(billing_run, scope, billed),
    }


def _bare(usage: Usage, name: str) -> Sequence[Sequence[object]]:
    parameters = {
        "ws": usage.workspace_id, "since": MONTH[0], "until": MONTH[1], "meter": usage.meters[0], "subject": SUBJECT,
    }  # fmt: skip
    return olap.query(_BARE[name], parameters)


def _measure(usage: Usage, state: str) -> None:
    standing = parts(usage.client)
    for name, ours in _asked(usage).items():
        interleaved(3, ours, partial(_bare, usage, name))
        spent, bare = map(milliseconds, interleaved(REPETITIONS, ours, partial(_bare, usage, name)))
        figure: dict[str, object] = {
            "query": name, "state": state, "events": EVENTS, "tail": TAIL, "p50_ms": spent, "against": "bare SQL",
            "bare_p50_ms": bare, "parts": standing,
        }  # fmt: skip
        report("usage_queries", figure, ratio=spent / bare, at_most=AT_MOST[state])


def _growth(usage: Usage, grown: str) -> None:
    """The same question of the same rows, among a million events and among ten."""
    own, tenth = f"'{usage.workspace_id}'", EVENTS // 10
    _fill(usage, Filling(EVENTS, usage.meters, own), tenth, 10)
    ours = _asked(usage)["subject hourly"]
    merge(usage.client)
    interleaved(3, ours)
    (before,) = map(milliseconds, interleaved(REPETITIONS, ours))
    if grown == "other subjects":
        rest = Filling(EVENTS, usage.meters, own, "concat('other_', toString(intDiv(h, 10) % 9000))")
    else:
        rest = Filling(EVENTS, usage.meters, "concat('ws_', toString(intDiv(h, 10) % 1000))")
    _fill(usage, rest, EVENTS - tenth, 90, first=tenth, settlement=10)
    merge(usage.client)
    interleaved(3, ours)
    (after,) = map(milliseconds, interleaved(REPETITIONS, ours))
    figure: dict[str, object] = {
        "grown_by": grown, "p50_ms": after, "against": f"{tenth} events", "before_p50_ms": before, "events": EVENTS,
    }  # fmt: skip
    report("usage_growth", figure, ratio=after / before, at_most=GROWTH_AT_MOST)
