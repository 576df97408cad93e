"""POST /v1/workspace/rotate_key"""

from oppulence.kernel import crypto
from oppulence.kernel.uow import UnitOfWork
from tests.support.api import Api
from tests.support.world import World


def test_what_the_old_key_sealed_stays_readable_and_new_things_use_the_new_one(api: Api, world: World) -> None:
    def seal(uow: UnitOfWork) -> bytes:
        return crypto.seal_json(uow.conn, uow.workspace_id, "secret", "test")

    def read(uow: UnitOfWork) -> list[str]:
        return [crypto.open_json(uow.conn, uow.workspace_id, sealed, "test") for sealed in (before, after)]

    before = world.within("tenancy", seal)
    rotated = api.as_key(scopes=["admin:*"]).post("/v1/workspace/rotate_key")
    assert (rotated.status, rotated.body) == (200, {"version": 2})
    after = world.within("tenancy", seal)
    assert (before[4], after[4]) == (1, 2)
    assert world.within("tenancy", read) == ["secret", "secret"]


def test_a_process_that_kept_the_old_keys_reads_what_the_new_one_sealed(api: Api, world: World) -> None:
    world.within("tenancy", lambda uow: crypto.keyring(uow.conn, uow.workspace_id).warm())
    kept = crypto._keyrings[world.workspace_id]
    api.as_key().post("/v1/workspace/rotate_key")
    sealed = world.within("tenancy", lambda uow: crypto.seal_json(uow.conn, uow.workspace_id, 7, "test"))
    crypto._keyrings[world.workspace_id] = kept
    assert world.within("tenancy", lambda uow: crypto.open_json(uow.conn, uow.workspace_id, sealed, "test")) == 7


def test_a_repeat_with_the_same_key_makes_no_third(api: Api, world: World) -> None:
    caller = api.as_key()
    first = caller.post("/v1/workspace/rotate_key", Idempotency_Key="once")
    again = caller.post("/v1/workspace/rotate_key", Idempotency_Key="once")
    assert first.body == again.body == {"version": 2}
    assert world.count("tenancy.data_keys") == 2


def test_it_takes_full_access(api: Api) -> None:
    assert api.as_key(scopes=["settings:write"]).post("/v1/workspace/rotate_key").status == 403


def test_another_workspace_keeps_its_key(api: Api, world: World) -> None:
    other = world.workspace()
    api.as_key().post("/v1/workspace/rotate_key")
    assert world.count("tenancy.data_keys", other) == 1
