"""Clocks. A schedule spans workspaces: it sees rows only through its context's narrow sweep functions."""

from collections.abc import Callable
from typing import Any

from oppulence.kernel import pausing, telemetry
from oppulence.kernel.capabilities import Capability
from oppulence.kernel.declarations import Entry, Schedule
from oppulence.kernel.uow import Scope


def schedule(every: str, *, uses: tuple[Capability, ...], **options: Any) -> Callable[[Callable[..., Any]], Entry]:  # noqa: ANN401
    """Make `(scope)` run at a rate such as `1 minute`; the scope has the context's role and no workspace.

    Where the database pauses, it runs only within ten minutes of the last write from outside.
    """

    def decorate(work: Callable[..., Any]) -> Entry:
        declared = Schedule(work, uses, every=every, **options)

        def handler(event: dict[str, Any], context: object) -> None:
            name = work.__module__.removeprefix("functions.")
            with telemetry.span(name, None):
                done = "asleep" if pausing.is_asleep() else work(Scope(declared.context, None))
                telemetry.log("schedule", schedule=name, done=done)

        return pausing.entry(declared, handler)

    return decorate
