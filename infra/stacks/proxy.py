"""RDS Proxy between functions and PostgreSQL, where the settings ask for it: IAM on both sides, no password anywhere."""

from aws_cdk import App, Fn, Tags
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_rds as rds

from infra.constructs.entry_function import SUBNETS
from infra.constructs.grants import allow
from infra.constructs.roles import service_role
from infra.names import PREFIX, arn, export, imported
from infra.settings import Settings
from infra.stacks.base import PlatformStack

PORT = 5432


class Proxy(PlatformStack):
    """Functions sign in to it by IAM as their context's role, and it signs in to the cluster by IAM as the same."""

    def __init__(self, app: App, settings: Settings) -> None:
        super().__init__(app, "proxy", settings, "RDS Proxy")
        user = arn("rds-db", "dbuser:${Cluster}/*", Cluster=imported("PgResourceId"))
        role = service_role(self, "Role", "rds", [("connect", [allow("rds-db:connect", on=user)])])
        proxy = rds.CfnDBProxy(
            self, "Proxy", db_proxy_name=PREFIX, engine_family="POSTGRESQL", require_tls=True, role_arn=role.attr_arn,
            default_auth_scheme="IAM_AUTH", vpc_subnet_ids=[imported(f"PrivateSubnet{n}") for n in range(1, SUBNETS + 1)],
            # As one of the functions' group it reaches the cluster, and its own group lets the functions in.
            vpc_security_group_ids=[self._firewall().attr_group_id, imported("FunctionsSecurityGroup")],
        )  # fmt: skip
        targets = rds.CfnDBProxyTargetGroup(
            self, "Targets", db_proxy_name=proxy.ref, target_group_name="default", db_cluster_identifiers=[PREFIX],
            connection_pool_configuration_info=rds.CfnDBProxyTargetGroup.ConnectionPoolConfigurationInfoFormatProperty(
                max_connections_percent=90, connection_borrow_timeout=5
            ),
        )  # fmt: skip
        Tags.of(targets).remove("stage")  # its type takes none
        export(self, "PgProxyHost", proxy.attr_endpoint)
        export(self, "PgProxyResourceId", Fn.select(6, Fn.split(":", proxy.attr_db_proxy_arn)))

    def _firewall(self) -> ec2.CfnSecurityGroup:
        functions = ec2.CfnSecurityGroup.IngressProperty(
            ip_protocol="tcp", from_port=PORT, to_port=PORT, source_security_group_id=imported("FunctionsSecurityGroup")
        )
        return ec2.CfnSecurityGroup(
            self, "Firewall", vpc_id=imported("VpcId"), group_description="RDS Proxy: functions come in",
            security_group_ingress=[functions],
            security_group_egress=[
                ec2.CfnSecurityGroup.EgressProperty(ip_protocol="icmp", from_port=252, to_port=86, cidr_ip="255.255.255.255/32")
            ],
        )  # fmt: skip
