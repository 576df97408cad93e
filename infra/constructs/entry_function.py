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
        self.role = self._role()
        self.function = self._function(layers)
        with_id(self.function, point.id).add_resource_dependency(self._logs(settings))

    @cached_property
    def arn(self) -> str:
        """The function's ARN, by reference."""
        return self.function.attr_arn

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

    def _function(self, layers: Layers) -> lambda_.CfnFunction:
        code = s3_assets.Asset(self, "Code", path=str(assets.single_file_zip(self.point.path, self.point.root)))
        declared = self.point.declaration
        variables = {name: value for grant in self.grants for name, value in grant.environment.items()}
        return lambda_.CfnFunction(
            self,
            "Function",
            function_name=self.name,
            description=self.point.summary[:256],
            runtime=RUNTIME,
            architectures=[ARCHITECTURE],
            handler=self.point.handler,
            code=lambda_.CfnFunction.CodeProperty(s3_bucket=code.s3_bucket_name, s3_key=code.s3_object_key),
            role=self.role.attr_arn,
            layers=layers.arns(layer for grant in self.grants for layer in grant.layers),
            timeout=declared.timeout_s,
            memory_size=declared.memory_mb,
            environment=lambda_.CfnFunction.EnvironmentProperty(variables=dict(sorted(variables.items()))),
            tracing_config=lambda_.CfnFunction.TracingConfigProperty(mode="Active"),
            vpc_config=in_vpc() if any(grant.vpc for grant in self.grants) else None,
        )


def service_role(scope: Construct, id_: str, service: str, policies: list[tuple[str, list[dict[str, Any]]]]) -> iam.CfnRole:
    """A role that one AWS service takes, with everything it may do written inside it."""
    trust = {"Effect": "Allow", "Principal": {"Service": f"{service}.amazonaws.com"}, "Action": "sts:AssumeRole"}
    return iam.CfnRole(
        scope,
        id_,
        assume_role_policy_document=document([trust]),
        policies=[
            iam.CfnRole.PolicyProperty(policy_name=name, policy_document=document(statements)) for name, statements in policies
        ],
    )


def document(statements: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """A policy document."""
    return {"Version": "2012-10-17", "Statement": list(statements)}


def in_vpc() -> lambda_.CfnFunction.VpcConfigProperty:
    """The private subnets, under the one security group of all functions."""
    subnets = [imported(f"PrivateSubnet{n}") for n in range(1, SUBNETS + 1)]
    return lambda_.CfnFunction.VpcConfigProperty(subnet_ids=subnets, security_group_ids=[imported("FunctionsSecurityGroup")])


def with_id(resource: T, logical_id: str) -> T:
    """Give a resource a logical id that people can read."""
    resource.override_logical_id(logical_id)
    return resource
