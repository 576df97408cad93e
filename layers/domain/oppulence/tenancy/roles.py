"""Who may give whom which role or scope: nobody grants more than they have, and owners answer to owners only."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from oppulence.kernel.scopes import ROLE_SCOPES, Role, allows
from oppulence.tenancy.errors import EscalationRefused, LastOwner

RANK = {Role.VIEWER: 0, Role.MEMBER: 1, Role.ADMIN: 2, Role.OWNER: 3}


@dataclass(frozen=True, slots=True)
class Authority:
    """What a caller has: scopes, and a role if it is a person. A key has none, so it is never an owner.

    A key may have an end and a limit of its own, which the keys it makes cannot pass.
    """

    id: str
    scopes: frozenset[str]
    role: Role | None
    expires_at: datetime | None = None
    rate_limit_per_minute: int | None = None

    @property
    def is_owner(self) -> bool:
        """Whether this is a person with the role of an owner."""
        return self.role is Role.OWNER

    def covers(self, role: Role) -> bool:
        """Whether this has all that a role gives."""
        if role is Role.OWNER:
            return self.is_owner
        return all(allows(self.scopes, scope) for scope in ROLE_SCOPES[role])


def check_scopes(by: Authority, scopes: Iterable[str]) -> None:
    """May these scopes be granted?

    Raises:
        EscalationRefused: one of them is not the caller's.
    """
    missing = sorted(scope for scope in scopes if not allows(by.scopes, scope))
    if missing:
        raise EscalationRefused(
            f"You cannot grant what you do not have: {', '.join(missing)}. Ask somebody who has it.", param="scopes"
        )


def check_limits(by: Authority, expires_at: datetime | None, rate_limit_per_minute: int | None) -> None:
    """May a key live this long, and take this many requests a minute? None is without end, or as many as the plan allows.

    Raises:
        EscalationRefused: longer, or more, than the key that makes it.
    """
    if by.expires_at is not None and (expires_at is None or expires_at > by.expires_at):
        until = by.expires_at.isoformat(timespec="seconds")
        raise EscalationRefused(f"Your key ends at {until}: a key that it makes must end by then.", param="expires_at")
    most = by.rate_limit_per_minute
    if most is not None and (rate_limit_per_minute is None or rate_limit_per_minute > most):
        raise EscalationRefused(
            f"Your key takes {most} requests a minute: a key that it makes takes no more.", param="rate_limit_per_minute"
        )


def check_role(by: Authority, role: Role) -> None:
    """May this role be given?

    Raises:
        EscalationRefused: it gives more than the caller has.
    """
    if not by.covers(role):
        whom = "a signed-in owner" if role is Role.OWNER else "somebody who has all that the role gives"
        raise EscalationRefused(f"You cannot give the role '{role}'. Ask {whom}.", param="role")


def check_change(by: Authority, user_id: str, present: Role, wanted: Role | None, owners: int) -> None:
    """May a member's role become another one, or (None) end? `owners` is how many the workspace has now.

    Raises:
        EscalationRefused: the member has more than the caller, would get more, or is the caller going up.
        LastOwner: the workspace would be left without an owner.
    """
    if not by.covers(present):
        raise EscalationRefused(f"You cannot change a member with the role '{present}': that is more than you have.")
    if present is Role.OWNER and wanted is not Role.OWNER and owners <= 1:
        raise LastOwner("A workspace keeps at least one owner. Make somebody else an owner first.")
    if wanted is None:
        return
    if user_id == by.id and RANK[wanted] > RANK[present]:
        raise EscalationRefused("You cannot raise your own role.", param="role")
    check_role(by, wanted)
