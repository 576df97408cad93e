"""Who is told, and the alarms on what people must look at. Not on the laptop."""

from collections.abc import Sequence

from aws_cdk import App, Fn, RemovalPolicy
from aws_cdk import aws_budgets as budgets
from aws_cdk import aws_chatbot as chatbot
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns

from infra.constructs import objectives
from infra.constructs.alarm import Metric, Watch, of_service, plain, ratio
from infra.constructs.roles import document, service_role
from infra.discovery import EntryPoint
from infra.names import PREFIX, export, named
from infra.settings import Settings
from infra.stacks.base import PlatformStack
from infra.stacks.data import owner_only

OLD_S = 900
"""A message that has waited a quarter of an hour: its consumer fails or cannot keep up."""

DAY_S, HOUR_S = 86_400, 3_600
RECOVERED_LEAST = 0.3
ENOUGH_CASES = 20
"""A rate of fewer cases a day says nothing."""
USAGE_SETTLED_S = 600
"""Usage events are settled some seconds after they land; one that waits longer waits for something that is broken."""

TELLERS = ("cloudwatch.amazonaws.com", "budgets.amazonaws.com")


class Observability(PlatformStack):
    """Two topics: `pages` wakes somebody, `chat` waits until they look."""

    def __init__(self, app: App, points: Sequence[EntryPoint], settings: Settings) -> None:
        super().__init__(app, "observability", settings, "Alarms, and who gets them")
        key = self._key()
        self.pages, self.chat = self._topic("Pages", key), self._topic("Chat", key)
        self._subscribe()
        self._of_queues(points)
        self._of_machines(points)
        self._of_the_house()
        self._of_the_database()
        objectives.add(self, Watch(self, self.pages), Watch(self, self.chat), doors(points))
        self._budget()

    def _key(self) -> kms.CfnKey:
        """A key of ours: CloudWatch may not use the one that AWS manages for SNS, and its alarms would be lost."""
        tell = {
            "Effect": "Allow", "Principal": {"Service": list(TELLERS)}, "Action": ["kms:Decrypt", "kms:GenerateDataKey*"],
            "Resource": "*", "Condition": {"StringEquals": {"aws:SourceAccount": Fn.ref("AWS::AccountId")}},
        }  # fmt: skip
        key = kms.CfnKey(
            self, "TopicsKey", description="Encrypts alarms on their way", enable_key_rotation=True,
            key_policy=document([owner_only(), tell]),
        )  # fmt: skip
        key.apply_removal_policy(RemovalPolicy.RETAIN if self.settings.keep_data else RemovalPolicy.DESTROY)
        return key

    def _topic(self, id_: str, key: kms.CfnKey) -> str:
        topic = sns.CfnTopic(self, id_, topic_name=named(id_.lower()), kms_master_key_id=key.attr_arn)
        tell = {
            "Effect": "Allow", "Principal": {"Service": list(TELLERS)}, "Action": "sns:Publish", "Resource": topic.ref,
            "Condition": {"StringEquals": {"aws:SourceAccount": Fn.ref("AWS::AccountId")}},
        }  # fmt: skip
        tls = {
            "Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "sns:Publish", "Resource": topic.ref,
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }  # fmt: skip
        sns.CfnTopicPolicy(self, f"{id_}Policy", topics=[topic.ref], policy_document=document([tell, tls]))
        export(self, f"{id_}TopicArn", topic.ref)
        return topic.ref

    def _subscribe(self) -> None:
        operations = self.settings.operations
        for number, address in enumerate(operations.pages, 1):
            sns.CfnSubscription(self, f"Page{number}", topic_arn=self.pages, protocol="email", endpoint=address)
        if operations.slack:
            team, _, channel = operations.slack.partition("/")
            chatbot.CfnSlackChannelConfiguration(
                self, "Slack", configuration_name=PREFIX, slack_workspace_id=team, slack_channel_id=channel,
                iam_role_arn=service_role(self, "SlackRole", "chatbot", []).attr_arn, sns_topic_arns=[self.pages, self.chat],
                logging_level="ERROR",
            )  # fmt: skip

    def _of_queues(self, points: Sequence[EntryPoint]) -> None:
        """A letter that died, and a record that waits: each queue and its dead letters by name."""
        told = Watch(self, self.chat)
        for point in points:
            if point.kind == "consumers":
                name = f"{point.context.capitalize()}{point.id}"
                told.above(f"{name}Dead", _letters(named(point.context, point.slug, "dead")), 0)
                told.above(f"{name}Age", _age(named(point.context, point.slug)), OLD_S)
        for context in sorted({point.context for point in points if point.kind == "schedules"}):
            told.above(f"{context.capitalize()}SchedulesDead", _letters(named(context, "schedules", "dead")), 0)
        if self.settings.stripe_event_sources:
            told.above("PartnerDead", _letters(named("partner", "dead")), 0)

    def _of_machines(self, points: Sequence[EntryPoint]) -> None:
        machines = sorted({(point.context, point.machine) for point in points if point.machine})
        for context, machine in machines:
            name = named(context, machine)
            arn = Fn.sub(f"arn:${{AWS::Partition}}:states:${{AWS::Region}}:${{AWS::AccountId}}:stateMachine:{name}")
            words = "".join(part.capitalize() for part in (context, *machine.split("_")))
            for metric in ("ExecutionsFailed", "ExecutionsTimedOut"):
                of_machine = Metric("AWS/States", metric, (("StateMachineArn", arn),), "Sum", 300)
                Watch(self, self.chat).above(f"{words}{metric}", of_machine, 0)

    def _of_the_house(self) -> None:
        """What the platform measures of itself, under the names of its metrics."""
        page, told = Watch(self, self.pages), Watch(self, self.chat)
        told.above("DeadLettersKept", of_service("dead_letters_kept", "tenancy", period=300), 0)
        told.above("BreakerOpen", of_service("circuit_breaker_state", "stripe", period=300), 0)
        told.above("SyncGaps", of_service("sync_gaps_found", "sync", "Sum", 300), 100)
        told.above("UsageTail", of_service("usage_tail_age_seconds", "metering", period=300), USAGE_SETTLED_S, times=2)
        page.above("UsageDoubled", of_service("usage_rows_doubled", "metering", period=HOUR_S), 0)
        page.above("LedgerBroken", of_service("ledger_breaches_total", "ledger", period=HOUR_S), 0)
        cases = {
            status: of_service("recovery_cases_total", "recovery", "Sum", DAY_S, status=status)
            for status in ("recovered", "opened")
        }
        told.below("LowRecoveryRate", ratio(cases["recovered"], cases["opened"], ENOUGH_CASES), RECOVERED_LEAST)
        told.above("Throttled", plain("AWS/Lambda", "Throttles", "Sum", 300), 0)

    def _of_the_database(self) -> None:
        cluster = (("DBClusterIdentifier", PREFIX),)
        page, told = Watch(self, self.pages), Watch(self, self.chat)
        page.above("DatabaseFull", Metric("AWS/RDS", "ACUUtilization", cluster, "Average", 900), 90)
        told.above("DatabaseConnections", Metric("AWS/RDS", "DatabaseConnections", cluster, "Maximum", 300), 800)
        told.above("DatabaseDeadlocks", Metric("AWS/RDS", "Deadlocks", cluster, "Sum", 300), 0)
        if self.settings.operations.has_copies:
            lag = Metric("AWS/RDS", "AuroraGlobalDBRPOLag", cluster, "Maximum", 300)
            page.above("CopyBehind", lag, 300_000)  # milliseconds: the five minutes that may be lost
        if self.settings.operations.reader:
            told.above("ReaderBehind", Metric("AWS/RDS", "AuroraReplicaLagMaximum", cluster, "Maximum", 300), 1_000)

    def _budget(self) -> None:
        """The month's bill: told at 80 %, and when it will be more than was planned; paged when it is."""
        limit = budgets.CfnBudget.SpendProperty(amount=self.settings.operations.monthly_budget_usd, unit="USD")
        budgets.CfnBudget(
            self, "Budget",
            budget=budgets.CfnBudget.BudgetDataProperty(
                budget_name=PREFIX, budget_type="COST", time_unit="MONTHLY", budget_limit=limit
            ),
            notifications_with_subscribers=[
                _notice("ACTUAL", 80, self.chat), _notice("FORECASTED", 100, self.chat), _notice("ACTUAL", 100, self.pages),
            ],
        )  # fmt: skip


def doors(points: Sequence[EntryPoint]) -> list[str]:
    """Functions that take webhooks in."""
    return [named(p.context, p.slug) for p in points if p.kind == "http" and p.route.path.startswith("/v1/webhooks/")]


def _notice(kind: str, percent: int, topic: str) -> budgets.CfnBudget.NotificationWithSubscribersProperty:
    return budgets.CfnBudget.NotificationWithSubscribersProperty(
        notification=budgets.CfnBudget.NotificationProperty(
            notification_type=kind, comparison_operator="GREATER_THAN", threshold=percent, threshold_type="PERCENTAGE"
        ),
        subscribers=[budgets.CfnBudget.SubscriberProperty(subscription_type="SNS", address=topic)],
    )


def _letters(queue: str) -> Metric:
    return Metric("AWS/SQS", "ApproximateNumberOfMessagesVisible", (("QueueName", queue),))


def _age(queue: str) -> Metric:
    return Metric("AWS/SQS", "ApproximateAgeOfOldestMessage", (("QueueName", queue),))
