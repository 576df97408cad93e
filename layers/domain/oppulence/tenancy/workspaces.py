"""Workspaces: make one, read and change it, give it a new data key."""

import re
from dataclasses import replace

from oppulence.kernel import clock, crypto, environment
from oppulence.kernel.auth import Person
from oppulence.kernel.ids import new_id, random_text
from oppulence.kernel.scopes import ADMIN, Role
from oppulence.kernel.uow import Scope, UnitOfWork, in_transaction
from oppulence.tenancy import api_keys, export
from oppulence.tenancy.api_keys import IssuedKey, KeySpec
from oppulence.tenancy.errors import UnknownTimeZone
from oppulence.tenancy.events import WorkspaceCreated
from oppulence.tenancy.models import Mode, Settings, Status, Workspace, WorkspaceView
from oppulence.tenancy.roles import Authority
from oppulence.tenancy.store import members as member_store
from oppulence.tenancy.store import workspaces as store

_SLUG_MAX = 48


def create(scope: Scope, person: Person, name: str, mode: Mode) -> tuple[Workspace, IssuedKey]:
    """Make a workspace with its first owner, a data key, and a key that may do everything.

    KMS is called before the transaction: what it made for a workspace that then does not come to be is worth nothing.
    """
    workspace_id = scope.workspace_id or new_id("ws")
    wrapped = crypto.new_wrapped_key(workspace_id)
    crypto.remember(crypto.Keyring(workspace_id, {1: wrapped})).warm()
    founding = replace(scope, workspace_id=workspace_id)
    return in_transaction(founding, lambda uow: _found(uow, person, _draft(uow, name, mode), wrapped))


def show(uow: UnitOfWork) -> WorkspaceView:
    """The workspace, with a link to its export if it has one: handing that out counts as reading personal data."""
    workspace = store.read_workspace(uow.conn)
    if workspace.export_key is None:
        return WorkspaceView.of(workspace)
    uow.audit("personal_data.read", "workspace_export", workspace.id)
    return WorkspaceView.of(workspace, export.link(workspace.export_key))


def change(uow: UnitOfWork, name: str | None, settings: Settings | None) -> Workspace:
    """Change name and settings; only what is given, and of the settings only the fields that were sent.

    Raises:
        UnknownTimeZone: no such time zone.
    """
    before = store.read_workspace(uow.conn, lock=True)
    sent = settings.model_dump(exclude_unset=True) if settings else {}
    if "time_zone" in sent and not store.time_zone_exists(uow.conn, sent["time_zone"]):
        raise UnknownTimeZone("Use a name of the IANA database, such as Europe/Berlin.", param="settings.time_zone")
    wanted = {"name": name or before.name, "settings": before.settings.model_copy(update=sent)}
    after = before.model_copy(update={**wanted, "updated_at": uow.now})
    if (after.name, after.settings) == (before.name, before.settings):
        return before
    store.save_settings(uow.conn, after)
    plain = {"name", "settings"}
    # Recipients can be people's addresses, so they stand with the personal data.
    recipients = {"before": before.settings.test_recipients, "after": after.settings.test_recipients}
    hidden = {"settings": {"test_recipients"}}
    uow.audit(
        "workspace.settings_updated", "workspace", before.id,
        before=before.model_dump(mode="json", include=plain, exclude=hidden),
        after=after.model_dump(mode="json", include=plain, exclude=hidden),
        personal={"test_recipients": recipients} if "test_recipients" in sent else None,
    )  # fmt: skip
    return after


def rotate_data_key(scope: Scope) -> int:
    """Give the workspace a new data key; returns its version. Older keys stay, to open what they sealed.

    Processes that keep the old keys seal under them for up to five minutes more.
    """
    workspace_id = scope.workspace_id
    assert workspace_id is not None
    wrapped = crypto.new_wrapped_key(workspace_id)

    def add(uow: UnitOfWork) -> int:
        store.read_workspace(uow.conn, lock=True)
        version = store.insert_data_key(uow.conn, workspace_id, wrapped, clock.real_now())
        uow.audit("workspace.key_rotated", "workspace", workspace_id, metadata={"version": version})
        uow.after_commit(lambda: crypto.forget(workspace_id))
        return version

    return in_transaction(scope, add)


def default_plan() -> str:
    """The plan of a new workspace: a setting of the deployment."""
    return environment.optional("DEFAULT_PLAN") or "free"


def slug_of(name: str) -> str:
    """A name as it may stand in a URL."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:_SLUG_MAX].strip("-") or "workspace"


def _draft(uow: UnitOfWork, name: str, mode: Mode) -> Workspace:
    return Workspace(
        id=uow.workspace_id, name=name, slug=slug_of(name), mode=mode, plan=default_plan(), status=Status.ACTIVE,
        settings=Settings(), created_at=uow.now, updated_at=uow.now, deletion_due_at=None, export_key=None,
    )  # fmt: skip


def _found(uow: UnitOfWork, person: Person, workspace: Workspace, wrapped: bytes) -> tuple[Workspace, IssuedKey]:
    user_id = member_store.register_user(uow.conn, uow.actor.id, person)
    while not store.insert_workspace(uow.conn, workspace, user_id):
        workspace = workspace.model_copy(update={"slug": f"{slug_of(workspace.name)}-{random_text(6).lower()}"})
    member_store.insert_membership(uow.conn, (new_id("mem"), workspace.id, user_id, Role.OWNER, uow.now))
    store.insert_data_key(uow.conn, workspace.id, wrapped, clock.real_now())
    uow.audit("workspace.created", "workspace", workspace.id, after={"mode": workspace.mode, "plan": workspace.plan})
    uow.emit(WorkspaceCreated(mode=workspace.mode, plan=workspace.plan, owner_user_id=user_id))
    owner = Authority(user_id, frozenset({ADMIN}), Role.OWNER)
    return workspace, api_keys.issue(uow, owner, KeySpec("Owner key", (ADMIN,)))
