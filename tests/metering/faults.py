"""Processes that die, between any two of the statements, calls and commits of what they do; and what fails before the store."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any
from unittest.mock import patch

from oppulence.kernel import olap, uow
from oppulence.metering import archive_gateway, store
from tests.support.world import World


class Killed(BaseException):
    """The process is no more."""


class Steps:
    """Counts what was done; with `deadly`, the process dies after so many steps, and does nothing from then on."""

    def __init__(self, deadly: int | None = None) -> None:
        self.done, self.deadly = 0, deadly

    def through(self, step: Callable[..., Any]) -> Callable[..., Any]:
        """A step, done if the process lives, after which it may die."""

        def run(*args: Any, **kwargs: Any) -> Any:
            if self.done == self.deadly:
                raise Killed
            found = step(*args, **kwargs)
            self.done += 1
            if self.done == self.deadly:
                raise Killed
            return found

        return run


@contextmanager
def counted(deadly: int | None = None) -> Iterator[Steps]:
    """A process that is watched: its commits, writes and reads of the store, and objects."""
    steps = Steps(deadly)
    watched: list[tuple[Any, str]] = [
        (uow.UnitOfWork, "_commit"), (olap, "insert"), (olap, "work"), (olap, "query"), (archive_gateway, "_put"),
    ]  # fmt: skip
    with ExitStack() as stack:
        for place, name in watched:
            stack.enter_context(patch.object(place, name, steps.through(getattr(place, name))))
        yield steps


def lease_runs_out(world: World, workspace_id: str | None = None) -> None:
    """Let time pass until nobody holds the workspace's shard any more."""
    shard = store.shard_of(workspace_id or world.workspace_id)
    world.admin.execute("UPDATE metering.shards SET held_until = now() - interval '1 second' WHERE shard = %s", (shard,))


@contextmanager
def gateway(status: HTTPStatus) -> Iterator[str]:
    """The URL of what stands before the store and answers so, instead of it."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"] or 0))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_POST = do_GET

        def log_message(self, *_: object) -> None:
            """In silence."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://someone:password@127.0.0.1:{server.server_port}"
        server.shutdown()
