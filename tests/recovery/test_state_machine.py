"""The dunning machine as it is written: what AWS would refuse, and what must stay true of it."""

from pathlib import Path
from typing import Any

import pytest

from oppulence.kernel.declarations import Task, declaration_of
from oppulence.recovery.cadence import NextStep
from tests.recovery.support import definition
from tests.support import entries

STATES: dict[str, dict[str, Any]] = definition()["States"]
TASKS = {name: state for name, state in STATES.items() if state["Type"] == "Task"}
FOLDER = Path(__file__).parents[2] / "functions" / "recovery" / "tasks" / "dunning"


def followers(state: dict[str, Any]) -> set[str]:
    """States that may come next."""
    named = [state.get("Next"), state.get("Default"), *(one["Next"] for one in state.get("Choices", []) + state.get("Catch", []))]
    return {name for name in named if name}


def task_of(state: dict[str, Any]) -> Task:
    name = state["Resource"].removeprefix("${").removesuffix("}")
    declared = declaration_of(entries.entry(f"recovery.tasks.dunning.{name}"))
    assert isinstance(declared, Task)
    return declared


def test_every_state_is_reachable_and_every_name_exists() -> None:
    reached, todo = set(), [definition()["StartAt"]]
    while todo:
        name = todo.pop()
        if name not in reached:
            reached.add(name)
            todo += followers(STATES[name])
    assert reached == set(STATES)


def test_every_task_is_used_and_every_resource_is_a_task() -> None:
    assert {state["Resource"] for state in TASKS.values()} == {f"${{{file.stem}}}" for file in FOLDER.glob("*.py")}


def test_every_state_leads_to_an_end() -> None:
    ends = {name for name, state in STATES.items() if state["Type"] in ("Succeed", "Fail")}
    for _ in STATES:
        ends |= {name for name, state in STATES.items() if followers(state) & ends}
    assert ends == set(STATES)


@pytest.mark.parametrize("name", sorted(TASKS))
def test_tasks_are_given_exactly_what_they_take(name: str) -> None:
    takes = task_of(TASKS[name]).takes
    assert takes is not None
    given = {key.removesuffix(".$") for key in TASKS[name]["Parameters"]}
    assert given == set(takes.model_fields)


@pytest.mark.parametrize("name", sorted(TASKS))
def test_tasks_retry_with_backoff_and_never_by_an_errors_class(name: str) -> None:
    state = TASKS[name]
    (retry,) = state["Retry"]
    assert set(retry["ErrorEquals"]) == {"States.TaskFailed", "States.Timeout"} and retry["BackoffRate"] > 1
    assert [one["ErrorEquals"] for one in state["Catch"]] == [["States.ALL"]]
    assert state["TimeoutSeconds"] > task_of(state).timeout_s, "the machine waits longer than the function may run"
    assert state["ResultPath"].startswith("$."), "the case's ids stay in the state"


def test_waits_are_by_seconds_that_the_decision_gives() -> None:
    waits = [state for state in STATES.values() if state["Type"] == "Wait"]
    assert [state["SecondsPath"] for state in waits] == ["$.decision.wait_s"]


def test_each_decision_has_a_branch() -> None:
    (choice,) = [state for state in STATES.values() if state["Type"] == "Choice"]
    assert {one["StringEquals"] for one in choice["Choices"]} == {step.value for step in NextStep}
    assert STATES[choice["Default"]]["Type"] == "Fail"
