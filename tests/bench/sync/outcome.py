"""Whether the mirror ended at Stripe's state."""

from collections.abc import Collection, Sequence
from typing import Any

from oppulence.sync.stripe_events import read
from tests.bench.sync.directory import Directory, Key
from tests.support.world import World


def wrong(world: World, given: Directory, delivered: Sequence[bytes]) -> list[Key]:
    """Objects that are missing, differ, or are there though Stripe has none.

    Compared are the objects that delivered events showed, but for those that another event of the directory shows too, which
    was not delivered; and all their fields, but for those that change without an event (all of some types, see the manifest).
    """
    unseen = _shown(set(given.bodies) - set(delivered))
    told = _shown(delivered) - unseen
    found = _mirrored(world)
    final, silent = given.final, given.silent
    differ = [key for key in told & final.keys() if not _same(found.get(key), final[key], silent.get(key[1], []))]
    listed = {kind for _, kind, _ in final}
    ghosts = [key for key in found.keys() - final.keys() - unseen if key[1] in listed and not found[key].get("deleted")]
    return sorted(differ + ghosts)


def excluded(given: Directory) -> str:
    """Which objects the comparison leaves out."""
    told = {kind for _, kind, _ in _shown(given.bodies)}
    no_events = sorted({kind for _, kind, _ in given.final} - told)
    silent = sorted(kind for kind, fields in given.silent.items() if "*" in fields and kind not in no_events)
    return f"without events: {', '.join(no_events)}; change without an event: {', '.join(silent)}"


def _shown(bodies: Collection[bytes]) -> set[Key]:
    return {one.key for body in bodies if (one := read(body)).has_object}


def _mirrored(world: World) -> dict[Key, dict[str, Any]]:
    rows = world.admin.execute(
        "SELECT account, type, id, data, deleted FROM sync.objects WHERE workspace_id = %s AND version > 0", (world.workspace_id,)
    )
    return {
        (account, kind, id): {"id": id, "object": kind, "deleted": True} if deleted else data
        for account, kind, id, data, deleted in rows
    }


def _same(shown: dict[str, Any] | None, want: dict[str, Any], silent: list[str]) -> bool:
    if "*" in silent:
        return True
    left_out = frozenset(silent)
    return shown is not None and _without(shown, left_out) == _without(want, left_out)


def _without(shown: dict[str, Any], fields: frozenset[str]) -> dict[str, Any]:
    return {name: value for name, value in shown.items() if name not in fields}
