"""From the gateway's event to typed values, and from whatever a handler does to an answer in the published form."""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import Field

from oppulence.kernel import response as responses
from oppulence.kernel.capabilities import Postgres
from oppulence.kernel.errors import AppError, NotFound, ProviderError
from oppulence.kernel.http import Model, Request, Response, Secret, route
from oppulence.kernel.request import parse, prefers
from oppulence.kernel.uow import UnitOfWork
from tests.kernel.support import CONTEXT, call, key_of
from tests.support.entries import routes
from tests.support.world import World

USES = (Postgres(CONTEXT),)


class Body(Model):
    name: str
    count: Annotated[int, Field(ge=0)] = 0
    at: datetime | None = None
    tags: list[str] = []


class Query(Model):
    word: str | None = None
    number: int | None = None
    many: list[str] = []


class Echo(Model):
    said: Any


raised: list[Callable[[], Exception]] = []


@route("POST", "/v1/test/echo", scope="sync:read", max_body_bytes=1_000, uses=USES)
def echo(uow: UnitOfWork, body: Body) -> Echo:
    return Echo(said=body.model_dump(mode="json"))


@route("GET", "/v1/test/query", scope="sync:read", uses=USES)
def query(uow: UnitOfWork, query: Query) -> Echo:
    return Echo(said=query.model_dump())


@route("GET", "/v1/test/raise", scope="sync:read", uses=USES)
def raising(uow: UnitOfWork) -> Echo:
    raise raised[-1]()


@route("POST", "/v1/test/store", scope="sync:read", uses=USES)
def storing(uow: UnitOfWork, body: Body) -> Echo:
    uow.conn.execute("SELECT %s::text, %s::integer", (body.name, body.count))
    return Echo(said=None)


@route("GET", "/v1/test/large", access="public")
def large() -> Response:
    return Response(200, b'"' + b'\\"' * 1_500_000 + b'"')


@route("POST", "/v1/test/raw", access="public", max_body_bytes=100)
def raw(request: Request) -> Response:
    return Response(200, request.body, "application/octet-stream")


def test_values_arrive_typed(world: World) -> None:
    body = {"name": "é☃\U0001f600", "count": 3, "at": "2026-01-01T00:00:00Z", "tags": ["a"]}
    assert call(echo, key_of(world), body).body["said"] == body


NO_JSON = [b"", b"{", b"nul", b'{"name": "\\ud800"}', b'{"name": "\xff"}', b"[" * 400 + b"]" * 400]
WRONG: dict[bytes, str] = {
    b"[]": "body", b'{"name": 1}': "name", b'{"name": null}': "name", b"{}": "name",
    b'{"name": "x", "count": "1"}': "count", b'{"name": "x", "count": 1.0}': "count", b'{"name": "x", "count": true}': "count",
    b'{"name": "x", "count": -1}': "count", b'{"name": "x", "count": NaN}': "count", b'{"name": "x", "colour": 1}': "colour",
    b'{"name": "x", "tags": [1]}': "tags.0", b'{"name": "x", "at": "yesterday"}': "at", b'{"name": "x", "at": 5}': "at",
}  # fmt: skip


@pytest.mark.parametrize("body", NO_JSON, ids=lambda body: str(body)[:30])
def test_what_is_no_json_is_an_invalid_body(world: World, body: bytes) -> None:
    answer = call(echo, key_of(world), raw=body)
    assert (answer.status, answer.error.type, answer.error.code) == (400, "validation_error", "invalid_body")


@pytest.mark.parametrize(("body", "param"), WRONG.items(), ids=lambda value: str(value)[:30])
def test_what_does_not_fit_is_named(world: World, body: bytes, param: str) -> None:
    answer = call(echo, key_of(world), raw=body)
    assert (answer.status, answer.error.type, answer.error.code) == (400, "validation_error", "invalid_parameter")
    assert answer.error.param == param


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_at_all_make_a_500(world_for_all: tuple[World, str], body: bytes) -> None:
    answer = call(echo, world_for_all[1], raw=body)
    assert answer.status in (200, 400), body


@pytest.fixture(scope="module")
def world_for_all(environment: None, postgres: Any) -> Any:
    with psycopg.connect(postgres.url, autocommit=True) as admin:
        world = World(admin)
        yield world, key_of(world)


def test_a_nul_that_the_database_cannot_store_is_the_callers(world: World) -> None:
    for body in ({"name": "a\x00b"}, {"name": "x", "count": 2**40}, {"name": "x", "count": 10**4_000}):
        assert call(storing, key_of(world), body).status == 400


def test_the_size_is_of_the_body_as_sent(world: World) -> None:
    assert call(echo, key_of(world), raw=b'{"name": "' + "é".encode() * 600 + b'"}').status == 413
    assert call(raw, raw=b"x" * 101).status == 413


@pytest.mark.parametrize("sent", ["application/json", "APPLICATION/JSON; charset=utf-8", "application/merge-patch+json"])
def test_json_by_any_of_its_names_is_taken(world: World, sent: str) -> None:
    assert call(echo, key_of(world), {"name": "x"}, headers={"content-type": sent}).status == 200


def test_the_body_reaches_a_route_that_wants_it_byte_by_byte() -> None:
    event = {
        "rawPath": "/v1/test/raw", "headers": {}, "requestContext": {"http": {"method": "POST"}},
        "body": "AP/+", "isBase64Encoded": True,
    }  # fmt: skip
    assert parse(event).body == b"\x00\xff\xfe"


@pytest.mark.parametrize("body", ["%%%", "a", "é", "=", "\ud800"])
def test_a_body_whose_encoding_is_broken_is_no_crash(world: World, body: str) -> None:
    event = {
        "rawPath": "/v1/test/echo", "headers": {"authorization": f"Bearer {key_of(world)}", "content-type": "application/json"},
        "requestContext": {"http": {"method": "POST"}}, "body": body, "isBase64Encoded": True,
    }  # fmt: skip
    assert echo(event, None)["statusCode"] == 400


QUERIES: list[tuple[str, Any]] = [
    ("", {"word": None, "number": None, "many": []}),
    ("word=a%20b+c&number=7", {"word": "a b c", "number": 7, "many": []}),
    ("many=a&many=b", {"word": None, "number": None, "many": ["a", "b"]}),
    ("word=", {"word": "", "number": None, "many": []}),
    ("word=a&word=b", "word"), ("number=x", "number"), ("number=1&number=2", "number"), ("colour=red", "colour"),
    ("word=%ff", None),
    ("&".join("many=a" for _ in range(101)), None),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), QUERIES, ids=lambda value: str(value)[:30])
def test_queries(world: World, text: str, expected: Any) -> None:
    answer = call(query, key_of(world), query=text)
    if isinstance(expected, dict):
        assert answer.body["said"] == expected
    else:
        assert (answer.status, answer.error.param) == (400, expected)


class Boom(AppError):
    """No status of its own."""


ERRORS: list[tuple[Callable[[], Exception], int, str]] = [
    (lambda: NotFound("no"), 404, "not_found"), (lambda: ProviderError("no"), 502, "provider_failed"),
    (lambda: ValueError("the password is hunter2"), 500, "internal_error"), (lambda: Boom("no"), 500, "internal_error"),
    (lambda: psycopg.OperationalError("gone"), 503, "temporarily_unavailable"),
    (lambda: psycopg.errors.QueryCanceled("slow"), 503, "temporarily_unavailable"),
    (lambda: psycopg.errors.LockNotAvailable("held"), 503, "temporarily_unavailable"),
    (lambda: psycopg.errors.UniqueViolation("Key (email)=(ada@example.com)"), 500, "internal_error"),
    (lambda: psycopg.errors.NumericValueOutOfRange("no"), 400, "invalid_parameter"),
    (lambda: psycopg.errors.CharacterNotInRepertoire("no"), 400, "invalid_parameter"),
    (lambda: UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates"), 400, "invalid_parameter"),
    (lambda: NotFound("no \ud800"), 404, "not_found"), (lambda: RecursionError(), 500, "internal_error"),
]  # fmt: skip


@pytest.mark.parametrize(("error", "status", "code"), ERRORS, ids=lambda value: getattr(value, "__name__", str(value)))
def test_every_error_has_the_published_form(world: World, error: Callable[[], Exception], status: int, code: str) -> None:
    raised.append(error)
    answer = call(raising, key_of(world))
    assert (answer.status, answer.error.code) == (status, code)
    assert answer.body["error"]["request_id"] == answer.headers["X-Request-Id"]
    assert ("Retry-After" in answer.headers) == ("retry_after" in answer.body["error"]) == (status == 503)
    for inner in ("hunter2", "ada@example.com", "Traceback", "psycopg"):
        assert inner not in json.dumps(answer.body)


def test_a_conflict_that_never_ends_asks_to_come_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("oppulence.kernel.uow._RETRY_AFTER_S", (0, 0, 0))
    for error in (psycopg.errors.SerializationFailure, psycopg.errors.DeadlockDetected):
        raised.append(error)
        assert call(raising, key_of(world)).status == 503


@pytest.mark.usefixtures("environment")
def test_a_large_answer_fits_the_gateway_whatever_it_holds() -> None:
    """As text inside the gateway's JSON each quote would grow to four bytes: 3 MB would become 6."""
    event = {"rawPath": "/", "headers": {}, "requestContext": {"http": {"method": "GET"}}}
    result = large(event, None)
    assert result["isBase64Encoded"] is True
    assert len(json.dumps(result)) < 4_100_000


def test_small_json_goes_out_as_text(world: World) -> None:
    event = {
        "rawPath": "/",
        "headers": {"authorization": f"Bearer {key_of(world)}"},
        "requestContext": {"http": {"method": "GET"}},
    }
    result = query(event, None)
    assert (result["isBase64Encoded"], result["headers"]["Content-Type"]) == (False, "application/json")


def test_the_gateways_content_type_header_is_left_out_of_empty_answers() -> None:
    assert "Content-Type" not in responses.to_gateway(Response(204), {})["headers"]


class Inner(Model):
    token: Annotated[str, Secret()]


def _marks(annotation: Any, depth: int = 0) -> int:
    """How many fields below an answer model are marked Secret."""
    fields = getattr(annotation, "model_fields", None)
    inside = [one.annotation for one in fields.values()] if fields else list(getattr(annotation, "__args__", ()))
    own = sum(any(isinstance(mark, Secret) for mark in one.metadata) for one in fields.values()) if fields and depth else 0
    return own + (sum(_marks(one, depth + 1) for one in inside) if depth < 6 else 0)


def test_secrets_stand_on_the_first_level_of_an_answer_where_they_are_left_out() -> None:
    """Deeper ones would be stored with the answer; the check itself finds them."""

    class Outer(Model):
        inner: list[Inner]

    assert _marks(Outer) == 1
    assert [declared.path for _, declared, _ in routes() if _marks(declared.answer)] == []


@pytest.mark.parametrize(
    ("accept", "preferred"),
    [
        (None, False), ("", False), ("*/*", False), ("text/csv", True), ("TEXT/CSV; charset=utf-8", True), ("text/*", True),
        ("application/json, text/csv", False), ("application/json, text/csv;q=0.1", False), ("text/csv, */*", True),
        ("text/csv ; Q=0.9, application/json;q=0.8", True), ("text/csv;q=0, text/*", False), ("text/csv;q=0", False),
        ("text/csv;q=0.5, */*", False), ("text/csv;q=often", True), ("text/csvx", False), (",;,=", False),
    ],
)  # fmt: skip
def test_a_media_type_is_preferred_by_quality_then_by_name(accept: str | None, preferred: bool) -> None:
    assert prefers(accept, "text/csv", "application/json") is preferred
