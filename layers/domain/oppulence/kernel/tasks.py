"""Steps of state machines. Input and output are models; retries belong to the machine, outcomes are data in the output."""

from collections.abc import Callable
from typing import Any, get_type_hints

from oppulence.kernel import crypto, pausing, telemetry
from oppulence.kernel.capabilities import Capability
from oppulence.kernel.declarations import Entry, Task
from oppulence.kernel.uow import Scope, in_transaction


def task(*, uses: tuple[Capability, ...], **options: Any) -> Callable[[Callable[..., Any]], Entry]:  # noqa: ANN401
    """Make `(uow, input)` a state-machine task; the input model has `workspace_id`.

    A task that calls a provider takes `(scope, input)` instead and opens its transactions itself: never both at once.
    """

    def decorate(work: Callable[..., Any]) -> Entry:
        hints = get_type_hints(work)
        declared = Task(work, uses, takes=hints["input"], gives=hints.get("return"), **options)
        wants_scope = "scope" in hints

        def handler(event: dict[str, Any], context: object) -> Any:  # noqa: ANN401
            value = hints["input"].model_validate(event)
            scope = Scope(declared.context, value.workspace_id)
            with telemetry.span(work.__module__.removeprefix("functions."), event.get("traceparent")):
                telemetry.annotate(workspace_id=value.workspace_id)
                if declared.needs_keys:
                    crypto.warm(scope.context, value.workspace_id)
                output = work(scope, value) if wants_scope else in_transaction(scope, lambda uow: work(uow, value))
            return output.model_dump(mode="json") if output is not None else None

        return pausing.entry(declared, handler)

    return decorate
