"""Read parts of an import's file and send their events, for some seconds, and say what the machine does next."""

from oppulence.kernel.capabilities import Bucket, Postgres, Queue, Table
from oppulence.kernel.http import Model
from oppulence.kernel.tasks import task
from oppulence.kernel.uow import Scope
from oppulence.metering.imports import reading
from oppulence.metering.imports.reading import NextStep, Run


class Input(Model):
    workspace_id: str
    import_id: str
    execution: str
    traceparent: str | None = None


class Output(Model):
    """The Choice state reads `next_step`."""

    next_step: NextStep
    reason: str | None


@task(
    uses=(
        Postgres("metering"), Bucket("usage-imports/", write=True), Bucket("usage/", write=True),
        Queue("metering/on_usage_accepted"), Table("limits", write=True),
    ),
    timeout_s=120, memory_mb=1024,
)  # fmt: skip
def handler(scope: Scope, input: Input) -> Output:
    outcome = reading.read_lines(scope, Run(input.import_id, input.execution))
    return Output(next_step=outcome.next_step, reason=outcome.reason)
