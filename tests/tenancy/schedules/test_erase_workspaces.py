"""Workspaces past their delay are erased; what must stay stays, unreadable."""

import os

import pytest
from botocore.exceptions import ClientError

from oppulence.kernel import auth, aws, crypto
from oppulence.kernel.crypto import KeyErased
from oppulence.kernel.uow import Scope
from oppulence.tenancy import audit_log, export
from oppulence.tenancy.events import WorkspaceErased
from tests.support import entries, letters
from tests.support.api import Api
from tests.support.letters import Dead
from tests.support.world import World
from tests.tenancy.people import People, Someone

GONE = ("memberships", "invitations", "api_keys", "data_keys", "feature_flags", "idempotency")


def run() -> None:
    entries.entry("tenancy.schedules.erase_workspaces")({}, None)


def due(world: World) -> None:
    world.admin.execute("UPDATE tenancy.workspaces SET deletion_due_at = now() WHERE id = %s", (world.workspace_id,))


def status(world: World) -> str:
    row = world.admin.execute("SELECT status FROM tenancy.workspaces WHERE id = %s", (world.workspace_id,)).fetchone()
    return str(row[0]) if row else ""


@pytest.fixture
def owner(api: Api, world: World, people: People) -> Someone:
    """The owner of a workspace with a row of everything, whose deletion is scheduled."""
    owner = people.member("owner")
    api.as_key().put("/v1/feature_flags/beta", {"enabled": True}, Idempotency_Key="k")
    api.as_key().post("/v1/members", {"email": "new@example.com", "role": "viewer"})
    assert api.as_user(owner.token).delete("/v1/workspace").status == 202
    return owner


def test_before_it_is_due_nothing_happens(world: World, owner: Someone) -> None:
    run()
    assert status(world) == "deleting" and world.count("tenancy.data_keys") == 1


def test_once_due_its_data_and_keys_go(api: Api, world: World, owner: Someone) -> None:
    caller = api.as_key()
    world.emitted()
    due(world)
    run()
    assert status(world) == "deleted"
    assert {table: world.count(f"tenancy.{table}") for table in GONE} == dict.fromkeys(GONE, 0)
    assert world.admin.execute("SELECT FROM tenancy.users WHERE id = %s", (owner.user_id,)).fetchone() is None
    assert world.emitted() == ["tenancy.workspace.erased.v1"]
    with pytest.raises(ClientError):
        aws.client("s3").head_object(Bucket=os.environ["BUCKET"], Key=f"exports/{world.workspace_id}/tenancy.ndjson")
    auth.forget_all()
    assert caller.get("/v1/workspace").status == 401
    tombstone = world.admin.execute("SELECT name, slug, settings FROM tenancy.workspaces WHERE id = %s", (world.workspace_id,))
    assert tombstone.fetchone() == ("deleted", world.workspace_id, {})


def test_its_dead_letters_go_with_their_bodies_and_others_stay(world: World, owner: Someone, dead: Dead) -> None:
    other = world.workspace()
    dead.letter(), dead.letter(workspace_id=other)
    due(world)
    run()
    assert (world.count("tenancy.dead_letters"), world.count("tenancy.dead_letters", other)) == (0, 1)
    found = aws.client("s3").list_objects_v2(Bucket=os.environ["BUCKET"], Prefix=f"dead_letters/{world.workspace_id}/")
    assert found["KeyCount"] == 0


def test_what_dies_after_the_erasure_is_kept_for_the_operator(world: World, owner: Someone, dead: Dead) -> None:
    """Such as the erasure's own event, which some context could not process."""
    dead.letter()
    event = entries.envelope(world.workspace_id, WorkspaceErased())
    due(world)
    run()
    letters.die(event)
    letters.drain()
    assert world.count("tenancy.dead_letters") == 1
    world.admin.execute("UPDATE tenancy.dead_letters SET last_failed_at = 'epoch' WHERE workspace_id = %s", (world.workspace_id,))
    letters.retry()
    (home,) = letters.came_home()
    assert event.id in home["body"]


def test_the_audit_log_stays_whole_and_unreadable(world: World, owner: Someone) -> None:
    before = world.count("tenancy.audit_log")
    due(world)
    run()
    crypto.forget_all()
    assert world.count("tenancy.audit_log") == before + 1
    audit_log.seal_all(Scope("tenancy", None))
    assert world.within("tenancy", audit_log.verify).broken is None
    row = world.admin.execute("SELECT personal FROM tenancy.audit_log WHERE action = 'user.invited' AND workspace_id = %s",
                              (world.workspace_id,)).fetchone()  # fmt: skip
    assert row is not None
    with pytest.raises(KeyErased):
        world.within("tenancy", lambda uow: crypto.open_json(uow.conn, uow.workspace_id, row[0], "audit"))


def test_it_happens_once(world: World, owner: Someone) -> None:
    due(world)
    run()
    world.emitted()
    run()
    assert world.emitted() == []


def test_a_person_of_another_workspace_too_stays_there(api: Api, world: World, owner: Someone) -> None:
    other = world.workspace()
    invited = api.as_key(workspace_id=other).post("/v1/members", {"email": owner.email, "role": "viewer"}).body
    api.as_user(owner.token).post("/v1/invitations/accept", {"token": invited["token"]})
    due(world)
    run()
    assert api.as_user(owner.token).get("/v1/ledger").status == 200


def test_while_the_bucket_is_away_it_waits_for_the_next_run(
    world: World, owner: Someone, monkeypatch: pytest.MonkeyPatch
) -> None:
    due(world)
    with monkeypatch.context() as without:
        without.setattr(export, "_bucket", lambda: "no-such-bucket")
        run()
    assert status(world) == "deleting" and world.count("tenancy.data_keys") == 1
    run()
    assert status(world) == "deleted"
