"""What the caller of a unit of work may do."""

from oppulence.kernel.uow import UnitOfWork
from oppulence.tenancy.errors import OwnerRequired
from oppulence.tenancy.roles import Authority
from oppulence.tenancy.store import members as store


def authority(uow: UnitOfWork) -> Authority:
    """The caller's scopes, and for a person the role it has at this moment."""
    role = store.role_of(uow.conn, uow.actor.id) if uow.actor.type == "user" else None
    return Authority(uow.actor.id, uow.actor.scopes, role)


def require_owner(uow: UnitOfWork) -> None:
    """Go on only for a signed-in owner.

    Raises:
        OwnerRequired: the caller is a key, or a person with another role.
    """
    if not authority(uow).is_owner:
        raise OwnerRequired("Only a signed-in owner of the workspace may do this: API keys and other roles may not.")
