"""The HTTP API that all contexts put their routes on."""

from aws_cdk import App, Fn, RemovalPolicy
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_logs as logs

from infra.names import PREFIX, export
from infra.settings import Settings
from infra.stacks.base import PlatformStack

ACCESS_LOG = (
    '{"request_id":"$context.requestId","ip":"$context.identity.sourceIp","route":"$context.routeKey","status":$context.status,'
    '"bytes":$context.responseLength,"ms":$context.responseLatency,"integration_error":"$context.integrationErrorMessage"}'
)
CUSTOM_ID = "app"
"""The emulator makes this the API's id, so that its URL is the same after a restart."""


class Api(PlatformStack):
    """One API, one `$default` stage. Routes stand in their contexts' stacks."""

    def __init__(self, app: App, settings: Settings) -> None:
        super().__init__(app, "api", settings, "The HTTP API")
        api = apigateway.CfnApi(
            self, "Api", name=PREFIX, protocol_type="HTTP", description="Oppulence API", tags={"ms-custom-id": CUSTOM_ID}
        )
        group = logs.CfnLogGroup(
            self,
            "AccessLog",
            log_group_name=f"/aws/vendedlogs/apigateway/{PREFIX}",
            retention_in_days=settings.log_retention_days,
        )
        group.apply_removal_policy(RemovalPolicy.RETAIN if settings.keep_data else RemovalPolicy.DESTROY)
        apigateway.CfnStage(
            self,
            "Stage",
            api_id=api.ref,
            stage_name="$default",
            auto_deploy=True,
            access_log_settings=apigateway.CfnStage.AccessLogSettingsProperty(destination_arn=group.attr_arn, format=ACCESS_LOG),
            default_route_settings=apigateway.CfnStage.RouteSettingsProperty(
                throttling_rate_limit=settings.api_rate, throttling_burst_limit=settings.api_burst, detailed_metrics_enabled=False
            ),
        )
        export(self, "ApiId", api.ref)
        export(self, "ApiUrl", Fn.sub("https://${Api}.execute-api.${AWS::Region}.${AWS::URLSuffix}", {"Api": api.ref}))
