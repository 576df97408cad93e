"""The fake's HTTP server, on the loopback interface only: the API, what tests do to it, and the hosted pages."""

import asyncio
import json
import logging
import re
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web
from pydantic import BaseModel, ConfigDict

from infra.local.stripe import control, corpus, history, keys, schemas  # noqa: F401 - `history` adds steps
from infra.local.stripe.calls import Broken, Calls, Request, Response, check_event
from infra.local.stripe.delivering import Delivering, Mode
from infra.local.stripe.errors import StripeError
from infra.local.stripe.fake import HOST, KEY
from infra.local.stripe.pages import Pages
from infra.local.stripe.passing import Passing
from infra.local.stripe.store import encode
from infra.local.stripe.world import World

LOG = logging.getLogger(__name__)
ADVANCE = re.compile(r"^/v1/test_helpers/test_clocks/([^/]+)/advance$")


class Settings(BaseModel):
    """What the server is started with. Times are in seconds; `corpus` is a folder's path, or true for the bundled one."""

    model_config = ConfigDict(extra="forbid")

    port: int
    state: Path
    key: str = KEY
    corpus: bool | Path = False
    revive: bool = False
    now: float | None = None
    frozen: bool = False
    validate_answers: bool = False
    rate_limit: float | None = None
    retries_s: tuple[float, ...] | None = None
    retries_wall: bool = False


def build(settings: Settings) -> control.Fake:
    """The parts of a fake over its state file."""
    world = World.open(settings.state / "stripe.sqlite", now=settings.now, frozen=settings.frozen)
    world.settings["url"] = f"http://{HOST}:{settings.port}"
    world.settings["account"] = world.account
    unit = world.unit()
    if unit.get("_key", settings.key) is None:
        keys.make(unit, None, settings.key)
        world.commit(unit)
        if settings.corpus:
            corpus.load(world, corpus.BUNDLED if settings.corpus is True else settings.corpus)
        if settings.corpus and settings.revive:
            corpus.revive(world)
    calls = Calls(world, validate=settings.validate_answers)
    if settings.validate_answers:
        world.check = check_event
    calls.bucket.set(settings.rate_limit)
    mode = Mode(wall=settings.retries_wall)
    delivering = Delivering(world, Mode(wall=settings.retries_wall, retries_s=settings.retries_s or mode.retries_s))
    delivering.begin()
    return control.Fake(calls, delivering, Passing(world, delivering))


def application(fake: control.Fake) -> web.Application:
    app = web.Application(client_max_size=8 * 1024 * 1024)
    tasks: set[asyncio.Task[Any]] = set()

    async def call(request: web.Request) -> web.StreamResponse:
        text = await request.text() if request.method == "POST" else request.query_string
        headers = {name.lower(): value for name, value in request.headers.items()}
        response = fake.calls.answer(Request(request.method, request.path, text, headers))
        clock = ADVANCE.match(request.path)
        if clock and response.status == 200:
            task = asyncio.create_task(fake.passing.advance_clock(clock[1]))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        return await _send(request, response)

    async def act(request: web.Request) -> web.Response:
        """Only for programs: a page in a browser can send JSON here neither across sites nor by a rebound name."""
        if request.content_type != "application/json" or request.host.rpartition(":")[0] not in (HOST, "localhost"):
            return _json(403, {"error": {"message": "Send JSON to the loopback interface.", "type": "invalid_request_error"}})
        given = json.loads(await request.read() or b"{}")
        try:
            return _json(200, await control.act(fake, request.match_info["path"].split("/"), given))
        except StripeError as error:
            return _json(error.status, error.body)

    async def background(_: web.Application) -> AsyncIterator[None]:
        connector = aiohttp.TCPConnector(limit=64)
        async with aiohttp.ClientSession(connector=connector, trust_env=False) as http:
            forever = (fake.delivering.run(http), fake.passing.run(), fake.passing.go_on())
            running = [asyncio.create_task(one) for one in forever]
            yield
            for one in running:
                one.cancel()
                with suppress(asyncio.CancelledError):
                    await one
        fake.calls.world.keep()
        fake.calls.world.store.close()

    app.middlewares.append(_failures)
    app.cleanup_ctx.append(background)
    app.add_routes(
        [web.route("*", "/_fake/{path:.+}", act), web.route("*", "/v1/{path:.+}", call), web.route("*", "/v2/{path:.+}", call)]
    )
    app.add_routes(Pages(fake.calls.world).routes())
    return app


async def _send(request: web.Request, response: Response) -> web.StreamResponse:
    """The answer; late, or not at all, when that was asked for."""
    if response.fault and response.fault.delay_s:
        await asyncio.sleep(response.fault.delay_s)
    if response.fault and response.fault.disconnect and request.transport:
        request.transport.abort()
    return web.Response(body=response.body, status=response.status, headers=response.headers, content_type="application/json")


@web.middleware
async def _failures(request: web.Request, handler: Any) -> web.StreamResponse:
    """A fault of the fake itself is said aloud: 500, and its text as the message."""
    try:
        answer: web.StreamResponse = await handler(request)
    except web.HTTPException:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, the client and the log get to know
        LOG.exception("%s %s", request.method, request.path)
        kind = "of an unpublished shape" if isinstance(error, Broken) else type(error).__name__
        return _json(500, {"error": {"message": f"The local Stripe failed ({kind}): {error}", "type": "api_error"}})
    return answer


def _json(status: int, body: Any) -> web.Response:
    return web.Response(body=encode(body), status=status, content_type="application/json")


def serve(settings: Settings) -> None:
    """Serve until SIGTERM."""
    logging.basicConfig(level=logging.WARNING)
    schemas.event_types()
    web.run_app(application(build(settings)), host=HOST, port=settings.port, print=None, access_log=None, shutdown_timeout=1)
