"""A private way to a service of another account, such as ClickHouse's: an interface endpoint in the private subnets."""

from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from infra.constructs.entry_function import SUBNETS
from infra.names import imported

HTTPS = (443, 8443)


def private_link(scope: Construct, service: str) -> None:
    """Endpoint of a service by its name (`com.amazonaws.vpce.…`), open to functions only; its private DNS name is its URL's."""
    come = [
        ec2.CfnSecurityGroup.IngressProperty(
            ip_protocol="tcp", from_port=port, to_port=port, source_security_group_id=imported("FunctionsSecurityGroup")
        )
        for port in HTTPS
    ]
    group = ec2.CfnSecurityGroup(
        scope, "ClickHouseDoor", vpc_id=imported("VpcId"), group_description="ClickHouse: functions come in",
        security_group_ingress=come,
    )  # fmt: skip
    ec2.CfnVPCEndpoint(
        scope, "ClickHouse", vpc_id=imported("VpcId"), service_name=service, vpc_endpoint_type="Interface",
        private_dns_enabled=True, subnet_ids=[imported(f"PrivateSubnet{n}") for n in range(1, SUBNETS + 1)],
        security_group_ids=[group.attr_group_id],
    )  # fmt: skip
