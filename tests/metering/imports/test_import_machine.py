"""The import machine as it is written: what AWS would refuse, and what must stay true of it."""

import json
from pathlib import Path
from typing import Any

import pytest

from oppulence.kernel.declarations import Task, declaration_of
from oppulence.metering.imports.reading import NextStep
from tests.support import entries

REPO = Path(__file__).parents[3]
DEFINITION = json.loads((REPO / "infra" / "state_machines" / "metering" / "usage_import.asl.json").read_text())
STATES: dict[str, dict[str, Any]] = DEFINITION["States"]
TASKS = {name: state for name, state in STATES.items() if state["Type"] == "Task"}
FOLDER = REPO / "functions" / "metering" / "tasks" / "usage_import"


def followers(state: dict[str, Any]) -> set[str]:
    named = [state.get("Next"), state.get("Default"), *(one["Next"] for one in state.get("Choices", []) + state.get("Catch", []))]
    return {name for name in named if name}


def test_every_state_is_reachable_and_leads_to_an_end() -> None:
    reached, todo = set(), [DEFINITION["StartAt"]]
    while todo:
        name = todo.pop()
        if name not in reached:
            reached.add(name)
            todo += followers(STATES[name])
    assert reached == set(STATES)
    ends = {name for name, state in STATES.items() if state["Type"] in ("Succeed", "Fail")}
    for _ in STATES:
        ends |= {name for name, state in STATES.items() if followers(state) & ends}
    assert ends == set(STATES)


@pytest.mark.parametrize("name", sorted(TASKS))
def test_tasks_are_given_exactly_what_they_take_and_retry_with_backoff(name: str) -> None:
    state = TASKS[name]
    declared = declaration_of(entries.entry(f"metering.tasks.usage_import.{state['Resource'][2:-1]}"))
    assert isinstance(declared, Task) and declared.takes is not None
    assert {key.removesuffix(".$") for key in state["Parameters"]} == set(declared.takes.model_fields)
    (retry,) = state["Retry"]
    assert set(retry["ErrorEquals"]) == {"States.TaskFailed", "States.Timeout"} and retry["BackoffRate"] > 1
    assert [one["ErrorEquals"] for one in state["Catch"]] == [["States.ALL"]]
    assert state["TimeoutSeconds"] > declared.timeout_s, "the machine waits longer than the function may run"
    assert state["ResultPath"].startswith("$."), "the import's id stays in the state"


def test_every_task_is_used_and_each_next_step_has_a_branch() -> None:
    assert {state["Resource"] for state in TASKS.values()} == {f"${{{file.stem}}}" for file in FOLDER.glob("*.py")}
    (choice,) = [state for state in STATES.values() if state["Type"] == "Choice"]
    assert {one["StringEquals"] for one in choice["Choices"]} == {step.value for step in NextStep}
