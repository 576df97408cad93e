"""The schedule looks at all workspaces; `test_alerts` holds what is told of one."""

from typing import Any

import pytest

from oppulence.kernel.uow import Scope
from oppulence.metering.alerts import looking
from tests.metering.alerting import NOW, PATH, Alerting
from tests.metering.usage import sent, take
from tests.support.api import Api
from tests.support.world import World


def other_workspace(alerting: Alerting) -> str:
    """Another workspace with a meter and an alert that is never looked at yet."""
    other = alerting.world.workspace()
    key = alerting.api.as_key(workspace_id=other)
    meter: dict[str, Any] = {"slug": "m", "event_type": "llm", "aggregation": "COUNT", "effective_from": None}
    assert key.post("/v1/meters", meter).status == 201
    assert key.post(PATH, {"meter": "m", "period": "day", "at": 1}).status == 201
    return other


def test_each_workspace_is_told_of_its_own(store: World, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    alerting = Alerting(store, api, monkeypatch)
    other = other_workspace(alerting)
    alerting.alert()
    take(store, sent("x", {"v": 100}, NOW, type="llm"), workspace_id=other)
    assert alerting.look() == []
    alerting.use(100)
    assert len(alerting.look()) == 1


@pytest.mark.parametrize("fails", [False, True])
def test_who_waits_longest_comes_first(store: World, api: Api, monkeypatch: pytest.MonkeyPatch, fails: bool) -> None:
    """Each run has time for one of them, and both always have a reason."""
    monkeypatch.setattr(looking, "_MOST_WORKSPACES", 1)
    alerting = Alerting(store, api, monkeypatch)
    workspaces, seen = {store.workspace_id, other_workspace(alerting)}, list[str | None]()
    store.admin.execute("DELETE FROM metering.alerts WHERE workspace_id <> ALL (%s)", (list(workspaces),))
    real = looking.look

    def look(scope: Scope) -> int:
        seen.append(scope.workspace_id)
        if fails:
            raise RuntimeError("odd")
        return real(scope)

    monkeypatch.setattr(looking, "look", look)
    alerting.alert()
    for _ in range(4):
        for workspace_id in workspaces:
            take(store, sent(f"x{len(seen)}", {"v": 1}, NOW, type="llm"), workspace_id=workspace_id)
        alerting.look()
    assert set(seen[:2]) == workspaces and seen[2:] == seen[:2]


def test_one_that_fails_holds_up_no_other(store: World, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    alerting = Alerting(store, api, monkeypatch)
    other_workspace(alerting)
    alerting.alert()
    alerting.use(100)
    real = looking.look

    def failing(scope: Scope) -> int:
        if scope.workspace_id != store.workspace_id:
            raise RuntimeError("odd")
        return real(scope)

    monkeypatch.setattr(looking, "look", failing)
    assert len(alerting.look()) == 1
