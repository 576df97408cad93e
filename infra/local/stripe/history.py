"""Steps of `control` that put on the shelves what happened elsewhere: the corpus, at once or event by event, and any objects."""

import asyncio
from pathlib import Path

from infra.local.stripe import corpus
from infra.local.stripe.control import Fake, step
from infra.local.stripe.store import encode
from infra.local.stripe.unit import Obj


@step("corpus")
async def load(fake: Fake, given: Obj) -> Obj:
    """Load a folder's objects and events (the bundled ones without `folder`); `revive` lets its subscriptions live on."""
    world = fake.calls.world
    folder = Path(given["folder"]) if given.get("folder") else corpus.BUNDLED
    count = corpus.load(world, folder)
    return {"loaded": count, "revived": corpus.revive(world) if given.get("revive") else 0}


@step("corpus", "play")
async def play(fake: Fake, given: Obj) -> Obj:
    """Let bundled events happen, by their ids in `events`: time stands at `at`, or soon after the last of them."""
    return {"played": corpus.play(fake.calls.world, given["events"], given.get("at"))}


@step("corpus", "complete")
async def complete(fake: Fake, given: Obj) -> Obj:
    """After its last event was played: put what the bundled corpus has and no event told, time as it is."""
    return {"objects": corpus.shelve(fake.calls.world, corpus.BUNDLED)}


@step("objects")
async def put_objects(fake: Fake, given: Obj) -> Obj:
    """Put objects on the shelves as they are, without an event: what a long history has left, for backfills and drift."""
    account = given.get("account") or ""
    rows = [(account, body, encode(body)) for body in given["objects"]]
    await asyncio.sleep(0)
    return {"put": fake.calls.world.store.bulk(rows)}
