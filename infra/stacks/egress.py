"""The way out of the private subnets, to AWS's own endpoints and to providers. Not on the laptop."""

from aws_cdk import App, Fn
from aws_cdk import aws_ec2 as ec2

from infra.constructs.entry_function import SUBNETS
from infra.names import imported
from infra.settings import Settings
from infra.stacks.base import PlatformStack

ANYWHERE = "0.0.0.0/0"


HTTPS = 443


class Egress(PlatformStack):
    """NAT gateways in the public subnets: one for all zones, or one each. Endpoints that bill by the hour where asked for."""

    def __init__(self, app: App, settings: Settings) -> None:
        super().__init__(app, "egress", settings, "NAT gateways and routes to the internet")
        vpc = imported("VpcId")
        internet = ec2.CfnInternetGateway(self, "Internet")
        attached = ec2.CfnVPCGatewayAttachment(self, "Attachment", vpc_id=vpc, internet_gateway_id=internet.ref)
        nats = []
        for n in range(1, SUBNETS + 1):
            out = ec2.CfnRoute(
                self, f"PublicRoute{n}", route_table_id=imported(f"PublicRoutes{n}"), destination_cidr_block=ANYWHERE,
                gateway_id=internet.ref,
            )  # fmt: skip
            out.add_resource_dependency(attached)
            if n <= settings.nat_gateways:
                address = ec2.CfnEIP(self, f"Address{n}", domain="vpc")
                address.add_resource_dependency(attached)
                nats.append(
                    ec2.CfnNatGateway(
                        self, f"Nat{n}", subnet_id=imported(f"PublicSubnet{n}"), allocation_id=address.attr_allocation_id
                    )
                )
        for n in range(1, SUBNETS + 1):
            ec2.CfnRoute(
                self, f"PrivateRoute{n}", route_table_id=imported(f"PrivateRoutes{n}"), destination_cidr_block=ANYWHERE,
                nat_gateway_id=nats[(n - 1) % len(nats)].ref,
            )  # fmt: skip
        if settings.interface_endpoints:
            self._endpoints(vpc, settings.interface_endpoints)

    def _endpoints(self, vpc: str, services: tuple[str, ...]) -> None:
        functions = ec2.CfnSecurityGroup.IngressProperty(
            ip_protocol="tcp", from_port=HTTPS, to_port=HTTPS, source_security_group_id=imported("FunctionsSecurityGroup")
        )
        group = ec2.CfnSecurityGroup(
            self, "Endpoints", vpc_id=vpc, group_description="Endpoints of AWS: functions come in",
            security_group_ingress=[functions],
        )  # fmt: skip
        for service in services:
            ec2.CfnVPCEndpoint(
                self, f"{service.title().replace('-', '')}Endpoint", vpc_id=vpc, vpc_endpoint_type="Interface",
                service_name=Fn.sub(f"com.amazonaws.${{AWS::Region}}.{service}"), private_dns_enabled=True,
                subnet_ids=[imported(f"PrivateSubnet{n}") for n in range(1, SUBNETS + 1)],
                security_group_ids=[group.attr_group_id],
            )  # fmt: skip
