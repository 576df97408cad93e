"""Usage of erased workspaces is deleted wherever it is; and the store is looked through for what must not be in it."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from oppulence.kernel import clock, olap, telemetry
from oppulence.kernel.uow import Scope, UnitOfWork, in_transaction
from oppulence.metering import answers, archive_gateway, bucket_gateway, closings, meters, settlements, store, usage_store
from oppulence.metering.exports import files_gateway as files_of_exports
from oppulence.metering.exports import requests
from oppulence.metering.imports import cleaning
from oppulence.metering.imports import files_gateway as files_of_imports

FOLDERS = (archive_gateway.ARCHIVE, answers.FILES, files_of_exports.PREFIX, files_of_imports.PREFIX)
"""Prefixes in the bucket, below each of which a workspace has a folder of its own."""

_LEFT_OVER = timedelta(days=3)
"""What was on its way when its workspace was erased has come by then."""


def erase_workspace(workspace_id: str) -> None:
    """Delete a workspace's meters with their alerts, its usage, exports and imports, and all files. Repeating it is harmless.

    First nothing more is taken in; what is being written at this moment, or uploaded by a link that still works, is deleted by
    `tidy`.

    Raises:
        Unavailable: a store is down; the record comes again.
    """
    in_transaction(Scope("metering", workspace_id), _forget)
    _erase([workspace_id])


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


def _forget(uow: UnitOfWork) -> None:
    for erase in (meters.erase_workspace, closings.erase_workspace, requests.erase_workspace, cleaning.erase_workspace):
        erase(uow)


def _erase(workspaces: list[str]) -> None:
    if olap.is_configured():
        usage_store.erase(workspaces)
    for one in workspaces:
        for folder in FOLDERS:
            bucket_gateway.erase(f"{folder}{one}/")


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
