"""A state machine: its definition is a file, its steps are the functions under tasks/<machine>/."""

import re
from collections.abc import Sequence
from pathlib import Path

from aws_cdk import RemovalPolicy
from aws_cdk import aws_logs as logs
from aws_cdk import aws_stepfunctions as stepfunctions
from constructs import Construct

from infra.constructs.entry_function import EntryFunction, with_id
from infra.constructs.grants import XRAY, allow
from infra.constructs.roles import service_role
from infra.discovery import REPO, DiscoveryError
from infra.names import named
from infra.settings import Settings

DEFINITIONS = REPO / "infra" / "state_machines"
_TASK = re.compile(r"\$\{(\w+)\}")
LOG_DELIVERY = (
    "logs:CreateLogDelivery", "logs:GetLogDelivery", "logs:UpdateLogDelivery", "logs:DeleteLogDelivery",
    "logs:ListLogDeliveries", "logs:PutResourcePolicy", "logs:DescribeResourcePolicies", "logs:DescribeLogGroups",
)  # fmt: skip
"""AWS offers no narrower form for these."""


def definition(context: str, machine: str, tasks: Sequence[str], root: Path = DEFINITIONS) -> str:
    """The machine's definition with `${task}` in it.

    Raises:
        DiscoveryError: there is none, or its tasks are not those under tasks/<machine>/.
    """
    file = root / context / f"{machine}.asl.json"
    if not file.exists():
        raise DiscoveryError(
            f"functions/{context}/tasks/{machine} has no definition: write infra/state_machines/{context}/{file.name}"
        )
    text = file.read_text()
    named_there = set(_TASK.findall(text))
    if named_there != set(tasks):
        raise DiscoveryError(f"{file.name} names the tasks {sorted(named_there)}, tasks/{machine}/ holds {sorted(tasks)}")
    return text


class StateMachine(Construct):
    """A STANDARD machine that may call its own tasks and nothing else."""

    def __init__(self, scope: Construct, machine: str, tasks: Sequence[EntryFunction], settings: Settings) -> None:
        context = tasks[0].point.context
        id_ = "".join(word.capitalize() for word in machine.split("_"))
        super().__init__(scope, f"{id_}Machine")
        physical = named(context, machine)
        group = logs.CfnLogGroup(
            self, "Logs", log_group_name=f"/aws/vendedlogs/states/{physical}", retention_in_days=settings.log_retention_days
        )
        group.apply_removal_policy(RemovalPolicy.RETAIN if settings.keep_data else RemovalPolicy.DESTROY)
        call = allow("lambda:InvokeFunction", on=[task.arn for task in tasks])
        role = service_role(self, "Role", "states", [("tasks", [call]), ("logs", [allow(*LOG_DELIVERY, on="*")]),
                                                     ("tracing", [allow(*XRAY, on="*")])])  # fmt: skip
        destination = stepfunctions.CfnStateMachine.LogDestinationProperty(
            cloud_watch_logs_log_group=stepfunctions.CfnStateMachine.CloudWatchLogsLogGroupProperty(
                log_group_arn=with_id(group, f"{id_}MachineLogs").attr_arn
            )
        )
        itself = stepfunctions.CfnStateMachine(
            self,
            "Machine",
            state_machine_name=physical,
            state_machine_type="STANDARD",
            role_arn=with_id(role, f"{id_}MachineRole").attr_arn,
            definition_string=definition(context, machine, [task.point.name for task in tasks]),
            definition_substitutions={task.point.name: task.arn for task in tasks},
            tracing_configuration=stepfunctions.CfnStateMachine.TracingConfigurationProperty(enabled=True),
            # Inputs and outputs hold customers' data: the log names steps and their outcome only.
            logging_configuration=stepfunctions.CfnStateMachine.LoggingConfigurationProperty(
                level="ERROR", include_execution_data=False, destinations=[destination]
            ),
        )
        with_id(itself, f"{id_}Machine")
