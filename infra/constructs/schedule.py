"""A schedule: a rule that calls a function at a rate."""

from aws_cdk import aws_events as events
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.constructs.entry_function import EntryFunction, with_id
from infra.constructs.queue import Queue, rule_arn
from infra.names import named

STALE_S = 60
"""A tick that could not be handed over within a minute is worth nothing: the next one comes."""


class Schedule(Construct):
    """Ticks are never repeated. Those that the rule could not deliver go to the context's `dead` queue."""

    def __init__(self, scope: Construct, function: EntryFunction, dead: Queue) -> None:
        super().__init__(scope, f"{function.point.id}Schedule")
        point = function.point
        target = events.CfnRule.TargetProperty(
            id="function",
            arn=function.arn,
            dead_letter_config=events.CfnRule.DeadLetterConfigProperty(arn=dead.arn),
            retry_policy=events.CfnRule.RetryPolicyProperty(maximum_retry_attempts=2, maximum_event_age_in_seconds=STALE_S),
        )
        name = named(point.context, point.slug)
        rule = events.CfnRule(
            self, "Rule", name=name, description=point.summary, schedule_expression=f"rate({point.schedule.every})",
            targets=[target],
        )  # fmt: skip
        with_id(rule, f"{point.id}Rule")
        permission = lambda_.CfnPermission(
            self, "Permission", action="lambda:InvokeFunction", function_name=function.arn, principal="events.amazonaws.com",
            source_arn=rule_arn(None, name),
        )  # fmt: skip
        with_id(permission, f"{point.id}Permission")
        once = lambda_.CfnEventInvokeConfig(
            self, "Once", function_name=function.function.ref, qualifier=function.qualifier, maximum_retry_attempts=0,
            maximum_event_age_in_seconds=STALE_S,
        )  # fmt: skip
        with_id(once, f"{point.id}Once")
