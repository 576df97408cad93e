"""Step Functions: executions of the backfill machine, one for each type, named so that they are found in the console."""

import json

from botocore.exceptions import ClientError

from oppulence.kernel import environment, telemetry
from oppulence.kernel.aws import client

MACHINE = "MACHINE_SYNC_BACKFILL"


def start(workspace_id: str, backfill_id: str, object_type: str, name: str) -> str:
    """Start the execution of this name; returns its ARN. One that was started before is a success.

    Raises:
        ClientError, BotoCoreError: Step Functions did not take it.
    """
    machine = environment.required(MACHINE)
    given = {
        "workspace_id": workspace_id, "backfill_id": backfill_id, "object_type": object_type,
        "traceparent": telemetry.traceparent(),
    }  # fmt: skip
    try:
        client("stepfunctions").start_execution(stateMachineArn=machine, name=name, input=json.dumps(given))
    except ClientError as error:
        if error.response["Error"]["Code"] != "ExecutionAlreadyExists":
            raise
    return f"{machine.replace(':stateMachine:', ':execution:')}:{name}"


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
