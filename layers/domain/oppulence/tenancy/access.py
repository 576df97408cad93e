"""What the caller of a unit of work may do."""

from oppulence.kernel.uow import UnitOfWork
from oppulence.tenancy.errors import OwnerRequired
from oppulence.tenancy.roles import Authority
from oppulence.tenancy.store import api_keys as key_store
from oppulence.tenancy.store import members as member_store


def authority(uow: UnitOfWork) -> Authority:
    """The caller's scopes, with the role that a person has at this moment, or the limits of a key."""
    actor = uow.actor
    if actor.type == "user":
        return Authority(actor.id, actor.scopes, member_store.role_of(uow.conn, actor.id))
    key = key_store.find_key(uow.conn, actor.id)
    if key is None:
        return Authority(actor.id, actor.scopes, None)
    return Authority(actor.id, actor.scopes, None, key.expires_at, key.rate_limit_per_minute)


def require_owner(uow: UnitOfWork) -> None:
    """Go on only for a signed-in owner.

    Raises:
        OwnerRequired: the caller is a key, or a person with another role.
    """
    if not authority(uow).is_owner:
        raise OwnerRequired("Only a signed-in owner of the workspace may do this: API keys and other roles may not.")
