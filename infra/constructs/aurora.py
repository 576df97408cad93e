"""Aurora PostgreSQL, Serverless v2. Functions sign in by IAM as their context's role; the administrator's password is managed."""

from aws_cdk import RemovalPolicy
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_rds as rds
from constructs import Construct

from infra.constructs.entry_function import SUBNETS
from infra.names import PREFIX, imported
from infra.settings import PG_DATABASE, Settings

ENGINE_VERSION = "17.5"
PORT = 5432


class Aurora(Construct):
    """One cluster: a writer, and in production a reader to take over from it."""

    def __init__(self, scope: Construct, settings: Settings) -> None:
        super().__init__(scope, "Aurora")
        removal = RemovalPolicy.SNAPSHOT if settings.keep_data else RemovalPolicy.DESTROY
        cluster = rds.CfnDBCluster(
            self,
            "Cluster",
            engine="aurora-postgresql",
            engine_version=ENGINE_VERSION,
            db_cluster_identifier=PREFIX,
            database_name=PG_DATABASE,
            master_username="administrator",
            manage_master_user_password=True,
            enable_iam_database_authentication=True,
            storage_encrypted=True,
            deletion_protection=settings.keep_data,
            backup_retention_period=35 if settings.keep_data else 1,
            copy_tags_to_snapshot=True,
            enable_cloudwatch_logs_exports=["postgresql"],
            db_subnet_group_name=self._subnets().ref,
            db_cluster_parameter_group_name=self._parameters().ref,
            vpc_security_group_ids=[self._security_group().attr_group_id],
            serverless_v2_scaling_configuration=rds.CfnDBCluster.ServerlessV2ScalingConfigurationProperty(
                min_capacity=settings.aurora_min_acu, max_capacity=settings.aurora_max_acu
            ),
        )
        cluster.apply_removal_policy(removal)
        for n in range(1, 3 if settings.stage == "prod" else 2):
            rds.CfnDBInstance(
                self, f"Instance{n}", engine="aurora-postgresql", db_instance_class="db.serverless",
                db_cluster_identifier=cluster.ref, enable_performance_insights=True, publicly_accessible=False,
                auto_minor_version_upgrade=True,
            )  # fmt: skip
        self.host = cluster.attr_endpoint_address
        self.resource_id = cluster.attr_db_cluster_resource_id
        self.admin_secret_arn = cluster.attr_master_user_secret_secret_arn

    def _subnets(self) -> rds.CfnDBSubnetGroup:
        subnets = [imported(f"PrivateSubnet{n}") for n in range(1, SUBNETS + 1)]
        return rds.CfnDBSubnetGroup(self, "Subnets", db_subnet_group_description="Private subnets", subnet_ids=subnets)

    def _parameters(self) -> rds.CfnDBClusterParameterGroup:
        return rds.CfnDBClusterParameterGroup(
            self, "Parameters", family="aurora-postgresql17", description="TLS only, and slow statements in the log",
            parameters={"rds.force_ssl": "1", "log_min_duration_statement": "1000"},
        )  # fmt: skip

    def _security_group(self) -> ec2.CfnSecurityGroup:
        return ec2.CfnSecurityGroup(
            self, "Firewall", vpc_id=imported("VpcId"), group_description="PostgreSQL: functions come in, nothing goes out",
            security_group_ingress=[
                ec2.CfnSecurityGroup.IngressProperty(
                    ip_protocol="tcp", from_port=PORT, to_port=PORT, source_security_group_id=imported("FunctionsSecurityGroup")
                )
            ],
            security_group_egress=[
                ec2.CfnSecurityGroup.EgressProperty(ip_protocol="icmp", from_port=252, to_port=86, cidr_ip="255.255.255.255/32")
            ],
        )  # fmt: skip
