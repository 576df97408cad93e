"""One API call from its headers and body to its answer: who asks, whether once more, what is done, how it is told."""

import hashlib
import json
from collections import Counter
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any

import infra.local.stripe.api  # noqa: F401 - so that its routes are there
from infra.local.stripe import forms, ids, keys, params, routing, schemas
from infra.local.stripe.errors import StripeError
from infra.local.stripe.expand import expand
from infra.local.stripe.faults import Bucket, Fault, Faults
from infra.local.stripe.listing import Page
from infra.local.stripe.store import Saved, encode
from infra.local.stripe.unit import API_VERSION, Call, Obj, Unit
from infra.local.stripe.world import KEPT_S, World

UNSAVED = {"parameter_unknown", "parameter_missing", "parameter_invalid_integer", "parameter_invalid_empty", "not_simulated"}


@dataclass(frozen=True)
class Request:
    """`text` is the query of a GET or DELETE, the form-encoded body of a POST."""

    method: str
    path: str
    text: str
    headers: dict[str, str]
    """Names in lower case."""


@dataclass
class Response:
    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    fault: Fault | None = None


class Broken(RuntimeError):
    """An answer that is not of Stripe's published shape."""


@dataclass
class Calls:
    """Answers calls on a world. With `validate` every answer and event is checked against the published schemas."""

    world: World
    faults: Faults = field(default_factory=Faults)
    bucket: Bucket = field(default_factory=Bucket)
    validate: bool = False
    answered: Counter[str] = field(default_factory=Counter)
    """How often each route was answered with 200, by method and path."""

    def answer(self, request: Request) -> Response:
        call = Call(ids.new("req"), request.headers.get("idempotency-key"))
        try:
            response = self._answer(request, call)
        except StripeError as error:
            self._check(request, encode(error.body))
            response = Response(error.status, encode(error.body), dict(error.headers))
        response.headers |= self._headers(request, call)
        return response

    def _check(self, request: Request, body: bytes) -> None:
        if self.validate and (wrong := schemas.errors(json.loads(body))):
            raise Broken(f"{request.method} {request.path}: {wrong[:5]}")

    def _headers(self, request: Request, call: Call) -> dict[str, str]:
        told = {"Request-Id": str(call.id), "Stripe-Version": request.headers.get("stripe-version", API_VERSION)}
        told["Date"] = formatdate(self.world.clock.now(), usegmt=True)
        return told | ({"Idempotency-Key": call.key} if call.key and request.method == "POST" else {})

    def _answer(self, request: Request, call: Call) -> Response:
        key = keys.identify(self.world.unit(), request.headers.get("authorization"))
        self.bucket.take()
        account = keys.account_of(self.world, self.world.unit(), key, request.headers.get("stripe-account"))
        found = routing.find(request.method, request.path)
        if found is None:
            where = f"({request.method}: {request.path})"
            hint = "Please see https://stripe.com/docs or we can help at https://support.stripe.com/."
            raise StripeError(404, "invalid_request_error", f"Unrecognized request URL {where}. {hint}")
        route, path_ids = found
        keys.allow(key, route.permission, account or self.world.account)
        fault = self.faults.take(request.method, request.path)
        if fault and fault.when == "before":
            return self._failed(fault)
        response = self._once(request, call, account, route, path_ids)
        self.answered[f"{route.method} {route.path}"] += response.status == 200
        return self._failed(fault) if fault else response

    def _failed(self, fault: Fault) -> Response:
        error = fault.error()
        return Response(error.status, encode(error.body), dict(error.headers), fault)

    def _once(self, request: Request, call: Call, account: str, route: routing.Route, path_ids: dict[str, str]) -> Response:
        """Do it, or repeat what was answered to the same idempotency key."""
        name = f"{account}/{call.key}" if call.key and request.method == "POST" else None
        digest = hashlib.sha256(request.text.encode()).hexdigest()
        if name:
            kept = self.world.store.saved(name)
            if kept and kept.at > self.world.clock.second() - KEPT_S:
                return repeated(kept, str(call.key), request.path, digest)
        unit = self.world.unit(account, call)
        saved = None
        try:
            body = self._do(unit, request, route, path_ids)
            status, keeps = 200, True
        except StripeError as error:
            if not error.keeps and (not name or error.code in UNSAVED or error.status == 404):
                raise
            body, status, keeps = encode(error.body), error.status, error.keeps
        self._check(request, body)
        if name:
            saved = Saved(name, self.world.clock.second(), request.path, digest, str(call.id), status, body)
        self.world.commit(unit if keeps else self.world.unit(account, call), saved=saved)
        return Response(status, body)

    def _do(self, unit: Unit, request: Request, route: routing.Route, path_ids: dict[str, str]) -> bytes:
        given = params.read(route.kind, _form(request), route.takes)
        paths = given.pop("expand", [])
        answer = route.handler(unit, given, *path_ids.values())
        if not paths:
            return answer if isinstance(answer, bytes) else answer.encode() if isinstance(answer, Page) else encode(answer)
        if isinstance(answer, Page):
            answer = answer.encode()
        body: Obj = json.loads(answer) if isinstance(answer, bytes) else answer
        return encode(expand(unit, body, paths))


def _form(request: Request) -> forms.Form:
    """API v2 takes JSON where v1 takes forms."""
    if request.method == "POST" and request.path.startswith("/v2/"):
        return forms.of_json(request.text)
    return forms.decode(request.text)


def repeated(kept: Saved, key: str, path: str, digest: str) -> Response:
    """The answer that an idempotency key had before.

    Raises:
        StripeError: the key was used for another request.
    """
    if kept.path != path:
        told = "Keys for idempotent requests can only be used for the same endpoint they were first used for"
        raise _other(f"{told} ('{kept.path}' vs '{path}').", key)
    if kept.digest != digest:
        raise _other("Keys for idempotent requests can only be used with the same parameters they were first used with.", key)
    return Response(kept.status, kept.body, {"Idempotent-Replayed": "true", "Original-Request": kept.original})


def _other(told: str, key: str) -> StripeError:
    hint = f"Try using a key other than '{key}' if you meant to execute a different request."
    return StripeError(400, "idempotency_error", f"{told} {hint}")


def check_event(event: Obj) -> None:
    """Raises:
    Broken: an event that is not of the published shape.
    """
    wrong: list[Any] = schemas.errors(event)
    if wrong:
        raise Broken(f"{event['type']}: {wrong[:5]}")
