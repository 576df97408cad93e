"""Aurora PostgreSQL, Serverless v2. Functions sign in by IAM as their context's role; the administrator's password is managed."""

from typing import Any

from aws_cdk import RemovalPolicy
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_logs as logs
from aws_cdk import aws_rds as rds
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra.constructs.entry_function import SUBNETS
from infra.names import PREFIX, imported
from infra.settings import PG_DATABASE, Settings

ENGINE, FAMILY = "aurora-postgresql", "aurora-postgresql18"
ENGINE_VERSION = "18.4"
"""The newest that AWS's own rules for templates know. The laptop runs the same major, so nothing there is too new for here."""

PAUSE_AFTER_S = 300
PORT = 5432
ADMINISTRATOR = "administrator"


class Aurora(Construct):
    """One cluster: a writer, and in production a reader to take over from it."""

    def __init__(self, scope: Construct, settings: Settings) -> None:
        super().__init__(scope, "Aurora")
        self.settings = settings
        operations = settings.operations
        cluster = rds.CfnDBCluster(
            self, "Cluster", database_name=PG_DATABASE, deletion_protection=settings.keep_data,
            **(self._own_password() if operations.has_copies else self._managed_password()), **common(self, settings),
        )  # fmt: skip
        cluster.apply_removal_policy(RemovalPolicy.RETAIN if settings.keep_data else RemovalPolicy.DESTROY)
        log = logs.CfnLogGroup(
            self, "Log", log_group_name=f"/aws/rds/cluster/{PREFIX}/postgresql", retention_in_days=settings.log_retention_days
        )
        cluster.add_resource_dependency(log)  # else RDS makes one that is kept for ever
        for n in range(1, 3 if settings.stage == "prod" or operations.reader else 2):
            instance(self, n, cluster)
        if operations.has_copies:
            rds.CfnGlobalCluster(
                self, "Global", global_cluster_identifier=PREFIX, source_db_cluster_identifier=cluster.ref,
                deletion_protection=settings.keep_data,
            )  # fmt: skip
        self.host = cluster.attr_endpoint_address
        self.reader_host = cluster.attr_read_endpoint_address
        self.resource_id = cluster.attr_db_cluster_resource_id
        if not operations.has_copies:
            self.admin_secret_arn = cluster.attr_master_user_secret_secret_arn

    def _managed_password(self) -> dict[str, Any]:
        return {"master_username": ADMINISTRATOR, "manage_master_user_password": True}

    def _own_password(self) -> dict[str, Any]:
        """RDS manages no password of a cluster that another region copies: it is a secret of ours then, copied with it."""
        rules = secretsmanager.CfnSecret.GenerateSecretStringProperty(
            password_length=64, exclude_punctuation=True, generate_string_key="password",
            secret_string_template=f'{{"username": "{ADMINISTRATOR}"}}',
        )  # fmt: skip
        copies = [secretsmanager.CfnSecret.ReplicaRegionProperty(region=self.settings.operations.second_region)]
        secret = secretsmanager.CfnSecret(
            self, "Administrator", description="PostgreSQL's administrator", generate_secret_string=rules, replica_regions=copies
        )
        secret.apply_removal_policy(RemovalPolicy.RETAIN if self.settings.keep_data else RemovalPolicy.DESTROY)
        self.admin_secret_arn = secret.ref
        password = f"{{{{resolve:secretsmanager:{secret.ref}:SecretString:password}}}}"
        return {"master_username": ADMINISTRATOR, "master_user_password": password}


def common(scope: Construct, settings: Settings) -> dict[str, Any]:
    """What the cluster and its copy in the second region have alike."""
    subnets = [imported(f"PrivateSubnet{n}") for n in range(1, SUBNETS + 1)]
    group = rds.CfnDBSubnetGroup(scope, "Subnets", db_subnet_group_description="Private subnets", subnet_ids=subnets)
    parameters = rds.CfnDBClusterParameterGroup(
        scope, "Parameters", family=FAMILY, description="TLS only, and slow statements in the log",
        parameters={"rds.force_ssl": "1", "log_min_duration_statement": "1000"},
    )  # fmt: skip
    return {
        "engine": ENGINE,
        "engine_version": ENGINE_VERSION,
        "db_cluster_identifier": PREFIX,
        "enable_iam_database_authentication": True,
        "storage_encrypted": True,
        "backup_retention_period": settings.operations.backup_days,
        "copy_tags_to_snapshot": True,
        "enable_cloudwatch_logs_exports": ["postgresql"],
        "db_subnet_group_name": group.ref,
        "db_cluster_parameter_group_name": parameters.ref,
        "vpc_security_group_ids": [_firewall(scope).attr_group_id],
        "serverless_v2_scaling_configuration": rds.CfnDBCluster.ServerlessV2ScalingConfigurationProperty(
            min_capacity=settings.aurora_min_acu,
            max_capacity=settings.aurora_max_acu,
            seconds_until_auto_pause=PAUSE_AFTER_S if settings.database_pauses else None,
        ),
    }


def instance(scope: Construct, number: int, cluster: rds.CfnDBCluster) -> None:
    """One instance. Its name marks the stage's own cluster, which `oppulence db mask` refuses; a restored copy's is another."""
    rds.CfnDBInstance(
        scope, f"Instance{number}", engine=ENGINE, db_instance_class="db.serverless", db_cluster_identifier=cluster.ref,
        enable_performance_insights=True, publicly_accessible=False, auto_minor_version_upgrade=False,
        db_instance_identifier=f"{PREFIX}-{number}",
    )  # fmt: skip


def _firewall(scope: Construct) -> ec2.CfnSecurityGroup:
    functions = ec2.CfnSecurityGroup.IngressProperty(
        ip_protocol="tcp", from_port=PORT, to_port=PORT, source_security_group_id=imported("FunctionsSecurityGroup")
    )
    nowhere = ec2.CfnSecurityGroup.EgressProperty(ip_protocol="icmp", from_port=252, to_port=86, cidr_ip="255.255.255.255/32")
    return ec2.CfnSecurityGroup(
        scope, "Firewall", vpc_id=imported("VpcId"), group_description="PostgreSQL: functions come in, nothing goes out",
        security_group_ingress=[functions], security_group_egress=[nowhere],
    )  # fmt: skip
