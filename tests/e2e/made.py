"""Events that the corpus does not have: its objects under new ids, changed as a test needs it."""

import json
import time
from collections.abc import Callable
from itertools import count
from typing import Any

from infra.local.demo import corpus
from infra.local.demo.corpus import FOLDER as FIXTURES
from infra.local.demo.corpus import Event

Shown = dict[str, Any]
_numbers = count(1)
_began = int(time.time()) - 20_000


def like(kind: str, wanted: Callable[[Shown], bool] = lambda _: True, **changes: Any) -> Shown:
    """A copy of the corpus' first object of a kind that is as wanted, under an id of its own."""
    first = next(event.object for event in corpus.bundled().events if event.object["object"] == kind and wanted(event.object))
    shown: Shown = json.loads(json.dumps(first))
    prefix = str(shown["id"]).partition("_")[0]
    return shown | {"id": f"{prefix}_made{next(_numbers):05d}"} | changes


def event(type_: str, shown: Shown, created: int | None = None, **envelope: Any) -> Event:
    """An event with an id and, unless given, a second of its own."""
    number = next(_numbers)
    document = {
        "id": f"evt_made{number:05d}", "object": "event", "api_version": "2026-05-27.dahlia", "type": type_, "livemode": False,
        "created": created or _began + number, "data": {"object": shown}, "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
    } | envelope  # fmt: skip
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=False)
    return read(text.encode("utf-8", "backslashreplace"))  # half a surrogate pair has no other way into JSON


def read(body: bytes) -> Event:
    """The event of some bytes."""
    document = json.loads(body)
    return Event(
        document["id"], document["type"], document.get("account") or "", document["created"], body, document["data"]["object"]
    )


def three_decimals() -> list[Event]:
    """A subscription that is paid in Kuwaiti dinars, a thousand fils each."""
    return [read(line) for line in (FIXTURES.parent / "three_decimal.jsonl").read_bytes().splitlines()]
