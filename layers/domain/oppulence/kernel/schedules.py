"""Clocks. A schedule spans workspaces: it sees rows only through its context's narrow sweep functions."""

from collections.abc import Callable
from typing import Any

from oppulence.kernel import telemetry
from oppulence.kernel.capabilities import Capability
from oppulence.kernel.declarations import Entry, Schedule
from oppulence.kernel.uow import Scope


def schedule(every: str, *, uses: tuple[Capability, ...], **options: Any) -> Callable[[Callable[..., Any]], Entry]:  # noqa: ANN401
    """Make `(scope)` run at a rate such as `1 minute`; the scope has the context's role and no workspace."""

    def decorate(work: Callable[..., Any]) -> Entry:
        declared = Schedule(work, uses, every=every, **options)

        def handler(event: dict[str, Any], context: object) -> None:
            name = work.__module__.removeprefix("functions.")
            with telemetry.span(name, None):
                done = work(Scope(declared.context, None))
                telemetry.log("schedule", schedule=name, done=done)

        handler.declaration = declared  # type: ignore[attr-defined]
        return handler

    return decorate
