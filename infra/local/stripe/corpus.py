"""The bundled corpus as an account: every object of its final state, and its events, on the shelves."""

import gzip
import json
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from infra.local.paths import REPO
from infra.local.stripe.store import Changes, encode
from infra.local.stripe.unit import PLATFORM
from infra.local.stripe.world import World

SOON_S = 2.0
BUNDLED = REPO / "tests" / "fixtures" / "stripe"


def load(world: World, folder: Path = BUNDLED) -> int:
    """Put the objects and events of a folder on the shelves of an empty world; returns how many.

    The account takes the corpus' id, and time stands at its last event. Its subscriptions do not renew by themselves until
    `revive` puts that on the agenda.
    """
    manifest = json.loads((folder / "manifest.json").read_text())
    world.account = world.settings["account"] = manifest["account"]
    world.clock.frozen = True
    world.clock.set(float(manifest["last_event"]))
    count = shelve(world, folder)
    world.keep()
    return count


def shelve(world: World, folder: Path) -> int:
    """Put a folder's objects and events on the shelves; returns how many."""
    count = world.store.bulk(_rows(_lines(folder / "objects.jsonl.gz")))
    return count + world.store.bulk(_events(_lines(folder / "events.jsonl.gz")))


def play(world: World, ids: Iterable[str], at: float | None = None) -> int:
    """Let events of the bundled corpus happen; returns how many were new.

    Each is on the shelves afterwards, with its object as it shows it. Time stands then at `at`, or soon after the last: who
    asks after a webhook came learns what is younger than it. Nobody is told of the events: whoever plays delivers.
    """
    happening = [event for event in map(_bundled().__getitem__, ids) if not _has(world, event)]
    if happening:
        world.clock.frozen = True
        world.clock.set(at or max(event["created"] for event in happening) + SOON_S)
        world.store.bulk([row for event in happening for row in _told(event)])
        gone = [(_home(event), one["object"], one["id"]) for event in happening if (one := _removed(event))]
        world.store.commit(Changes(gone=gone))
        world.keep()
    return len(happening)


@cache
def _bundled() -> dict[str, dict[str, Any]]:
    return {event["id"]: event for event in _lines(BUNDLED / "events.jsonl.gz")}


def _has(world: World, event: dict[str, Any]) -> bool:
    return event["id"] in world.store.shelf(event.get("account") or "", "event").rows


def _told(event: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any], bytes]]:
    """The event and its object, unless that is one that does not exist or is gone."""
    yield event.get("account") or "", event, encode(event)
    shown = event["data"]["object"]
    if event["type"] == "customer.deleted":
        shown = {"id": shown["id"], "object": "customer", "deleted": True}
    if shown.get("id") and event["type"] != "invoice.upcoming" and not _removed(event):
        yield _home(event), shown, encode(shown)


def _removed(event: dict[str, Any]) -> dict[str, Any] | None:
    """The object that an event takes away; of customers a stub stays, subscriptions only end."""
    is_end = event["type"].endswith(".deleted") and event["type"] not in ("customer.deleted", "customer.subscription.deleted")
    shown: dict[str, Any] = event["data"]["object"]
    return shown if is_end else None


def _home(event: dict[str, Any]) -> str:
    return "" if event["data"]["object"].get("object") in PLATFORM else event.get("account") or ""


def revive(world: World) -> int:
    """Let the corpus' live subscriptions renew, and its open invoices be retried, as time is moved on; returns how many."""
    accounts = {account for account, _ in list(world.store.shelves)}
    count = 0
    for account in sorted(accounts):
        unit = world.unit(account)
        for sub in unit.find("subscription"):
            if sub["status"] in ("active", "trialing", "past_due"):
                end = sub["items"]["data"][0]["current_period_end"]
                unit.at(max(end, unit.now + 1), "renew", sub["id"], end)
                count += 1
        for inv in unit.find("invoice"):
            if inv["status"] == "open" and inv["next_payment_attempt"]:
                unit.at(max(inv["next_payment_attempt"], unit.now + 1), "retry", inv["id"], inv["attempt_count"])
                count += 1
            elif inv["status"] == "draft" and inv["auto_advance"]:
                unit.at(max(inv["created"] + 3600, unit.now + 1), "bill", inv["id"])
                count += 1
        world.commit(unit)
    return count


def _rows(lines: Iterable[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any], bytes]]:
    for line in lines:
        body = line["object"]
        account = "" if line["object_type"] in PLATFORM else line.get("account") or ""
        yield account, body, encode(body)


def _events(lines: Iterable[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any], bytes]]:
    for event in lines:
        yield event.get("account") or "", event, encode(event)


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    plain = path.with_suffix("")
    data = plain.read_bytes() if not path.exists() and plain.exists() else gzip.decompress(path.read_bytes())
    for line in data.splitlines():
        yield json.loads(line)
