"""Usage of erased workspaces is deleted wherever it is; and the store is looked through for what must not be in it."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from oppulence.kernel import clock, olap, telemetry
from oppulence.kernel.uow import Scope, in_transaction
from oppulence.metering import archive_gateway, closings, meters, settlements, store, usage_store
from oppulence.metering.exports import requests
from oppulence.metering.imports import cleaning

_LEFT_OVER = timedelta(days=3)
"""What was on its way when its workspace was erased has come by then."""


def erase_workspace(workspace_id: str) -> None:
    """Delete a workspace's meters with their alerts, its usage and archive, its exports and imports. Repeating it is harmless.

    First nothing more is taken in; what is being written at this moment is deleted by `tidy`.

    Raises:
        Unavailable: a store is down; the record comes again.
    """
    scope = Scope("metering", workspace_id)
    in_transaction(scope, meters.erase_workspace)
    in_transaction(scope, closings.erase_workspace)
    _erase([workspace_id])
    requests.erase_workspace(scope)
    cleaning.erase(scope)


def tidy() -> dict[str, int]:
    """Delete what erased workspaces left, and count what stands twice; returns how many of both.

    Raises:
        Unavailable: a store is down.
    """
    erased, doubled = 0, 0
    since = clock.now() - _LEFT_OVER
    for some in _workspaces(since):
        _erase(some)
        erased += len(some)
    if olap.is_configured():
        doubled = sum(usage_store.doubled(some) for some in _workspaces(None))
    telemetry.metric("usage_rows_doubled", doubled, "Count")
    return {"erased": erased, "doubled": doubled}


def _erase(workspaces: list[str]) -> None:
    if olap.is_configured():
        usage_store.erase(workspaces)
    for one in workspaces:
        archive_gateway.erase(one)


def _workspaces(erased_since: datetime | None) -> Iterator[list[str]]:
    """Workspaces of all shards, a thousand at a time."""
    for shard in range(store.SHARDS):
        after = ""
        while some := in_transaction(
            Scope("metering", None),
            lambda uow, shard=shard, after=after: settlements.workspaces_after(  # type: ignore[misc]
                uow.conn, shard, after, usage_store.WORKSPACES_AT_ONCE, erased_since
            ),
        ):
            yield some
            after = some[-1]
