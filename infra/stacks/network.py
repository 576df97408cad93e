"""The network that functions with a database connection stand in: private subnets without a way out."""

from aws_cdk import App, CfnTag, Fn
from aws_cdk import aws_ec2 as ec2

from infra.constructs.entry_function import SUBNETS, with_id
from infra.names import PREFIX, export
from infra.settings import Settings
from infra.stacks.base import PlatformStack

CIDR = "10.40.0.0/16"
PRIVATE = ("10.40.0.0/20", "10.40.16.0/20")
PUBLIC = ("10.40.128.0/24", "10.40.129.0/24")
GATEWAY_SERVICES = ("s3", "dynamodb")


class Network(PlatformStack):
    """The VPC, its subnets, the functions' security group, and gateway endpoints. The way out is `egress`."""

    def __init__(self, app: App, settings: Settings) -> None:
        super().__init__(app, "network", settings, "Private network of functions with a database connection")
        vpc = ec2.CfnVPC(
            self,
            "Vpc",
            cidr_block=CIDR,
            enable_dns_hostnames=True,
            enable_dns_support=True,
            tags=[CfnTag(key="Name", value=PREFIX)],
        )
        export(self, "VpcId", vpc.ref)
        private = self._subnets(vpc.ref, "Private", PRIVATE)
        self._subnets(vpc.ref, "Public", PUBLIC)
        self._endpoints(vpc.ref, private)
        self._security_group(vpc.ref)

    def _subnets(self, vpc: str, kind: str, ranges: tuple[str, ...]) -> list[str]:
        """One subnet and route table in each of the first availability zones; answers the route tables."""
        tables = []
        for n in range(1, SUBNETS + 1):
            tags = [CfnTag(key="Name", value=f"{PREFIX}-{kind.lower()}-{n}")]
            zone = Fn.select(n - 1, Fn.get_azs())
            subnet = ec2.CfnSubnet(
                self, f"{kind}Subnet{n}Resource", vpc_id=vpc, cidr_block=ranges[n - 1], availability_zone=zone,
                map_public_ip_on_launch=False, tags=tags,
            )  # fmt: skip
            table = ec2.CfnRouteTable(self, f"{kind}Routes{n}Resource", vpc_id=vpc, tags=tags)
            ec2.CfnSubnetRouteTableAssociation(self, f"{kind}Association{n}", subnet_id=subnet.ref, route_table_id=table.ref)
            export(self, f"{kind}Subnet{n}", subnet.ref)
            export(self, f"{kind}Routes{n}", table.ref)
            tables.append(table.ref)
        return tables

    def _endpoints(self, vpc: str, tables: list[str]) -> None:
        """S3 and DynamoDB without the NAT gateway, and without its price."""
        for service in GATEWAY_SERVICES:
            name = Fn.sub(f"com.amazonaws.${{AWS::Region}}.{service}")
            ec2.CfnVPCEndpoint(
                self, f"{service.capitalize()}Endpoint", vpc_id=vpc, service_name=name, vpc_endpoint_type="Gateway",
                route_table_ids=tables,
            )  # fmt: skip

    def _security_group(self, vpc: str) -> None:
        group = ec2.CfnSecurityGroup(
            self, "Functions", vpc_id=vpc, group_description="Functions: nothing comes in, databases and HTTPS go out",
            security_group_egress=[
                ec2.CfnSecurityGroup.EgressProperty(ip_protocol="tcp", from_port=5432, to_port=5432, cidr_ip=CIDR),
                ec2.CfnSecurityGroup.EgressProperty(ip_protocol="tcp", from_port=443, to_port=443, cidr_ip="0.0.0.0/0"),
                ec2.CfnSecurityGroup.EgressProperty(ip_protocol="tcp", from_port=8443, to_port=8443, cidr_ip="0.0.0.0/0"),
            ],
        )  # fmt: skip
        export(self, "FunctionsSecurityGroup", with_id(group, "Functions").attr_group_id)
