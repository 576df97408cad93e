"""State machines: executions by name, and the sweep that looks after work whose execution is missing.

A row reserves the name of its execution before that is started, and only the execution of that name may act. So an execution that
is started twice, restarted, or redriven by hand never acts beside another one.
"""

import json
from collections.abc import Callable, Sequence

from botocore.exceptions import ClientError

from oppulence.kernel import environment, telemetry
from oppulence.kernel.aws import client
from oppulence.kernel.errors import Unavailable
from oppulence.kernel.uow import Scope


def start(machine: str, name: str, **given: str) -> str:
    """Start the execution of this name of a declared machine `<context>/<machine>`; returns its ARN.

    One that was started before is a success.

    Raises:
        ClientError, BotoCoreError: Step Functions did not take it; calling again is harmless.
    """
    arn = environment.required(f"MACHINE_{machine.replace('/', '_').upper()}")
    body = json.dumps({**given, "traceparent": telemetry.traceparent()})
    try:
        client("stepfunctions").start_execution(stateMachineArn=arn, name=name, input=body)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ExecutionAlreadyExists":
            raise
    return f"{arn.replace(':stateMachine:', ':execution:')}:{name}"


def is_running(execution_arn: str) -> bool:
    """Whether an execution is under way. One that is not known any more is not.

    Raises:
        ClientError, BotoCoreError: Step Functions cannot say.
    """
    try:
        answer = client("stepfunctions").describe_execution(executionArn=execution_arn)
    except ClientError as error:
        if error.response["Error"]["Code"] == "ExecutionDoesNotExist":
            return False
        raise
    return str(answer["status"]) in ("RUNNING", "PENDING_REDRIVE")


def look_after(scope: Scope, found: Sequence[tuple[str, str]], revive: Callable[[Scope, str], int]) -> dict[str, int]:
    """Have each (workspace, id) revived, which says how many executions it started. `scope` has no workspace.

    One that fails does not keep the others waiting; a database that is away stops them all.
    """
    started = failed = 0
    for workspace_id, id_ in found:
        try:
            started += revive(Scope(scope.context, workspace_id), id_)
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001 - told, counted, and tried again at the next sweep
            failed += 1
            telemetry.logger().error("machine_not_started", exc_info=error, extra={"id": id_})
    return {"looked_at": len(found), "started": started, "failed": failed}
