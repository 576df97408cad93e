"""`oppulence smoke`: is what was just deployed alive? Few checks, real ones, from outside; then, if asked, a watch over them."""

import hashlib
import hmac
import json
import os
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Annotated, Any

import typer

from infra.deployed import PREFIX
from infra.ops.api import OPENER
from infra.ops.output import Aws, Failed, Json, answer, explained, say, table
from infra.ops.place import Place, dev_json, find

WEBHOOK_URL, WEBHOOK_SECRET = "OPPULENCE_SMOKE_WEBHOOK_URL", "OPPULENCE_SMOKE_WEBHOOK_SECRET"
"""A test workspace's connection, made for this; without both the webhook door is not tried."""

TIMEOUT_S = 35
PAUSE_S = 15.0
PATIENCE = 2
"""How often in a row a watched check may fail before the watch fails: a cold start or one lost packet is no outage."""


@dataclass(frozen=True)
class Door:
    """Where a signed webhook goes, and what signs it."""

    url: str
    secret: str


@dataclass(frozen=True)
class Outcome:
    """What one check found; `problem` is empty when it is as it should be."""

    check: str
    ms: int
    problem: str


def smoke(
    api_url: Annotated[str | None, typer.Option(help="Base URL of the API; the deployed functions know it otherwise.")] = None,
    watch_s: Annotated[
        int, typer.Option("--watch-s", min=0, help="Go on checking, and look at alarms, for so many seconds.")
    ] = 0,
    on_aws: Aws = False,
    as_json: Json = False,
) -> None:
    """Check the API from outside: it answers, its stores answer, it refuses who has no key, its webhook door takes an event."""
    with explained(as_json):
        place = None if api_url and not on_aws else find(on_aws)
        url = (api_url or (place.api_url() if place else "")).rstrip("/")
        outcomes = list(checks(url, _door(place)))
        if watch_s and not any(one.problem for one in outcomes):
            outcomes = watch(url, _door(place), watch_s, _alarms(place))
        answer(
            [asdict(one) for one in outcomes], table([asdict(one) for one in outcomes], ("check", "ms", "problem"), ""), as_json
        )
        if any(one.problem for one in outcomes):
            raise typer.Exit(1)


def checks(url: str, door: Door | None) -> Iterator[Outcome]:
    """Each check once."""
    yield _check("healthz", lambda: _expect(url + "/healthz", 200, "ok"))
    yield _check("readyz", lambda: _expect(url + "/readyz", 200, "ready"))
    yield _check("refuses without a key", lambda: _expect(url + "/v1/ledger", 401, "authentication_error"))
    yield _check("openapi", lambda: _expect(url + "/v1/openapi.json", 200, '"openapi"'))
    if door:
        body = json.dumps(event()).encode()
        yield _check("takes a signed webhook", lambda: _expect(door.url, 200, "event_id", body, signature(body, door.secret)))
        yield _check("refuses a forged webhook", lambda: _expect(door.url, 400, "signature", body, signature(body, "forged")))


def watch(url: str, door: Door | None, for_s: float, alarms: Callable[[], set[str]], pause_s: float = PAUSE_S) -> list[Outcome]:
    """Check again and again; ends early when a check has failed twice in a row, or an alarm has gone off since the beginning."""
    until, before, failing = time.monotonic() + for_s, alarms(), dict[str, int]()
    while True:
        outcomes = list(checks(url, door))
        failing = {one.check: failing.get(one.check, 0) + 1 for one in outcomes if one.problem}
        rung = sorted(alarms() - before)
        if rung:
            return [*outcomes, Outcome("alarms", 0, f"went off: {', '.join(rung)}")]
        if any(times >= PATIENCE for times in failing.values()) or (time.monotonic() >= until and not failing):
            return outcomes
        say(f"watching: {len(outcomes)} checks, {len(failing)} failing, {max(0, until - time.monotonic()):.0f} s to go")
        time.sleep(pause_s)


def event() -> dict[str, Any]:
    """An event of a type that nothing acts on, so that it is stored and no more."""
    now = int(time.time())
    shown = {"id": f"smoke_{uuid.uuid4().hex}", "object": "smoke_test", "livemode": False, "created": now}
    return {
        "id": f"evt_smoke{uuid.uuid4().hex}", "object": "event", "type": "smoke_test.created", "created": now, "livemode": False,
        "api_version": "2024-06-20", "data": {"object": shown}, "pending_webhooks": 0, "request": None,
    }  # fmt: skip


def signature(body: bytes, secret: str) -> str:
    """A `Stripe-Signature` header of this second."""
    now = int(time.time())
    return f"t={now},v1={hmac.new(secret.encode(), f'{now}.'.encode() + body, hashlib.sha256).hexdigest()}"


def _door(place: Place | None) -> Door | None:
    """From the environment; on this machine the development workspace's own."""
    if WEBHOOK_URL in os.environ and WEBHOOK_SECRET in os.environ:
        return Door(os.environ[WEBHOOK_URL], os.environ[WEBHOOK_SECRET])
    known = dev_json().get("stripe", {}) if place and place.local else {}
    return Door(known["webhook_url"], known["webhook_secret"]) if "webhook_secret" in known else None


def _alarms(place: Place | None) -> Callable[[], set[str]]:
    """Names of our alarms that ring now; none where there are no alarms."""
    if place is None or place.local:
        return set
    client = place.client("cloudwatch")

    def ringing() -> set[str]:
        pages = client.get_paginator("describe_alarms").paginate(AlarmNamePrefix=PREFIX, StateValue="ALARM")
        return {alarm["AlarmName"] for page in pages for alarm in page["MetricAlarms"]}

    return ringing


def _check(name: str, run: Callable[[], None]) -> Outcome:
    began = time.monotonic()
    try:
        run()
        problem = ""
    except Failed as error:
        problem = str(error)
    return Outcome(name, round((time.monotonic() - began) * 1000), problem)


def _expect(url: str, status: int, content: str, body: bytes | None = None, signed: str = "") -> None:
    """Send a request and hold the answer to its status, and to a text that it must have.

    Raises:
        Failed: it is another one, or none came.
    """
    headers = {"Content-Type": "application/json", **({"Stripe-Signature": signed} if signed else {})}
    request = urllib.request.Request(url, data=body, headers=headers)
    try:
        with OPENER.open(request, timeout=TIMEOUT_S) as response:
            found, text = response.status, response.read().decode(errors="replace")
    except urllib.error.HTTPError as error:
        found, text = error.code, error.read().decode(errors="replace")
    except OSError as error:
        raise Failed(f"no answer: {error}") from error
    if found != status or content not in text:
        raise Failed(
            f"answered {found} instead of {status}: {text[:200]}" if found != status else f"no '{content}' in: {text[:200]}"
        )
