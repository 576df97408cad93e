"""A consumer: its queue with dead letters, the rule on a bus that fills it, and the function that empties it in batches."""

from typing import Any

from aws_cdk import aws_events as events
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.constructs.entry_function import EntryFunction, with_id
from infra.constructs.grants import Grant, allow
from infra.constructs.layers import Layers
from infra.constructs.queue import Queue, rule_arn
from infra.discovery import EntryPoint, bus_for
from infra.names import named
from infra.settings import Settings
from oppulence.kernel.declarations import Consumer as Declared

VISIBILITY_TIMES = 6


class Consumer(Construct):
    """The dead-letter queue takes records that cannot be processed, and events that the rule could not deliver."""

    def __init__(self, scope: Construct, point: EntryPoint, settings: Settings, layers: Layers) -> None:
        super().__init__(scope, f"{point.id}Consumer")
        declared = point.consumer
        slug = (point.context, point.slug)
        rules = [] if declared.direct else [rule_arn(named(bus_for(declared)), named(*slug))]
        dead = Queue(self, f"{point.id}Dead", (*slug, "dead"), rules)
        visibility = VISIBILITY_TIMES * declared.timeout_s
        queue = Queue(self, f"{point.id}Queue", slug, rules, visibility, dead)
        if not declared.direct:
            self._rule(declared, point, queue, dead)
        function = EntryFunction(self, point, settings, layers, extra=[_emptying(queue, dead, settings)])
        self._mapping(declared, function, queue)

    def _rule(self, declared: Declared, point: EntryPoint, queue: Queue, dead: Queue) -> None:
        target = events.CfnRule.TargetProperty(
            id="queue", arn=queue.arn, dead_letter_config=events.CfnRule.DeadLetterConfigProperty(arn=dead.arn)
        )
        rule = events.CfnRule(
            self,
            "Rule",
            name=named(point.context, point.slug),
            description=point.summary,
            event_bus_name=named(bus_for(declared)),
            event_pattern=pattern(declared),
            targets=[target],
        )
        with_id(rule, f"{point.id}Rule")

    def _mapping(self, declared: Declared, function: EntryFunction, queue: Queue) -> None:
        mapping = lambda_.CfnEventSourceMapping(
            self,
            "Mapping",
            function_name=function.arn,
            event_source_arn=queue.arn,
            batch_size=declared.batch_size,
            maximum_batching_window_in_seconds=declared.window_s,
            function_response_types=["ReportBatchItemFailures"],
            scaling_config=lambda_.CfnEventSourceMapping.ScalingConfigProperty(maximum_concurrency=declared.concurrency),
        )
        with_id(mapping, f"{function.point.id}Mapping")


def pattern(declared: Declared) -> dict[str, Any]:
    """Which events the rule lets through."""
    if declared.foreign:
        return {"source": [{"prefix": declared.foreign.source}]}
    wanted: dict[str, Any] = {"detail-type": [declared.event.type]}
    return wanted | ({"detail": {"data": declared.match}} if declared.match else {})


def _emptying(queue: Queue, dead: Queue, settings: Settings) -> Grant:
    receive = allow(
        "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes", on=queue.arn
    )
    variables = {"QUEUE_URL": queue.url, "DLQ_URL": dead.url, "DOWN_VISIBILITY_S": str(settings.down_visibility_s)}
    return Grant("queue", (receive, allow("sqs:SendMessage", on=dead.arn)), variables)
