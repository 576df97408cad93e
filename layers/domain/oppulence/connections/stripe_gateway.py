"""Stripe's API over plain HTTP: exact bytes in, exact bytes out, and the second at which Stripe was asked.

The SDK is not used: its objects cost more than the request (444 objects a second against 5,300 raw), its import 126 ms, and
what is left of it is a form encoding. Every call names the version that the sync engine's readers were tested with and that
our webhook endpoints are registered under, so that a listed object and one in a webhook have the same shape.
"""

import json
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Any
from urllib.parse import urlencode

import urllib3
from urllib3.exceptions import HTTPError, ProtocolError

from oppulence.connections import breaker
from oppulence.connections.errors import (
    ProviderBusy,
    ProviderKeyRefused,
    ProviderObjectMissing,
    ProviderRefused,
    ProviderUnavailable,
)
from oppulence.kernel import clock, environment, telemetry
from oppulence.kernel.errors import AppError

API_VERSION = "2026-05-27.dahlia"
"""That of the published shapes in tests/fixtures/stripe. Readers know older ones too: webhooks made by hand may bring them."""

TIMEOUT = urllib3.Timeout(connect=3.0, read=10.0)
MAX_ANSWER_BYTES = 32 * 1024 * 1024
"""A hundred of the largest objects that were seen are 30 MB."""

_CONNECTIONS = 10
_MESSAGE_MAX = 300
_PATH = re.compile(r"/v[12](/(?!\.{1,2}(/|$))[A-Za-z0-9_.~%:@!$&'()*+,;=-]+)+")
_PERMISSION = re.compile(r"\brak_[a-z0-9_]+\b")
_ANOTHER_ACCOUNT = "account_invalid"
"""Stripe's code where a connected account has left the platform: the key itself is good."""

Params = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """What Stripe said: the exact bytes, and the second at its clock at which it was asked, or a little before."""

    body: bytes
    asked_at: datetime

    def json(self) -> Any:  # noqa: ANN401
        """The body, parsed."""
        return json.loads(self.body)


@dataclass(frozen=True)
class StripeGateway:
    """One connection's way to Stripe. `account` names a connected account where a platform asks on its behalf.

    All calls raise what `errors` draws. None is to be made inside a transaction.
    """

    connection_id: str
    key: str = field(repr=False)

    def get(self, path: str, params: Params | None = None, *, account: str = "") -> Answer:
        """Read an object or a page of a list; `params` may nest and repeat, as in `{"created": {"gte": 1}, "expand": ["a"]}`."""
        query = urlencode(list(_pairs(params or {})))
        return self._call("GET", f"{_checked(path)}?{query}" if query else _checked(path), account=account)

    def post(self, path: str, params: Params, *, idempotency_key: str, account: str = "") -> Answer:
        """Create or change an object; a repeat under the same key does nothing new and is answered the same, for 24 hours."""
        body = urlencode(list(_pairs(params)))
        return self._call("POST", _checked(path), body=body, idempotency_key=idempotency_key, account=account)

    def delete(self, path: str, *, account: str = "") -> Answer:
        """Delete an object. One that is gone already is a ProviderObjectMissing."""
        return self._call("DELETE", _checked(path), account=account)

    def _call(self, method: str, target: str, *, body: str | None = None, idempotency_key: str = "", account: str = "") -> Answer:
        headers = {"Authorization": f"Bearer {self.key}", "Stripe-Version": API_VERSION, "User-Agent": "oppulence"}
        if account:
            headers["Stripe-Account"] = account
        if body is not None:
            headers |= {"Content-Type": "application/x-www-form-urlencoded", "Idempotency-Key": idempotency_key}
        circuit = breaker.of(self.connection_id)
        if (wait_s := circuit.closed_in_s()) > 0:
            raise ProviderUnavailable("Stripe has been failing; it is asked again in a moment.", max(1, round(wait_s)))
        try:
            status, answered, content, asked_at = _exchange(method, target, headers, body)
            if status < 400:
                circuit.count(ok=True)
                return Answer(content, asked_at)
            error: AppError = _refusal(status, answered, content, account)
        except (HTTPError, OSError) as failure:
            error = ProviderUnavailable(f"Stripe could not be reached ({type(failure).__name__}).")
        circuit.count(ok=not isinstance(error, ProviderUnavailable))
        raise error


def _exchange(
    method: str, target: str, headers: Mapping[str, str], body: str | None
) -> tuple[int, Mapping[str, str], bytes, datetime]:
    """One request, sent again at once where a kept connection turns out to be dead; writes carry their key, so may be too."""
    for last in (False, True):
        started, began = clock.real_now(), time.monotonic()
        try:
            response = _pool().urlopen(
                method, target, body=body, headers=headers, timeout=TIMEOUT, retries=False, redirect=False, preload_content=False
            )
            took = timedelta(seconds=time.monotonic() - began)
            content = response.read(MAX_ANSWER_BYTES + 1)
        except ProtocolError:
            if last:
                raise
            continue
        if len(content) > MAX_ANSWER_BYTES:
            response.close()
            raise ProviderRefused(f"Stripe's answer is over {MAX_ANSWER_BYTES} bytes. Ask for a smaller page.", response.status)
        response.release_conn()
        return response.status, response.headers, content, _asked_at(response.headers.get("Date"), started, took)
    raise AssertionError("unreachable")


def _asked_at(date: str | None, started: datetime, took: timedelta) -> datetime:
    """The second at Stripe's clock at which it was asked: never later than that, a second or so earlier at most.

    `Date` is when it answered. Without one, our own clock at the start has to do.
    """
    try:
        at = parsedate_to_datetime(date or "").astimezone(UTC) - took
    except ValueError:
        at = started
    return at.replace(microsecond=0)


def _refusal(status: int, headers: Mapping[str, str], content: bytes, account: str) -> AppError:
    """An answer of 400 and more as one of our errors; its words are kept short and without keys."""
    try:
        told = json.loads(content)["error"]
        code, message = told.get("code"), str(telemetry.redact(str(told.get("message") or "")))[:_MESSAGE_MAX]
    except (ValueError, KeyError, TypeError, AttributeError):
        code, message = None, ""
    if status == 401:
        return ProviderKeyRefused("Stripe refuses the API key: it was revoked, has expired, or never was one.")
    if status == 403 and (found := _PERMISSION.search(message)):
        return ProviderKeyRefused(f"The API key lacks the permission {found[0]}: add it in Stripe's dashboard.", found[0])
    if status == 403 and not (account and code == _ANOTHER_ACCOUNT):
        return ProviderKeyRefused("The API key may not do this at Stripe.")
    if status == 404:
        return ProviderObjectMissing(message or "Stripe has no such object.")
    if status == 429 or status == 409:
        return ProviderBusy("Stripe asks to wait before the next request.", _seconds(headers.get("Retry-After")))
    if status >= 500:
        return ProviderUnavailable(f"Stripe failed with status {status}.", _seconds(headers.get("Retry-After"), 5), answered=True)
    return ProviderRefused(f"Stripe refused the request ({status}): {message}", status, code)


def _seconds(header: str | None, otherwise: int = 1) -> int:
    """`Retry-After` in whole seconds, at least one; Stripe sends no dates there."""
    return max(1, min(int(header), 3_600)) if header and header.isdigit() else otherwise


def _checked(path: str) -> str:
    """The path, which may come out of an event: it stays within the API, and carries no query of its own."""
    if not _PATH.fullmatch(path):
        raise ProviderRefused("This is no path of Stripe's API.", 400)
    return path


def _pairs(value: object, name: str = "") -> Iterator[tuple[str, str]]:
    """Stripe's form encoding: `a[b]=1&c[0]=2`; None is left out."""
    match value:
        case Mapping():
            for key, item in value.items():
                yield from _pairs(item, f"{name}[{key}]" if name else str(key))
        case list() | tuple():
            for index, item in enumerate(value):
                yield from _pairs(item, f"{name}[{index}]")
        case None:
            return
        case bool():
            yield name, "true" if value else "false"
        case _:
            yield name, str(value)


def _pool() -> urllib3.HTTPConnectionPool:
    return _pool_of(environment.required("STRIPE_API_BASE"))


@cache
def _pool_of(base: str) -> urllib3.HTTPConnectionPool:
    """The process's kept connections to Stripe. Proxies named in the environment are not used."""
    return urllib3.connection_from_url(base, maxsize=_CONNECTIONS)
