"""Erasing a workspace leaves nothing of its customers."""

import pytest

from oppulence.customers import privacy
from oppulence.tenancy.events import WorkspaceErased
from tests.customers.support import JANE, fact, give, make, tell
from tests.support.api import Api
from tests.support.world import World

TABLES = ("customers", "terms", "subject_owners", "links", "merges")


@pytest.mark.parametrize("rows_a_step", [1, 10_000])
def test_customers_are_gone_and_other_workspaces_keep_theirs(
    api: Api, world: World, monkeypatch: pytest.MonkeyPatch, rows_a_step: int
) -> None:
    monkeypatch.setattr(privacy, "_ROWS_A_STEP", rows_a_step)
    made, ended = make(api, **JANE, key="k")["id"], make(api)["id"]
    api.as_key().post(f"/v1/customers/{made}/merge", {"from": ended})
    give(api, made, "s")
    tell(world, fact("created", "cus_1", key="k"))
    other = world.workspace()
    assert api.as_key(workspace_id=other).post("/v1/customers", JANE).status == 201
    for _ in range(2):
        assert world.deliver("customers.consumers.on_workspace_erased", WorkspaceErased()) == []
    assert [world.count(f"customers.{table}") for table in TABLES] == [0, 0, 0, 0, 0]
    assert world.count("customers.customers", other) == 1 and world.count("customers.terms", other) > 0
