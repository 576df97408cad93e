"""Look at the case and its invoice, and say what the dunning machine does next."""

from oppulence.kernel.capabilities import Postgres
from oppulence.kernel.http import Model
from oppulence.kernel.tasks import task
from oppulence.kernel.uow import UnitOfWork
from oppulence.recovery import dunning
from oppulence.recovery.cadence import NextStep
from oppulence.recovery.dunning import Run


class Input(Model):
    workspace_id: str
    case_id: str
    execution: str
    traceparent: str | None = None


class Output(Model):
    """The Choice state reads `next_step`, the Wait state `wait_s` (seconds of domain time), the mail task `step`."""

    next_step: NextStep
    wait_s: int | None
    step: str | None
    reason: str


@task(uses=(Postgres("recovery"),))
def handler(uow: UnitOfWork, input: Input) -> Output:
    decision = dunning.decide_next_step(uow, Run(input.case_id, input.execution))
    step = decision.step.name if decision.step else None
    return Output(next_step=decision.next_step, wait_s=decision.wait_s, step=step, reason=decision.reason)
