"""Making, reading, changing and ending meters; their versions for whoever counts."""

import time
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from oppulence.kernel.errors import Unavailable
from oppulence.kernel.ids import is_id, new_id
from oppulence.kernel.pagination import After, Page, paginate
from oppulence.kernel.uow import UnitOfWork
from oppulence.metering import store
from oppulence.metering.definition import check
from oppulence.metering.errors import (
    InvalidInstant,
    InvalidMeter,
    MeterChanged,
    MeterExists,
    MeterNotActive,
    MeterNotFound,
    TooManyMeters,
    TooManyVersions,
)
from oppulence.metering.events import MeterArchived, MeterCreated, MeterUpdated
from oppulence.metering.models import (
    Definition,
    Display,
    Measure,
    Meter,
    MeterChange,
    MeterQuery,
    MeterStatus,
    MeterVersion,
    NewMeter,
    VersionQuery,
)
from oppulence.metering.windows import EARLIEST, LATEST

MOST_OF_A_TYPE, MOST_VERSIONS = 100, 100
"""Active meters of a workspace that count events of one type, and versions of a meter: each event is reckoned for all of them."""

_PREFIX = "met"
_MAX_CACHED = 2_000
_FILLS_IN_S = 60
_EMPTY: dict[str, Any] = {"metadata": {}, "group_by": {}}
"""What null stands for in fields that are never null."""

_cached: dict[str, tuple[float, list[MeterVersion]]] = {}


def create(uow: UnitOfWork, wanted: NewMeter) -> Meter:
    """Make a meter with its first version.

    Raises:
        MeterExists: another active meter has the slug.
        TooManyMeters: as many count events of the type as may.
        InvalidMeter: its parts do not fit together.
        InvalidInstant: it is to count from an instant beyond all windows.
    """
    if is_id(wanted.slug, _PREFIX):
        raise InvalidMeter("A slug cannot have the form of a meter's id. Choose another one.", param="slug")
    check(wanted)
    since = wanted.effective_from if "effective_from" in wanted.model_fields_set else uow.now
    parts = {name: getattr(wanted, name) for kind in (Display, Measure, Definition) for name in kind.model_fields}
    meter = Meter(
        id=new_id(_PREFIX), slug=wanted.slug, status=MeterStatus.ACTIVE, version=1, effective_from=since and _checked(since),
        used_at=None, revision=1, created_at=uow.now, updated_at=uow.now, archived_at=None, **parts,
    )  # fmt: skip
    if not store.insert(uow.conn, uow.workspace_id, meter):
        raise MeterExists(f"Meter {wanted.slug} exists. Change it with PATCH /v1/meters/{wanted.slug}.", param="slug")
    _check_number(uow, meter)
    _forget(uow)
    uow.emit(MeterCreated(meter_id=meter.id, slug=meter.slug, meter_revision=1, effective_from=meter.effective_from))
    uow.audit("meter.created", "meter", meter.id, after=wanted.model_dump(mode="json", exclude={"metadata"}))
    return meter


def get(uow: UnitOfWork, id_or_slug: str) -> Meter:
    """One meter by its id, or an active one by its slug.

    Raises:
        MeterNotFound: there is none.
    """
    return _found(store.get(uow.conn, id_or_slug), id_or_slug)


def page(uow: UnitOfWork, query: MeterQuery) -> Page[Meter]:
    """Meters, the newest first."""

    def fetch(after: After | None, most: int) -> list[Meter]:
        return store.page(uow.conn, query, after, most)

    return paginate(uow, query, fetch, key=lambda one: (one.created_at, one.id))


def versions_page(uow: UnitOfWork, id_or_slug: str, query: VersionQuery) -> Page[MeterVersion]:
    """A meter's versions, in order.

    Raises:
        MeterNotFound: there is no such meter.
    """
    meter = get(uow, id_or_slug)

    def fetch(after: After | None, most: int) -> list[MeterVersion]:
        return store.versions_of(uow.conn, meter.id, after[0] if after else 0, most)

    return paginate(uow, query, fetch, key=lambda one: (one.version,))


def change(uow: UnitOfWork, id_or_slug: str, wanted: MeterChange) -> Meter:
    """Change what is sent of a meter. A change of what it counts makes a new version from an instant on.

    Raises:
        MeterNotFound, MeterNotActive
        MeterChanged: it has another revision than the caller says.
        InvalidMeter: its parts would not fit together.
        TooManyMeters, TooManyVersions: as many count events of the type, or it has as many versions, as may be.
        InvalidInstant: the new version would not begin after the one before, and not before now.
    """
    meter = _active(uow, id_or_slug)
    if wanted.revision is not None and wanted.revision != meter.revision:
        raise MeterChanged(f"Meter {meter.id} has revision {meter.revision} by now. Read it and decide again.", param="revision")
    if "event_type" in wanted.model_fields_set and wanted.event_type is None:
        raise InvalidMeter("A meter counts events of one type. Name it, or leave the field out.", param="event_type")
    names = wanted.model_fields_set - {"revision", "effective_from"}
    sent = {name: getattr(wanted, name) for name in names}
    sent = {name: _EMPTY.get(name) if value is None else value for name, value in sent.items()}
    changed = sorted(name for name, value in sent.items() if not _same(value, getattr(meter, name)))
    counts_otherwise = not Definition.model_fields.keys().isdisjoint(changed)
    if wanted.effective_from is not None and not counts_otherwise:
        raise InvalidInstant("Nothing of what is counted changes. Leave out effective_from.", param="effective_from")
    if not changed:
        return meter
    after = meter.model_copy(update=sent | {"revision": meter.revision + 1, "updated_at": uow.now})
    if counts_otherwise:
        check(after)
        after = after.model_copy(update={"version": meter.version + 1, "effective_from": _beginning(uow, meter, wanted)})
        if after.version > MOST_VERSIONS:
            raise TooManyVersions(f"Meter {meter.id} has {MOST_VERSIONS} versions, as many as may be. Create another meter.")
        store.insert_version(uow.conn, uow.workspace_id, after)
        _forget(uow)
    store.save(uow.conn, after)
    if "event_type" in changed:
        _check_number(uow, after)
    new_version = after.version if counts_otherwise else None
    uow.emit(
        MeterUpdated(
            meter_id=meter.id, slug=meter.slug, meter_revision=after.revision, changed=changed, new_version=new_version,
            effective_from=after.effective_from if counts_otherwise else None,
        )
    )  # fmt: skip
    told = set(changed) - {"metadata"}  # which may name people
    before, now = (one.model_dump(mode="json", include=told) for one in (meter, after))
    uow.audit("meter.updated", "meter", meter.id, before=before, after=now, metadata={"fields": changed})
    return after


def remove(uow: UnitOfWork, id_or_slug: str) -> None:
    """Archive a meter: it counts only what happened before, and frees its slug. One that counted nothing is deleted.

    Raises:
        MeterNotFound, MeterNotActive
    """
    meter = _active(uow, id_or_slug)
    deleted = store.delete_unused(uow.conn, meter.id)
    if not deleted:
        meter = meter.model_copy(update={"revision": meter.revision + 1, "updated_at": uow.now, "archived_at": uow.now})
        store.save(uow.conn, meter)
    store.raise_revision(uow.conn, uow.workspace_id)
    _forget(uow)
    uow.emit(MeterArchived(meter_id=meter.id, slug=meter.slug, meter_revision=meter.revision, deleted=deleted))
    uow.audit("meter.deleted" if deleted else "meter.archived", "meter", meter.id)


def versions_for(uow: UnitOfWork, types: Iterable[str], max_age_s: float = 5.0) -> list[MeterVersion]:
    """All versions, past and future, archived meters' too, that count events of these types: `evaluate` decides by time.

    They may be as old as `max_age_s`, real seconds, kept by this process. Whoever numbers what it counts asks with 0: a version
    made meanwhile would else be missing from numbers that come after it.
    """
    wanted = set(types)
    read_at, found = _cached.get(uow.workspace_id, (0.0, []))
    if not read_at or time.monotonic() - read_at >= max_age_s:
        found = store.versions(uow.conn)
        if len(_cached) >= _MAX_CACHED:
            _cached.clear()
        _cached[uow.workspace_id] = (time.monotonic(), found)
    return [one for one in found if one.event_type in wanted]


def dimensions(uow: UnitOfWork, id_or_slug: str) -> list[str]:
    """The names of all dimensions that a meter ever had, in order.

    Raises:
        MeterNotFound: there is no such meter.
    """
    id_ = get(uow, id_or_slug).id
    return sorted(store.dimensions(uow.conn, [id_]).get(id_, ()))


def check_filled(uow: UnitOfWork, ids_or_slugs: Iterable[str]) -> None:
    """Make sure that meters count all that is settled by now, for whoever takes a moment whose numbers are to stay.

    That moment is looked up after this: a fill that ends in between is in it.

    Raises:
        Unavailable: earlier usage is still being counted for a new version.
    """
    if store.being_filled(uow.conn, list(ids_or_slugs)):
        raise Unavailable("The meter is new or changed: earlier usage is still being counted for it.", retry_after=_FILLS_IN_S)


def mark_used(uow: UnitOfWork, meter_ids: Iterable[str]) -> None:
    """Say that something was counted for meters, so that they are archived rather than deleted from now on."""
    store.mark_used(uow.conn, list(meter_ids), uow.now)


def erase_workspace(uow: UnitOfWork) -> None:
    """Delete all meters of the workspace. Repeating it is harmless."""
    store.delete_all(uow.conn, uow.workspace_id, uow.now)
    _forget(uow)


def _active(uow: UnitOfWork, id_or_slug: str) -> Meter:
    meter = _found(store.get(uow.conn, id_or_slug, lock=True), id_or_slug)
    if meter.status is MeterStatus.ARCHIVED:
        raise MeterNotActive(f"Meter {meter.id} is archived for good. Create another one; its slug {meter.slug} is free.")
    return meter


def _found(meter: Meter | None, id_or_slug: str) -> Meter:
    if meter is None:
        raise MeterNotFound(
            f"No meter {id_or_slug[:64]} in this workspace. List them with GET /v1/meters; archived ones are found by their id."
        )
    return meter


def _check_number(uow: UnitOfWork, meter: Meter) -> None:
    """Count the meters of a type with one that was just saved; whoever saves one of the workspace waits for this one's end."""
    if store.count_of_type(uow.conn, meter.event_type) > MOST_OF_A_TYPE:
        raise TooManyMeters(
            f"{MOST_OF_A_TYPE} meters count events of type {meter.event_type[:64]}, as many as may. Archive one of them with"
            " DELETE /v1/meters/{id}, or count another type; one meter with a group_by often does for many.", param="event_type",
        )  # fmt: skip


def _same(one: object, other: object) -> bool:
    """Whether two parts are the same; 1 and true, equal in Python, are not the same to a filter."""
    return one == other and (isinstance(one, dict) or repr(one) == repr(other))


def _beginning(uow: UnitOfWork, meter: Meter, wanted: MeterChange) -> datetime:
    """From when on a new version holds."""
    since = wanted.effective_from or uow.now
    if since < uow.now:
        raise InvalidInstant("Past windows keep what they counted. Leave out effective_from, or name a later instant.",
                             param="effective_from")  # fmt: skip
    if meter.effective_from is not None and since <= meter.effective_from:
        raise InvalidInstant(
            f"Version {meter.version} begins at {meter.effective_from.isoformat()}. Name a later instant.", param="effective_from"
        )
    return _checked(since)


def _checked(since: datetime) -> datetime:
    if not EARLIEST <= since <= LATEST:
        raise InvalidInstant(f"Name an instant between {EARLIEST:%Y-%m-%d} and {LATEST:%Y-%m-%d}.", param="effective_from")
    return since.astimezone(UTC)


def _forget(uow: UnitOfWork) -> None:
    """Read the workspace's versions anew once this has committed."""

    def drop() -> None:
        _cached.pop(uow.workspace_id, None)

    uow.after_commit(drop)
