"""Members: invite, join, change roles, remove."""

import hashlib
from dataclasses import replace
from datetime import timedelta

from oppulence.kernel import clock, crypto, db
from oppulence.kernel.auth import Person
from oppulence.kernel.ids import new_id, random_text
from oppulence.kernel.pagination import After
from oppulence.kernel.scopes import Role
from oppulence.kernel.uow import Scope, UnitOfWork, in_transaction
from oppulence.tenancy import roles
from oppulence.tenancy.access import authority
from oppulence.tenancy.errors import (
    AlreadyMember,
    InvitationExpired,
    InvitationForAnother,
    InvitationNotFound,
    MemberNotFound,
)
from oppulence.tenancy.events import MemberInvited, MemberJoined, MemberRemoved
from oppulence.tenancy.models import Invitation, Member, Status
from oppulence.tenancy.store import members as store
from oppulence.tenancy.store import workspaces as workspace_store

INVITATION_LIFE = timedelta(days=7)
_TOKEN_LENGTH = 40


def page(uow: UnitOfWork, status: str | None, after: After | None, most: int) -> list[Member]:
    """Members and open invitations, newest first."""
    return store.list_members(uow.conn, status, after, most)


def invite(uow: UnitOfWork, email: str, role: Role) -> tuple[Invitation, str]:
    """Invite somebody by e-mail; returns the invitation and, for this once, the token that accepts it.

    An open invitation for the same address is replaced. It lives seven days of real time.

    Raises:
        EscalationRefused: the role gives more than the caller has.
        AlreadyMember: somebody with this address is a member.
    """
    roles.check_role(authority(uow), role)
    email = email.lower()
    if store.is_member(uow.conn, email):
        raise AlreadyMember("Somebody with this address is a member already.", param="email")
    now = clock.real_now()
    token = f"opi_{random_text(_TOKEN_LENGTH)}"
    draft = Invitation(id=new_id("inv"), email=email, role=role, created_at=now, expires_at=now + INVITATION_LIFE)
    invitation = store.upsert_invitation(uow.conn, uow.workspace_id, draft, _hash(token), uow.actor.id)
    uow.audit("user.invited", "invitation", invitation.id, after={"role": role}, personal={"email": email})
    uow.emit(MemberInvited(invitation_id=invitation.id, role=role, expires_at=invitation.expires_at))
    return invitation, token


def accept(scope: Scope, person: Person, token: str) -> tuple[str, Member]:
    """Make the signed-in person a member of the workspace that the token invites to; returns its id and the member.

    Raises:
        InvitationNotFound: the token is of no open invitation, or its workspace is being deleted.
        InvitationExpired: it came too late.
        InvitationForAnother: the person's verified e-mail address is not the invited one.
        AlreadyMember: the person is one.
    """
    workspace_id = db.read(scope.context, lambda conn: store.workspace_of_invitation(conn, _hash(token)))
    if workspace_id is None:
        raise _not_found()
    crypto.warm(scope.context, workspace_id)
    return workspace_id, in_transaction(replace(scope, workspace_id=workspace_id), lambda uow: _join(uow, person, token))


def change_role(uow: UnitOfWork, member_id: str, role: Role) -> Member:
    """Give a member another role.

    Raises:
        MemberNotFound, EscalationRefused, LastOwner
    """
    member = _checked(uow, member_id, role)
    if member.role is role:
        return member
    store.set_role(uow.conn, member_id, role)
    uow.audit("rbac.role_changed", "member", member_id, before={"role": member.role}, after={"role": role})
    return member.model_copy(update={"role": role})


def remove(uow: UnitOfWork, member_id: str) -> None:
    """End a membership, or withdraw an open invitation. Keys that the person made stay: they are the workspace's.

    Raises:
        MemberNotFound, EscalationRefused, LastOwner
    """
    if store.delete_invitation(uow.conn, member_id):
        uow.audit("user.invitation_withdrawn", "invitation", member_id)
        return
    member = _checked(uow, member_id, None)
    user_id = member.user_id or ""
    store.delete_membership(uow.conn, member_id, user_id)
    uow.audit(
        "user.removed", "member", member_id, before={"role": member.role, "user_id": user_id}, personal={"email": member.email}
    )
    uow.emit(MemberRemoved(member_id=member_id, user_id=user_id))


def _checked(uow: UnitOfWork, member_id: str, wanted: Role | None) -> Member:
    """The member, if the caller may change it so. The workspace's lock keeps the count of owners true."""
    workspace_store.read_workspace(uow.conn, lock=True)
    member = store.find_member(uow.conn, member_id)
    if member is None:
        raise MemberNotFound(f"No member {member_id} in this workspace.")
    roles.check_change(authority(uow), member.user_id or "", member.role, wanted, store.count_owners(uow.conn))
    return member


def _join(uow: UnitOfWork, person: Person, token: str) -> Member:
    workspace = workspace_store.read_workspace(uow.conn, lock=True)
    invitation = store.lock_invitation(uow.conn, _hash(token))
    if invitation is None or workspace.status is not Status.ACTIVE:
        raise _not_found()
    if invitation.expires_at <= clock.real_now():
        raise InvitationExpired("This invitation has expired. Ask for a new one.")
    if person.email is None or person.email.lower() != invitation.email:
        raise InvitationForAnother("Sign in with the e-mail address that was invited; it must be verified.")
    user_id = store.register_user(uow.conn, uow.actor.id, person)
    member_id = new_id("mem")
    if not store.insert_membership(uow.conn, (member_id, workspace.id, user_id, invitation.role, uow.now)):
        raise AlreadyMember("You are a member of this workspace already.")
    store.delete_invitation(uow.conn, invitation.id)
    uow.audit("user.joined", "member", member_id, after={"role": invitation.role, "invitation_id": invitation.id})
    uow.emit(MemberJoined(member_id=member_id, user_id=user_id, role=invitation.role))
    member = store.find_member(uow.conn, member_id)
    assert member is not None
    return member


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _not_found() -> InvitationNotFound:
    return InvitationNotFound("No open invitation has this token. It may have been used or withdrawn: ask for a new one.")
