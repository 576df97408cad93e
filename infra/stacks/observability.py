"""Alarms on what people must look at: dead letters, on their queues and kept, and queues that do not empty. Not on the laptop."""

from collections.abc import Sequence

from aws_cdk import App
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_sns as sns

from infra.discovery import EntryPoint
from infra.names import PREFIX, export, named
from infra.settings import Settings
from infra.stacks.base import PlatformStack
from oppulence.kernel.telemetry import NAMESPACE

OLD_S = 900
"""A message that has waited a quarter of an hour: its consumer fails or cannot keep up."""

MEASURED_S = 300
"""How often the letters that wait for a person are counted."""


class Observability(PlatformStack):
    """One topic, two alarms for a consumer, one for the schedules of a context, one for letters that wait for a person."""

    def __init__(self, app: App, points: Sequence[EntryPoint], settings: Settings) -> None:
        super().__init__(app, "observability", settings, "Alarms")
        self.topic = sns.CfnTopic(self, "Alarms", topic_name=named("alarms"), kms_master_key_id="alias/aws/sns")
        export(self, "AlarmTopicArn", self.topic.ref)
        for point in points:
            if point.kind == "consumers":
                name = f"{point.context.capitalize()}{point.id}"
                self._of_queue(f"{name}Dead", named(point.context, point.slug, "dead"), "ApproximateNumberOfMessagesVisible", 0)
                self._of_queue(f"{name}Age", named(point.context, point.slug), "ApproximateAgeOfOldestMessage", OLD_S)
        for context in sorted({point.context for point in points if point.kind == "schedules"}):
            queue = named(context, "schedules", "dead")
            self._of_queue(f"{context.capitalize()}SchedulesDead", queue, "ApproximateNumberOfMessagesVisible", 0)
        self._alarm("DeadLettersKept", (NAMESPACE, "dead_letters_kept"), ("service", "tenancy"), 0, period=MEASURED_S)

    def _of_queue(self, id_: str, queue: str, metric: str, above: int) -> None:
        self._alarm(id_, ("AWS/SQS", metric), ("QueueName", queue), above)

    def _alarm(self, id_: str, metric: tuple[str, str], of: tuple[str, str], above: int, period: int = 60) -> None:
        dimension = cloudwatch.CfnAlarm.DimensionProperty(name=of[0], value=of[1])
        cloudwatch.CfnAlarm(
            self, id_, alarm_name=f"{PREFIX}-{id_}", alarm_description=f"{metric[1]} of {of[1]} is above {above}",
            namespace=metric[0], metric_name=metric[1], dimensions=[dimension], statistic="Maximum", period=period,
            evaluation_periods=1, threshold=above, comparison_operator="GreaterThanThreshold",
            treat_missing_data="notBreaching", alarm_actions=[self.topic.ref],
        )  # fmt: skip
