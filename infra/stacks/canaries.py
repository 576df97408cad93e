"""Canaries: what a customer and a provider would see, asked for every few minutes from outside. Not on the laptop."""

from pathlib import Path

from aws_cdk import App, Fn, RemovalPolicy
from aws_cdk import aws_synthetics as synthetics

from infra.constructs.alarm import Metric, Watch
from infra.constructs.bucket import Kind, PrivateBucket
from infra.constructs.grants import XRAY, allow
from infra.constructs.roles import service_role
from infra.names import PREFIX, arn, imported
from infra.settings import Settings
from infra.stacks.base import PlatformStack

RUNTIME = "syn-python-selenium-7.0"
SCRIPT = Path(__file__).parents[1] / "functions" / "canary.py"
KEPT_DAYS = 30
WATCHED = {
    # Name: method, path, the answers that are right, and how long they may take.
    "api": ("GET", "/healthz", "200", 2.0),
    # Nobody's connection: a door that stands, with its store behind it, knows none and says so.
    "door": ("POST", "/v1/webhooks/stripe/con_canary", "401 404", 1.0),
}
"""A canary of the checkout comes with the checkout."""


class Canaries(PlatformStack):
    """One canary for the API and one for the webhook door, and an alarm when two in a row fail."""

    def __init__(self, app: App, settings: Settings) -> None:
        super().__init__(app, "canaries", settings, "Canaries")
        self.artifacts = PrivateBucket(self, "Artifacts", settings, Kind(expires_days=KEPT_DAYS))
        for name in WATCHED:
            self._canary(name)
            passed = Metric("CloudWatchSynthetics", "SuccessPercent", (("CanaryName", _named(name)),), "Average", self._every_s)
            Watch(self, imported("PagesTopicArn")).below(f"Canary{name.capitalize()}Failed", passed, 100, times=2)

    @property
    def _every_s(self) -> int:
        return self.settings.operations.canary_minutes * 60

    def _canary(self, name: str) -> None:
        method, path, right, seconds = WATCHED[name]
        minutes = self.settings.operations.canary_minutes
        canary = synthetics.CfnCanary(
            self, name.capitalize(), name=_named(name), runtime_version=RUNTIME, execution_role_arn=self._role(name),
            artifact_s3_location=f"s3://{self.artifacts.name}/{name}", start_canary_after_creation=True,
            code=synthetics.CfnCanary.CodeProperty(handler="index.handler", script=SCRIPT.read_text()),
            schedule=synthetics.CfnCanary.ScheduleProperty(expression=f"rate({minutes} minutes)"),
            run_config=synthetics.CfnCanary.RunConfigProperty(
                timeout_in_seconds=30, active_tracing=False,
                environment_variables={
                    "METHOD": method, "URL": f"{self.settings.api_url}{path}", "RIGHT": right, "SECONDS": str(seconds)
                },
            ),
            success_retention_period=KEPT_DAYS, failure_retention_period=KEPT_DAYS,
        )  # fmt: skip
        canary.apply_removal_policy(RemovalPolicy.DESTROY)

    def _role(self, name: str) -> str:
        objects = Fn.sub("${Bucket}/" + name + "/*", {"Bucket": self.artifacts.arn})
        measure = {"StringEquals": {"cloudwatch:namespace": "CloudWatchSynthetics"}}
        logs = arn("logs", f"log-group:/aws/lambda/cwsyn-{_named(name)}-*")
        policies = [
            ("artifacts", [allow("s3:PutObject", on=objects), allow("s3:GetBucketLocation", on=self.artifacts.arn)]),
            ("logs", [allow("logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents", on=logs)]),
            ("measure", [allow("cloudwatch:PutMetricData", on="*", when=measure)]),
            ("tracing", [allow(*XRAY, on="*")]),
        ]
        return service_role(self, f"{name.capitalize()}Role", "lambda", policies).attr_arn


def _named(name: str) -> str:
    """A canary's name; AWS takes 21 characters in older runtimes."""
    return f"{PREFIX}-{name}"
