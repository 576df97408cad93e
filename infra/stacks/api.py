"""The HTTP APIs that all contexts put their routes on, and what CloudFront needs to reach them."""

from aws_cdk import App, Fn, RemovalPolicy
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_logs as logs
from aws_cdk import aws_secretsmanager as secretsmanager

from infra.constructs.certificate import certificate
from infra.front import GLOBAL_REGION, PREFIX_TAG
from infra.names import ORIGIN_SECRET, PREFIX, api_id, export, mapping_key
from infra.settings import Settings
from infra.stacks.base import PlatformStack
from oppulence.kernel.drop_in import DROP_INS, DropIn

ACCESS_LOG = (
    '{"request_id":"$context.requestId","ip":"$context.identity.sourceIp","route":"$context.routeKey","status":$context.status,'
    '"bytes":$context.responseLength,"ms":$context.responseLatency,"integration_error":"$context.integrationErrorMessage"}'
)
CUSTOM_ID = "app"
"""The emulator makes this the API's id, so that its URL is the same after a restart."""

ASKED = ["authorization", "content-type", "idempotency-key", "traceparent", "x-request-id", "x-workspace-id"]
TOLD = [
    "idempotent-replayed", "location", "ratelimit-limit", "ratelimit-remaining", "ratelimit-reset", "retry-after", "x-request-id",
]  # fmt: skip
PREFLIGHT_S = 3_600


class Api(PlatformStack):
    """One API with the stage `$default`, and one for each drop-in surface. Routes stand in their contexts' stacks.

    On AWS their own addresses are closed: they answer at the domain only, which CloudFront asks for under that name, so that the
    viewer's headers and CloudFront's own come through unchanged.
    """

    def __init__(self, app: App, settings: Settings) -> None:
        super().__init__(app, "api", settings, "The HTTP APIs")
        self.logs = logs.CfnLogGroup(
            self,
            "AccessLog",
            log_group_name=f"/aws/vendedlogs/apigateway/{PREFIX}",
            retention_in_days=settings.log_retention_days,
        )
        self.logs.apply_removal_policy(RemovalPolicy.RETAIN if settings.keep_data else RemovalPolicy.DESTROY)
        api = self._api("Api", PREFIX, "Oppulence API", {"ms-custom-id": CUSTOM_ID})
        stages = {"": self._stage("Stage", api)}
        export(self, "ApiId", api.ref)
        export(self, "ApiUrl", Fn.sub("https://${Api}.execute-api.${AWS::Region}.${AWS::URLSuffix}", {"Api": api.ref}))
        for one in DROP_INS:
            stages[mapping_key(one)] = self._drop_in(one)
        if not settings.is_local:
            self._domain(stages)
        if not settings.is_local and not settings.operations.standby:
            self._origin_secret()

    def _api(self, id_: str, name: str, description: str, tags: dict[str, str]) -> apigateway.CfnApi:
        return apigateway.CfnApi(
            self, id_, name=name, protocol_type="HTTP", description=description, tags=tags,
            cors_configuration=self._cors(), disable_execute_api_endpoint=None if self.settings.is_local else True,
        )  # fmt: skip

    def _drop_in(self, one: DropIn) -> apigateway.CfnStage:
        tags = {"ms-custom-id": one.name, PREFIX_TAG: one.prefix.rstrip("/")}
        name = one.name.capitalize()
        api = self._api(f"{name}Api", f"{PREFIX}-{one.name}", f"For clients of {name}", tags)
        export(self, api_id(one), api.ref)
        return self._stage(f"{name}Stage", api)

    def _stage(self, id_: str, api: apigateway.CfnApi) -> apigateway.CfnStage:
        return apigateway.CfnStage(
            self,
            id_,
            api_id=api.ref,
            stage_name="$default",
            auto_deploy=True,
            access_log_settings=apigateway.CfnStage.AccessLogSettingsProperty(
                destination_arn=self.logs.attr_arn, format=ACCESS_LOG
            ),
            default_route_settings=apigateway.CfnStage.RouteSettingsProperty(
                throttling_rate_limit=self.settings.front.api_rate,
                throttling_burst_limit=self.settings.front.api_burst,
                detailed_metrics_enabled=False,
            ),
        )

    def _cors(self) -> apigateway.CfnApi.CorsProperty | None:
        """Which pages' scripts may call; the gateway answers their preflights itself. Keys go in a header, not in cookies."""
        if not self.settings.front.cors_origins:
            return None
        return apigateway.CfnApi.CorsProperty(
            allow_origins=list(self.settings.front.cors_origins), allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=ASKED, expose_headers=TOLD, max_age=PREFLIGHT_S,
        )  # fmt: skip

    def _domain(self, stages: dict[str, apigateway.CfnStage]) -> None:
        """A drop-in surface answers below its key, which the gateway takes off the path again: its routes have full paths."""
        named = self.settings.api_host
        domain = apigateway.CfnDomainName(
            self, "Domain", domain_name=named,
            domain_name_configurations=[
                apigateway.CfnDomainName.DomainNameConfigurationProperty(
                    certificate_arn=certificate(self, self.settings), endpoint_type="REGIONAL", security_policy="TLS_1_2"
                )
            ],
        )  # fmt: skip
        for key, stage in stages.items():
            mapping = apigateway.CfnApiMapping(
                self, f"{stage.node.id.removesuffix('Stage')}Mapping", api_id=stage.api_id, domain_name=domain.ref,
                stage="$default", api_mapping_key=key or None,
            )  # fmt: skip
            mapping.add_resource_dependency(stage)
        export(self, "ApiOrigin", domain.attr_regional_domain_name)

    def _origin_secret(self) -> None:
        """What CloudFront proves itself with. `oppulence origin` replaces it, with two valid meanwhile."""
        regions = {GLOBAL_REGION, self.settings.operations.second_region} - {self.settings.region or GLOBAL_REGION, ""}
        secret = secretsmanager.CfnSecret(
            self, "OriginSecret", name=ORIGIN_SECRET, description="CloudFront sends `current`; the API takes `previous` too",
            generate_secret_string=secretsmanager.CfnSecret.GenerateSecretStringProperty(
                secret_string_template='{"previous":""}', generate_string_key="current", password_length=64,
                exclude_punctuation=True,
            ),
            replica_regions=[secretsmanager.CfnSecret.ReplicaRegionProperty(region=one) for one in sorted(regions)] or None,
        )  # fmt: skip
        secret.apply_removal_policy(RemovalPolicy.RETAIN if self.settings.keep_data else RemovalPolicy.DESTROY)
