"""A write sent twice with one key has one effect and one answer, whatever happens to the stores or beside it."""

from collections.abc import Iterator
from typing import Annotated

import pytest

from oppulence.kernel import aws, db, effect, idempotency, response
from oppulence.kernel.capabilities import Keys, Postgres
from oppulence.kernel.declarations import Entry, Route
from oppulence.kernel.errors import AppError, AuthenticationError, Conflict, NotFound, RateLimited, Unavailable
from oppulence.kernel.http import Model, Response, Secret, route
from oppulence.kernel.idempotency import Kept, Key
from oppulence.kernel.ids import new_id, random_text
from oppulence.kernel.uow import Scope, UnitOfWork, in_transaction
from tests.kernel.support import CONTEXT, Happened, away, call, counted, key_of
from tests.support.api import Answer
from tests.support.world import World

USES = (Postgres(CONTEXT), Keys())
PATH = "/v1/test/things"


class NewThing(Model):
    name: str


class Thing(Model):
    id: str
    secret: Annotated[str | None, Secret()]


class Unprocessable(AppError):
    status = 422


REFUSALS = {
    "missing": NotFound, "conflict": Conflict, "stranger": AuthenticationError, "often": RateLimited, "odd": Unprocessable,
    "down": Unavailable,
}  # fmt: skip


def make(uow: UnitOfWork, name: str) -> Thing:
    uow.emit(Happened(thing_id=name))
    if name in REFUSALS:
        raise REFUSALS[name]("no", retry_after=1)
    if name == "crash":
        raise ValueError("no")
    return Thing(id=new_id("thing"), secret="the secret of " + name)


@route("POST", PATH, scope="sync:read", status=201, uses=USES)
def inside(uow: UnitOfWork, body: NewThing) -> Thing:
    return make(uow, body.name)


@route("POST", PATH, scope="sync:read", status=201, uses=USES)
def outside(scope: Scope, body: NewThing) -> Thing:
    return in_transaction(scope, lambda uow: make(uow, body.name))


@route("POST", PATH, scope="sync:read", status=201, repeatable=True, uses=USES)
def repeatable(scope: Scope, body: NewThing) -> Thing:
    return in_transaction(scope, lambda uow: make(uow, body.name))


@route("POST", "/v1/test/required", scope="sync:read", idempotent=True, uses=USES)
def required(uow: UnitOfWork) -> Thing:
    return make(uow, "x")


@route("POST", "/v1/test/empty", scope="sync:read", uses=USES)
def empty(uow: UnitOfWork) -> None:
    uow.emit(Happened(thing_id="empty"))


@route("POST", "/v1/test/answers", scope="sync:read", uses=USES)
def answers(uow: UnitOfWork, body: NewThing) -> Response:
    uow.emit(Happened(thing_id=body.name))
    return Response(int(body.name), b"{}")


both = pytest.mark.parametrize("handler", [inside, outside], ids=["in one transaction", "in its own"])


@pytest.fixture(params=["both stores", "PostgreSQL only"])
def stores(request: pytest.FixtureRequest, world: World) -> Iterator[None]:
    """With DynamoDB and while it is away for both reading and writing."""
    if request.param == "both stores":
        yield
        return
    with away("dynamodb", "GetItem"), away("dynamodb", "PutItem"):
        yield


def send(world: World, handler: Entry, text: str, name: str = "a", **how: str) -> Answer:
    return call(handler, key_of(world), {"name": name}, headers={"idempotency-key": text}, **how)


@both
def test_a_repeat_gets_the_same_answer_and_has_no_effect(world: World, handler: Entry, stores: None) -> None:
    text = random_text(12)
    first, second = send(world, handler, text), send(world, handler, text)
    assert (first.status, second.status) == (201, 201)
    assert second.body == {**first.body, "secret": None}
    assert second.headers["Idempotent-Replayed"] == "true" and "Idempotent-Replayed" not in first.headers
    assert len(world.emitted()) == 1


@both
@pytest.mark.parametrize("change", ["body", "query", "spelling"])
def test_the_same_key_with_another_request_is_409(world: World, handler: Entry, change: str, stores: None) -> None:
    text = random_text(12)
    send(world, handler, text)
    other = {
        "body": lambda: send(world, handler, text, "b"),
        "query": lambda: send(world, handler, text, query="x=1"),
        "spelling": lambda: call(handler, key_of(world), raw=b'{"name":  "a"}', headers={"idempotency-key": text}),
    }[change]()
    assert (other.status, other.error.code, other.error.param) == (409, "idempotency_key_reused", "Idempotency-Key")
    assert len(world.emitted()) == 1


@both
def test_another_key_or_workspace_is_another_request(world: World, handler: Entry) -> None:
    text = random_text(12)
    first = send(world, handler, text)
    assert send(world, handler, text + "b").body["id"] != first.body["id"]
    stranger = key_of(world, workspace_id=world.workspace())
    assert call(handler, stranger, {"name": "a"}, headers={"idempotency-key": text}).body["id"] != first.body["id"]


@both
def test_while_it_runs_the_same_request_is_409_with_a_time_to_wait(world: World, handler: Entry) -> None:
    """Another process holds the key: here, another connection."""
    text = random_text(12)
    answered: list[Answer] = []

    def other_process(name: str) -> Answer:
        """The same request as another process would run it, with connections of its own."""
        kept = dict(db._connections)
        db._connections.clear()
        try:
            return send(world, handler, text, name)
        finally:
            db.close_all()
            db._connections.update(kept)

    real = make

    def slow(uow: UnitOfWork, name: str) -> Thing:
        if not answered:
            answered.append(Answer(0, {}, None))
            answered[0] = other_process(name)
        return real(uow, name)

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(handler.declaration.work.__globals__, "make", slow)  # type: ignore[attr-defined]
        first = send(world, handler, text)
    assert first.status == 201
    assert (answered[0].status, answered[0].error.code) == (409, "idempotency_in_progress")
    assert answered[0].headers["Retry-After"] == "1"
    assert len(world.emitted()) == 1
    assert send(world, handler, text).body["id"] == first.body["id"]


@both
def test_secrets_are_not_kept_and_the_rest_is_encrypted(world: World, handler: Entry) -> None:
    text = random_text(12)
    first = send(world, handler, text)
    row = world.admin.execute("SELECT response FROM sync.idempotency WHERE key = %s", (text,)).fetchone()
    item = aws.client("dynamodb").get_item(TableName="idempotency", Key={"id": {"S": f"sync#{world.workspace_id}#{text}"}})[
        "Item"
    ]
    assert row is not None
    for stored in (bytes(row[0]), bytes(item["response"]["B"])):
        assert stored[0] == 1 and first.body["id"].encode() not in stored and b"secret" not in stored
    assert bytes(row[0]) == bytes(item["response"]["B"])


@both
@pytest.mark.parametrize("name", ["missing", "conflict"])
def test_a_refusal_that_is_final_is_kept(world: World, handler: Entry, name: str, stores: None) -> None:
    text = random_text(12)
    first, second = send(world, handler, text, name), send(world, handler, text, name)
    assert first.status == second.status == REFUSALS[name].status
    assert second.headers["Idempotent-Replayed"] == "true"
    assert second.error.code == first.error.code
    assert second.body["error"]["request_id"] == first.headers["X-Request-Id"], "whoever reads the log finds the one that refused"
    assert world.emitted() == []


@both
@pytest.mark.parametrize("name", ["stranger", "often", "odd", "down", "crash"])
def test_what_may_be_tried_again_is_not_kept(world: World, handler: Entry, name: str) -> None:
    text = random_text(12)
    first, second = send(world, handler, text, name), send(world, handler, text, name)
    assert first.status == second.status in (401, 422, 429, 500, 503)
    assert "Idempotent-Replayed" not in second.headers
    started = handler is outside and first.status >= 500
    assert world.count("sync.idempotency") == started


def test_what_was_started_outside_a_transaction_goes_on_for_the_same_request_only(world: World) -> None:
    """The process died, or a store was away, and nobody knows how far it came."""
    text = random_text(12)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(response, "answer", died)
        with pytest.raises(SystemExit):
            send(world, outside, text)
    db.close_all()
    assert send(world, outside, text, "b").error.code == "idempotency_key_reused"
    assert send(world, outside, text).status == 201
    assert send(world, outside, text).headers["Idempotent-Replayed"] == "true"
    assert len(world.emitted()) == 1


def test_what_was_refused_may_be_corrected_under_its_key(world: World) -> None:
    text = random_text(12)
    assert send(world, outside, text, "odd").status == 422
    assert send(world, outside, text).status == 201


def died(*_: object) -> None:
    raise SystemExit


@pytest.mark.parametrize(("status", "kept"), [("202", True), ("303", True), ("422", False), ("429", False), ("503", False)])
def test_the_same_holds_for_answers_that_a_handler_makes_itself(world: World, status: str, kept: bool) -> None:
    text = random_text(12)
    send(world, answers, text, status)
    assert ("Idempotent-Replayed" in send(world, answers, text, status).headers) == kept
    assert len(world.emitted()) == (1 if kept else 2)


def test_a_refused_request_can_be_corrected_under_a_new_key_only(world: World) -> None:
    text = random_text(12)
    assert send(world, inside, text, "missing").status == 404
    assert send(world, inside, text, "a").error.code == "idempotency_key_reused"


def test_a_body_that_was_never_understood_uses_no_key_up(world: World) -> None:
    text = random_text(12)
    assert call(inside, key_of(world), {"nome": "a"}, headers={"idempotency-key": text}).status == 400
    assert send(world, inside, text).status == 201


def test_the_fast_path_never_contradicts_postgresql(world: World) -> None:
    """A refusal that came too late to be kept is not copied either."""
    key = Key(CONTEXT, world.workspace_id, random_text(12), b"f" * 32, "req_1")
    world.within(CONTEXT, lambda uow: idempotency.keep(uow.conn, key, Kept(201, b"made")))
    effect._keep_refusal(Route(print, ()), Scope(CONTEXT, world.workspace_id), key, NotFound("no"))
    assert db.read(CONTEXT, lambda conn: idempotency.look_up(conn, key)) is None
    kept = world.within(CONTEXT, lambda uow: idempotency.begin(uow.conn, key))
    assert kept == Kept(201, b"made")


def test_the_fast_path_needs_no_transaction_and_expires(world: World) -> None:
    text = random_text(12)
    send(world, inside, text)
    item_id = {"id": {"S": f"sync#{world.workspace_id}#{text}"}}
    world.admin.execute("DELETE FROM sync.idempotency WHERE key = %s", (text,))
    assert send(world, inside, text).headers["Idempotent-Replayed"] == "true"
    aws.client("dynamodb").update_item(
        TableName="idempotency",
        Key=item_id,
        UpdateExpression="SET expires_at = :past",
        ExpressionAttributeValues={":past": {"N": "1"}},
    )
    assert "Idempotent-Replayed" not in send(world, inside, text).headers


def test_without_a_key_every_request_has_its_effect_and_no_call_is_made(world: World) -> None:
    with counted("dynamodb", "GetItem", "PutItem") as calls:
        ids = {call(inside, key_of(world), {"name": "a"}).body["id"] for _ in range(2)}
    assert (len(ids), calls) == (2, [])


def test_a_route_may_demand_the_key(world: World) -> None:
    answer = call(required, key_of(world))
    assert (answer.status, answer.error.param) == (400, "Idempotency-Key")
    assert world.emitted() == []


def test_an_empty_answer_is_replayed_empty(world: World) -> None:
    text = random_text(12)
    first, second = (call(empty, key_of(world), headers={"idempotency-key": text}) for _ in range(2))
    assert (first.status, second.status, second.body) == (204, 204, b"")
    assert len(world.emitted()) == 1


def test_where_a_repeat_is_harmless_its_answer_is_kept_on_the_fast_path_alone(world: World) -> None:
    text = random_text(12)
    first, second = send(world, repeatable, text), send(world, repeatable, text)
    assert second.body == {**first.body, "secret": None} and second.headers["Idempotent-Replayed"] == "true"
    assert len(world.emitted()) == 1 and world.count(f"{CONTEXT}.idempotency") == 0
    other = send(world, repeatable, text, "b")
    assert (other.status, other.error.code) == (409, "idempotency_key_reused")
    with away("dynamodb", "GetItem"), away("dynamodb", "PutItem"):
        assert send(world, repeatable, text).body["id"] != first.body["id"]  # it is for the handler to say that this is harmless
    refused = random_text(12)
    assert [send(world, repeatable, refused, "missing").status for _ in range(2)] == [404, 404]
    assert len(world.emitted()) == 1
