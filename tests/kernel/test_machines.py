"""Executions of state machines: one for each name, and a sweep that no single failure stops."""

from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError
from moto.core.models import DEFAULT_ACCOUNT_ID

from oppulence.kernel import aws, machines
from oppulence.kernel.environment import MissingSetting
from oppulence.kernel.errors import Unavailable
from oppulence.kernel.uow import Scope
from tests.kernel.support import CONTEXT
from tests.support.world import World

WAITS = '{"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 9999, "End": true}}}'


@pytest.fixture
def machine(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    states = aws.client("stepfunctions")
    arn = states.create_state_machine(name="some", definition=WAITS, roleArn=f"arn:aws:iam::{DEFAULT_ACCOUNT_ID}:role/x")
    monkeypatch.setenv("MACHINE_SYNC_SOME_WORK", arn["stateMachineArn"])
    yield str(arn["stateMachineArn"])
    states.delete_state_machine(stateMachineArn=arn["stateMachineArn"])


def test_a_name_is_started_once_and_its_input_names_the_trace(machine: str) -> None:
    arn = machines.start("sync/some_work", "one", workspace_id="ws_1")
    assert machines.start("sync/some_work", "one", workspace_id="ws_1") == arn
    assert len(aws.client("stepfunctions").list_executions(stateMachineArn=machine)["executions"]) == 1
    given = aws.client("stepfunctions").describe_execution(executionArn=arn)["input"]
    assert '"workspace_id": "ws_1"' in given and '"traceparent"' in given


def test_it_runs_until_it_is_stopped_and_what_is_not_known_does_not(machine: str) -> None:
    arn = machines.start("sync/some_work", "one")
    assert machines.is_running(arn)
    aws.client("stepfunctions").stop_execution(executionArn=arn)
    assert not machines.is_running(arn) and not machines.is_running(arn.replace(":one", ":two"))


def test_a_machine_that_is_not_there_is_an_error(machine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(MissingSetting, match="MACHINE_SYNC_OTHER"):
        machines.start("sync/other", "one")
    monkeypatch.setenv("MACHINE_SYNC_SOME_WORK", machine + "gone")
    with pytest.raises(ClientError, match="StateMachineDoesNotExist"):
        machines.start("sync/some_work", "one")
    with pytest.raises(ClientError, match="InvalidArn"):
        machines.is_running("nonsense")


def test_one_failure_keeps_nobody_waiting_and_a_database_that_is_away_stops_all() -> None:
    seen: list[tuple[str | None, str]] = []

    def revive(scope: Scope, id_: str) -> int:
        seen.append((scope.workspace_id, id_))
        if id_ == "bad":
            raise ValueError("no")
        if id_ == "away":
            raise Unavailable("gone")
        return 2

    found = [("ws_1", "bad"), ("ws_2", "good")]
    assert machines.look_after(Scope(CONTEXT, None), found, revive) == {"looked_at": 2, "started": 2, "failed": 1}
    assert seen == found
    with pytest.raises(Unavailable):
        machines.look_after(Scope(CONTEXT, None), [("ws_1", "away"), ("ws_2", "good")], revive)
    assert len(seen) == 3
