"""Feature flags: switches by name that a workspace turns on and off."""

import re

from oppulence.kernel.pagination import After
from oppulence.kernel.uow import UnitOfWork
from oppulence.tenancy.errors import InvalidFlagName
from oppulence.tenancy.models import FeatureFlag
from oppulence.tenancy.store import feature_flags as store

_NAME = re.compile(r"[a-z][a-z0-9_.-]{0,63}")


def page(uow: UnitOfWork, after: After | None, most: int) -> list[FeatureFlag]:
    """Flags by name."""
    return store.list_flags(uow.conn, after, most)


def put(uow: UnitOfWork, name: str, enabled: bool, description: str | None) -> FeatureFlag:
    """Write a flag; without a description the present one stays.

    Raises:
        InvalidFlagName: the name's shape.
    """
    if not _NAME.fullmatch(name):
        raise InvalidFlagName(
            "A flag's name has 1 to 64 lower-case letters, digits, '_', '.' or '-', and begins with a letter.", param="name"
        )
    before = store.lock_flag(uow.conn, name)
    kept = before.description if before else ""
    flag = FeatureFlag(name=name, enabled=enabled, description=kept if description is None else description, updated_at=uow.now)
    shown = {"enabled", "description"}
    if before and before.model_dump(include=shown) == flag.model_dump(include=shown):
        return before
    store.upsert_flag(uow.conn, uow.workspace_id, flag)
    uow.audit(
        "feature_flag.changed", "feature_flag", name,
        before=before.model_dump(include=shown) if before else None, after=flag.model_dump(include=shown),
    )  # fmt: skip
    return flag
