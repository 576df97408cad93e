"""The function that applies migrations on AWS. On the laptop the local cloud runs them itself."""

from aws_cdk import App
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3_assets as s3_assets

from infra import assets
from infra.constructs.entry_function import ARCHITECTURE, RUNTIME, in_vpc
from infra.constructs.grants import VPC_INTERFACES, XRAY, allow
from infra.constructs.layers import Layers
from infra.constructs.roles import service_role
from infra.names import arn, export, imported, named
from infra.settings import PG_DATABASE, PG_PORT, Settings
from infra.stacks.base import PlatformStack

CODE = "infra/functions/migrate.py"
TIMEOUT_S = 900


class Migrations(PlatformStack):
    """One function with all domain code and its SQL, which alone may read the administrator's password."""

    def __init__(self, app: App, settings: Settings) -> None:
        super().__init__(app, "migrations", settings, "Migrations of PostgreSQL")
        name, secret = named("migrate"), imported("PgAdminSecretArn")
        group = f"/aws/lambda/{name}"
        log = logs.CfnLogGroup(self, "Logs", log_group_name=group, retention_in_days=settings.log_retention_days)
        write = allow("logs:CreateLogStream", "logs:PutLogEvents", on=arn("logs", f"log-group:{group}:*"))
        policies = [
            ("logs", [write]),
            ("secret", [allow("secretsmanager:GetSecretValue", on=secret)]),
            ("vpc", [allow(*VPC_INTERFACES, on="*")]),
            ("tracing", [allow(*XRAY, on="*")]),
        ]
        role = service_role(self, "Role", "lambda", policies)
        code = s3_assets.Asset(self, "Code", path=str(assets.single_file_zip(CODE)))
        layers = Layers(self, settings, assets.whole_domain_zip() if settings.build_layers else None)
        function = lambda_.CfnFunction(
            self,
            "Migrate",
            function_name=name,
            description="Bring PostgreSQL up to date",
            runtime=RUNTIME,
            architectures=[ARCHITECTURE],
            handler=CODE.removesuffix(".py") + ".handler",
            code=lambda_.CfnFunction.CodeProperty(s3_bucket=code.s3_bucket_name, s3_key=code.s3_object_key),
            role=role.attr_arn,
            layers=layers.arns(),
            timeout=TIMEOUT_S,
            memory_size=512,
            reserved_concurrent_executions=1,
            tracing_config=lambda_.CfnFunction.TracingConfigProperty(mode="Active"),
            vpc_config=in_vpc(),
            environment=lambda_.CfnFunction.EnvironmentProperty(
                variables={
                    "STAGE": settings.stage,
                    "PG_HOST": imported("PgHost"),
                    "PG_PORT": PG_PORT,
                    "PG_DATABASE": PG_DATABASE,
                    "PG_ADMIN_SECRET": secret,
                }  # fmt: skip
            ),
        )
        function.add_resource_dependency(log)
        export(self, "MigrateFunction", function.ref)
