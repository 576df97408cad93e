"""Functions that the settings name get versions behind an alias: for SnapStart, and for deployments that undo themselves.

A deployment moves a tenth of the calls a minute to the new version. It is rolled back when the new version fails (errors over
10 %: crashes and timeouts of that version alone), or when callers notice (success under 90 %: a route's answers that are not
5xx, of all versions together, since the kernel's metric knows none).
"""

import hashlib
import json
from collections.abc import Sequence
from typing import Any, TypeVar

from aws_cdk import CfnCodeDeployLambdaAliasUpdate, CfnResource, CfnUpdatePolicy, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_codedeploy as codedeploy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.constructs.grants import allow
from infra.constructs.roles import service_role
from infra.discovery import DiscoveryError, EntryPoint
from infra.names import arn, named
from infra.settings import Settings
from oppulence.kernel.telemetry import NAMESPACE

ALIAS = "live"
SHIFT = "CodeDeployDefault.LambdaLinear10PercentEvery1Minute"
ERRORS_OVER_PERCENT = 10
SUCCESS_UNDER_PERCENT = 90
ENOUGH_CALLS = 5
"""Fewer calls in a minute prove nothing."""
FAILURES = ("500", "502", "503", "504")
T = TypeVar("T", bound=CfnResource)


def setting_name(point: EntryPoint) -> str:
    """What settings call a function: `connections/receive_stripe_webhook`."""
    return f"{point.context}/{point.slug}"


def is_released(point: EntryPoint, settings: Settings) -> bool:
    """Whether the function has versions and an alias."""
    return setting_name(point) in (*settings.rollback, *settings.snap_start)


def refuse_unknown(points: Sequence[EntryPoint], settings: Settings) -> None:
    """Refuse settings that name a function which is not there.

    Raises:
        DiscoveryError: with its name.
    """
    for name in {*settings.rollback, *settings.snap_start} - {setting_name(point) for point in points}:
        raise DiscoveryError(f"the settings of {settings.stage} name the function '{name}', but functions/ has none such")


class Release(Construct):
    """A version of what the function now is, its alias, and, for rollback, the deployment that moves the alias."""

    def __init__(
        self, scope: Construct, point: EntryPoint, function: lambda_.CfnFunction, content: Any, settings: Settings
    ) -> None:
        """`content` is all that makes a version another one: AWS refuses to publish the same twice."""
        super().__init__(scope, "Release")
        self.point, self.function = point, function
        self.name = named(point.context, point.slug)
        plain = json.dumps(Stack.of(self).resolve(content), sort_keys=True)
        digest = hashlib.sha256(plain.encode()).hexdigest()[:12]
        version = lambda_.CfnVersion(self, "Version", function_name=function.ref, description=digest)
        self.version = self._named(version, f"Version{digest}")
        alias = lambda_.CfnAlias(self, "Alias", name=ALIAS, function_name=function.ref, function_version=version.attr_version)
        self.alias = self._named(alias, "Alias")
        if setting_name(point) in settings.rollback:
            self._undoing([self._errors(), self._success()])

    def _named(self, resource: T, what: str) -> T:
        resource.override_logical_id(f"{self.point.id}Release{what}")
        return resource

    def _undoing(self, alarms: list[cloudwatch.CfnAlarm]) -> None:
        application = codedeploy.CfnApplication(self, "Application", application_name=self.name, compute_platform="Lambda")
        group = codedeploy.CfnDeploymentGroup(
            self,
            "Group",
            application_name=self._named(application, "Application").ref,
            deployment_group_name=self.name,
            deployment_config_name=SHIFT,
            deployment_style=codedeploy.CfnDeploymentGroup.DeploymentStyleProperty(
                deployment_type="BLUE_GREEN", deployment_option="WITH_TRAFFIC_CONTROL"
            ),
            service_role_arn=self._role().attr_arn,
            alarm_configuration=codedeploy.CfnDeploymentGroup.AlarmConfigurationProperty(
                enabled=True, alarms=[codedeploy.CfnDeploymentGroup.AlarmProperty(name=alarm.ref) for alarm in alarms]
            ),
            auto_rollback_configuration=codedeploy.CfnDeploymentGroup.AutoRollbackConfigurationProperty(
                enabled=True, events=["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM", "DEPLOYMENT_STOP_ON_REQUEST"]
            ),
        )
        update = CfnCodeDeployLambdaAliasUpdate(
            application_name=application.ref, deployment_group_name=self._named(group, "Group").ref
        )
        self.alias.cfn_options.update_policy = CfnUpdatePolicy(code_deploy_lambda_alias_update=update)

    def _role(self) -> iam.CfnRole:
        move = allow("lambda:GetAlias", "lambda:UpdateAlias", on=arn("lambda", f"function:{self.name}"))
        alarms = [arn("cloudwatch", f"alarm:{self.name}-{what}") for what in ("errors", "success")]
        watch = allow("cloudwatch:DescribeAlarms", on=alarms)
        return self._named(service_role(self, "Role", "codedeploy", [("release", [move, watch])]), "Role")

    def _errors(self) -> cloudwatch.CfnAlarm:
        version = {
            "FunctionName": self.function.ref, "Resource": f"{self.name}:{ALIAS}", "ExecutedVersion": self.version.attr_version,
        }  # fmt: skip
        metrics = [_sum("errors", "AWS/Lambda", "Errors", version), _sum("calls", "AWS/Lambda", "Invocations", version)]
        percent = f"IF(calls >= {ENOUGH_CALLS}, 100 * FILL(errors, 0) / calls, 0)"
        return self._alarm("Errors", "GreaterThanThreshold", ERRORS_OVER_PERCENT, [_said(percent), *metrics])

    def _success(self) -> cloudwatch.CfnAlarm:
        if self.point.kind == "http":
            route = {"method": self.point.route.method, "path": self.point.route.path}
            failed = [_sum(f"failed{one}", NAMESPACE, "http_requests_total", route | {"status": one}) for one in FAILURES]
            calls = _sum("calls", NAMESPACE, "http_requests_total", route)
        else:
            alias = {"FunctionName": self.function.ref, "Resource": f"{self.name}:{ALIAS}"}
            failed = [_sum("failed", "AWS/Lambda", "Errors", alias)]
            calls = _sum("calls", "AWS/Lambda", "Invocations", alias)
        lost = " - ".join(f"FILL({one.id}, 0)" for one in failed)
        percent = f"IF(calls >= {ENOUGH_CALLS}, 100 * (calls - {lost}) / calls, 100)"
        return self._alarm("Success", "LessThanThreshold", SUCCESS_UNDER_PERCENT, [_said(percent), calls, *failed])

    def _alarm(
        self, what: str, comparison: str, threshold: int, metrics: list[cloudwatch.CfnAlarm.MetricDataQueryProperty]
    ) -> cloudwatch.CfnAlarm:
        alarm = cloudwatch.CfnAlarm(
            self, what, alarm_name=f"{self.name}-{what.lower()}", comparison_operator=comparison, threshold=threshold,
            alarm_description=f"Rolls a running deployment of {self.name} back", evaluation_periods=1, metrics=metrics,
            treat_missing_data="notBreaching",
        )  # fmt: skip
        return self._named(alarm, what)


def _sum(id_: str, namespace: str, name: str, dimensions: dict[str, str]) -> cloudwatch.CfnAlarm.MetricDataQueryProperty:
    metric = cloudwatch.CfnAlarm.MetricProperty(
        namespace=namespace,
        metric_name=name,
        dimensions=[cloudwatch.CfnAlarm.DimensionProperty(name=key, value=value) for key, value in dimensions.items()],
    )
    stat = cloudwatch.CfnAlarm.MetricStatProperty(metric=metric, period=60, stat="Sum")
    return cloudwatch.CfnAlarm.MetricDataQueryProperty(id=id_, metric_stat=stat, return_data=False)


def _said(expression: str) -> cloudwatch.CfnAlarm.MetricDataQueryProperty:
    return cloudwatch.CfnAlarm.MetricDataQueryProperty(id="percent", expression=expression, return_data=True)
