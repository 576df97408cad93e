"""One Lambda for one file under functions/."""

from collections.abc import Iterable
from functools import cached_property
from typing import Any, TypeVar

from aws_cdk import CfnResource, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3_assets as s3_assets
from constructs import Construct

from infra import assets
from infra.constructs.grants import Grant, allow, grants_of
from infra.constructs.layers import Layers
from infra.constructs.release import ALIAS, Release, is_released, setting_name
from infra.constructs.roles import service_role
from infra.discovery import EntryPoint
from infra.names import arn, imported, named
from infra.settings import Settings

RUNTIME = "python3.13"
ARCHITECTURE = "arm64"
SUBNETS = 2
T = TypeVar("T", bound=CfnResource)


class EntryFunction(Construct):
    """Three resources, so that a context stays far below a stack's 500: the function, its role, its log group.

    The role holds only what the declaration asks for or implies, and `extra`, which its trigger needs.
    """

    def __init__(
        self, scope: Construct, point: EntryPoint, settings: Settings, layers: Layers, extra: Iterable[Grant] = ()
    ) -> None:
        super().__init__(scope, point.id)
        self.point = point
        self.name = named(point.context, point.slug)
        self.grants = [*grants_of(point, settings), *extra]
        self.variables = dict(sorted((name, value) for grant in self.grants for name, value in grant.environment.items()))
        self.packages = sorted({layer for grant in self.grants for layer in grant.layers})
        self.role = self._role()
        code = s3_assets.Asset(self, "Code", path=str(assets.single_file_zip(point.path, point.root)))
        self.function = self._function(settings, layers, code)
        with_id(self.function, point.id).add_resource_dependency(self._logs(settings))
        self.release: Release | None = None
        if is_released(point, settings):
            content = [code.asset_hash, *layers.hashes(self.packages), self.variables, self._configured(settings)]
            self.release = Release(self, point, self.function, content, settings)

    @cached_property
    def arn(self) -> str:
        """What triggers call, by reference: the function, or its alias where it is released by one."""
        return self.release.alias.ref if self.release else self.function.attr_arn

    @property
    def qualifier(self) -> str:
        """Which of the function's versions triggers call."""
        return ALIAS if self.release else "$LATEST"

    def _logs(self, settings: Settings) -> logs.CfnLogGroup:
        group = logs.CfnLogGroup(
            self, "Logs", log_group_name=f"/aws/lambda/{self.name}", retention_in_days=settings.log_retention_days
        )
        group.apply_removal_policy(RemovalPolicy.RETAIN if settings.keep_data else RemovalPolicy.DESTROY)
        return with_id(group, f"{self.point.id}Logs")

    def _role(self) -> iam.CfnRole:
        write = allow("logs:CreateLogStream", "logs:PutLogEvents", on=arn("logs", f"log-group:/aws/lambda/{self.name}:*"))
        policies = [(grant.name, list(grant.statements)) for grant in self.grants if grant.statements]
        return with_id(service_role(self, "Role", "lambda", [("logs", [write]), *policies]), f"{self.point.id}Role")

    def _configured(self, settings: Settings) -> dict[str, Any]:
        """What stages and declarations set, but for variables, code and layers."""
        declared = self.point.declaration
        configured = {"handler": self.point.handler, "timeout": declared.timeout_s, "memory_size": declared.memory_mb}
        if setting_name(self.point) in settings.snap_start:
            configured["snap_start"] = {"applyOn": "PublishedVersions"}
        return configured

    def _function(self, settings: Settings, layers: Layers, code: s3_assets.Asset) -> lambda_.CfnFunction:
        return lambda_.CfnFunction(
            self,
            "Function",
            function_name=self.name,
            description=self.point.summary[:256],
            runtime=RUNTIME,
            architectures=[ARCHITECTURE],
            **self._configured(settings),
            code=lambda_.CfnFunction.CodeProperty(s3_bucket=code.s3_bucket_name, s3_key=code.s3_object_key),
            role=self.role.attr_arn,
            layers=layers.arns(self.packages),
            environment=lambda_.CfnFunction.EnvironmentProperty(variables=self.variables),
            tracing_config=lambda_.CfnFunction.TracingConfigProperty(mode="Active"),
            vpc_config=in_vpc() if any(grant.vpc for grant in self.grants) else None,
        )


def in_vpc() -> lambda_.CfnFunction.VpcConfigProperty:
    """The private subnets, under the one security group of all functions."""
    subnets = [imported(f"PrivateSubnet{n}") for n in range(1, SUBNETS + 1)]
    return lambda_.CfnFunction.VpcConfigProperty(subnet_ids=subnets, security_group_ids=[imported("FunctionsSecurityGroup")])


def with_id(resource: T, logical_id: str) -> T:
    """Give a resource a logical id that people can read."""
    resource.override_logical_id(logical_id)
    return resource
