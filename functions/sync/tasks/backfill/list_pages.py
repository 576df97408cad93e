"""List pages of one type at Stripe into the mirror, for some seconds, and say what the backfill machine does next."""

from oppulence.kernel.capabilities import Bus, Keys, Postgres, Provider, Table
from oppulence.kernel.http import Model
from oppulence.kernel.tasks import task
from oppulence.kernel.uow import Scope
from oppulence.sync.backfill import pages
from oppulence.sync.backfill.pages import NextStep, Run


class Input(Model):
    workspace_id: str
    backfill_id: str
    object_type: str
    execution: str
    traceparent: str | None = None


class Output(Model):
    """The Choice state reads `next_step`, the Wait state `wait_s` (seconds)."""

    next_step: NextStep
    wait_s: int | None
    reason: str | None


@task(uses=(Postgres("sync"), Bus("sync"), Keys(), Provider("stripe"), Table("limits", write=True)), timeout_s=90, memory_mb=1024)
def handler(scope: Scope, input: Input) -> Output:
    outcome = pages.list_pages(scope, Run(input.backfill_id, input.object_type, input.execution))
    return Output(next_step=outcome.next_step, wait_s=outcome.wait_s, reason=outcome.reason)
