"""Send the mail of one step of a case's cadence, unless something has changed since it was decided."""

from oppulence.kernel.capabilities import Bus, Mail, Postgres
from oppulence.kernel.http import Model
from oppulence.kernel.tasks import task
from oppulence.kernel.uow import Scope
from oppulence.recovery import dunning
from oppulence.recovery.dunning import Outcome, Run


class Input(Model):
    workspace_id: str
    case_id: str
    execution: str
    step: str
    traceparent: str | None = None


class Output(Model):
    outcome: Outcome


@task(uses=(Postgres("recovery"), Bus("recovery"), Mail()), timeout_s=30)
def handler(scope: Scope, input: Input) -> Output:
    return Output(outcome=dunning.send_mail(scope, Run(input.case_id, input.execution), input.step))
