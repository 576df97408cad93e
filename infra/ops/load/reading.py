"""What the API says of a run's meters and events."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any
from urllib.parse import urlencode

from infra.ops.load.tally import Key
from infra.ops.load.traffic import LATE_S
from infra.ops.load.wire import Wire


def current(wire: Wire, meter: str, subject: str) -> int:
    """What a counting meter says of a subject in the current month."""
    return int(wire.call("GET", f"/v1/meters/{meter}/current?{urlencode({'subject': subject})}")["value"] or 0)


def total(wire: Wire, meter: str) -> tuple[int, bool]:
    """What a counting meter says of all, and whether something of it is not settled yet."""
    (page,) = _pages(wire, f"/v1/meters/{meter}/query", _period())
    value = page["data"][0]["value"] if page["data"] else 0
    return int(value), page["unsettled"] or page["queued"]


def hours(wire: Wire, meter: str, *, by_region: bool) -> dict[Key, Fraction]:
    """What a meter says of each subject's hours."""
    group_by = ["subject", *(["region"] if by_region else [])]
    found = {}
    for page in _pages(wire, f"/v1/meters/{meter}/query", {**_period(), "window_size": "HOUR", "group_by": group_by}):
        for row in page["data"]:
            hour = datetime.fromisoformat(row["window_start"]).astimezone(UTC).isoformat()
            found[row["subject"], hour, row["groups"].get("region")] = Fraction(row["value"])
    return found


def listed(wire: Wire, type_: str) -> int:
    """How many events of a type the explorer lists."""
    return sum(len(page["data"]) for page in _pages(wire, "/v1/events", {"types": type_, "limit": 500}))


def _period() -> dict[str, str]:
    """All in which events of a run can lie, and what is still to come."""
    now = datetime.now(UTC).replace(microsecond=0)
    return {"from": (now - timedelta(seconds=LATE_S[1], hours=2)).isoformat(), "to": (now + timedelta(hours=1)).isoformat()}


def _pages(wire: Wire, path: str, query: dict[str, Any]) -> Iterator[Any]:
    while True:
        page = wire.call("GET", f"{path}?{urlencode(query, doseq=True)}")
        yield page
        if not page["pagination"]["has_more"]:
            return
        query = {**query, "cursor": page["pagination"]["next_cursor"]}
