"""Steps of machines and clocks: their own scopes, models in and out, and failures left to who calls them."""

from typing import Any

import pytest
from pydantic import ValidationError

from oppulence.kernel import telemetry
from oppulence.kernel.capabilities import Bus, Keys, Postgres
from oppulence.kernel.declarations import Schedule, Task, declaration_of
from oppulence.kernel.errors import Unavailable
from oppulence.kernel.http import Model
from oppulence.kernel.schedules import schedule
from oppulence.kernel.tasks import task
from oppulence.kernel.uow import Scope, UnitOfWork, in_transaction
from tests.kernel.support import CONTEXT, Happened, counted
from tests.support.world import World

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Input(Model):
    workspace_id: str
    thing_id: str
    traceparent: str | None = None


class Output(Model):
    workspace_id: str
    trace_id: str | None


@task(uses=(Postgres(CONTEXT), Bus(CONTEXT)))
def inside(uow: UnitOfWork, input: Input) -> Output:  # noqa: A002
    uow.emit(Happened(thing_id=input.thing_id))
    if input.thing_id == "bad":
        raise ValueError("no")
    return Output(workspace_id=uow.workspace_id, trace_id=(telemetry.traceparent() or "--").split("-")[1])


@task(uses=(Postgres(CONTEXT), Keys()), timeout_s=30)
def outside(scope: Scope, input: Input) -> None:  # noqa: A002
    in_transaction(scope, lambda uow: uow.emit(Happened(thing_id=input.thing_id)))


def event(world: World, **change: Any) -> dict[str, Any]:
    return {"workspace_id": world.workspace_id, "thing_id": "1", "traceparent": TRACE} | change


def test_a_task_works_for_its_inputs_workspace_in_the_trace_that_called_it(world: World) -> None:
    assert inside(event(world), None) == {"workspace_id": world.workspace_id, "trace_id": TRACE.split("-")[1]}
    assert world.emitted() == ["sync.test.happened.v1"]


def test_what_fails_is_rolled_back_and_left_to_the_machine(world: World) -> None:
    with pytest.raises(ValueError, match="no"):
        inside(event(world, thing_id="bad"), None)
    assert world.emitted() == []


@pytest.mark.parametrize("change", [{"workspace_id": None}, {"thing_id": 5}, {"more": 1}])
def test_an_input_of_another_shape_is_refused(world: World, change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        inside(event(world, **change), None)


def test_a_store_that_is_away_is_told_to_the_machine(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from oppulence.kernel import db

    db.forget(CONTEXT)
    monkeypatch.setenv("PG_PORT", "1")
    with pytest.raises(Unavailable):
        inside(event(world), None)


def test_a_task_that_calls_others_opens_its_own_transactions_with_the_key_at_hand(world: World) -> None:
    with counted("kms", "Decrypt") as calls:
        assert outside(event(world), None) is None
    assert calls == ["Decrypt"]
    assert world.emitted() == ["sync.test.happened.v1"]


def test_a_task_declares_what_it_takes_and_gives() -> None:
    declared = declaration_of(inside)
    assert isinstance(declared, Task)
    assert (declared.takes, declared.gives, declared.context) == (Input, Output, CONTEXT)


def test_a_clock_has_the_contexts_role_and_no_workspace(world: World) -> None:
    scopes: list[Scope] = []

    @schedule("5 minutes", uses=(Postgres(CONTEXT),), timeout_s=60)
    def handler(scope: Scope) -> int:
        scopes.append(scope)
        return in_transaction(scope, lambda uow: uow.conn.execute("SELECT count(*) FROM sync.objects").fetchall())[0][0]  # type: ignore[return-value]

    world.admin.execute(
        "INSERT INTO sync.inbox (consumer, event_id, workspace_id) VALUES ('x', %s, %s)", (world.workspace_id, world.workspace_id)
    )
    handler({}, None)
    assert (scopes[0].context, scopes[0].workspace_id, scopes[0].actor.type) == (CONTEXT, None, "system")
    declared = declaration_of(handler)
    assert isinstance(declared, Schedule) and (declared.every, declared.timeout_s) == ("5 minutes", 60)


def test_a_clock_that_fails_says_so() -> None:
    @schedule("1 minute", uses=(Postgres(CONTEXT),))
    def handler(scope: Scope) -> None:
        raise ValueError("on purpose")

    with pytest.raises(ValueError, match="on purpose"):
        handler({}, None)


def test_what_no_decorator_made_is_no_entry_point() -> None:
    with pytest.raises(TypeError, match="not an entry point"):
        declaration_of(lambda event, context: None)


def test_without_postgresql_there_is_no_context() -> None:
    @schedule("1 minute", uses=(Keys(),))
    def handler(scope: Scope) -> None:
        """Nothing."""

    with pytest.raises(LookupError, match="declares no Postgres"):
        handler({}, None)
