"""A route: a function behind a method and path of the shared HTTP API, or of its drop-in surface's."""

from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.constructs.entry_function import EntryFunction, with_id
from infra.names import api_id, arn, imported

GATEWAY_MAX_MS = 30_000


class Route(Construct):
    """The integration, the route, and the permission for exactly this route to call the function."""

    def __init__(self, scope: Construct, function: EntryFunction) -> None:
        super().__init__(scope, f"{function.point.id}Route")
        point, declared = function.point, function.point.route
        api = imported(api_id(declared.drop_in))
        integration = apigateway.CfnIntegration(
            self,
            "Integration",
            api_id=api,
            integration_type="AWS_PROXY",
            integration_uri=function.arn,
            payload_format_version="2.0",
            timeout_in_millis=min(GATEWAY_MAX_MS, (declared.timeout_s + 1) * 1_000),
        )
        route = apigateway.CfnRoute(
            self,
            "Route",
            api_id=api,
            route_key=f"{declared.method} {declared.gateway_path}",
            target=f"integrations/{with_id(integration, f'{point.id}Integration').ref}",
            operation_name=point.name,
        )
        with_id(route, f"{point.id}Route")
        # A parameter stands in the ARN in braces, as in the route. Other braces would be taken for variables of Sub.
        source = arn("execute-api", f"${{Api}}/*/{declared.method}{declared.gateway_path}", Api=api)
        permission = lambda_.CfnPermission(
            self,
            "Permission",
            action="lambda:InvokeFunction",
            function_name=function.arn,
            principal="apigateway.amazonaws.com",
            source_arn=source,
        )
        with_id(permission, f"{point.id}Permission")
