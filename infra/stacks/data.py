"""What outlives every deployment: database, tables, bucket, keys, secrets."""

from aws_cdk import App, CfnResource, Fn, RemovalPolicy
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_kms as kms
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import aws_ses as ses
from aws_cdk import aws_ssm as ssm

from infra.constructs.aurora import Aurora
from infra.constructs.bucket import PASSING, Kind, PrivateBucket, own_name
from infra.constructs.private_link import private_link
from infra.constructs.roles import document
from infra.names import TABLES, export, named
from infra.settings import CLOCK_PARAMETER, Settings
from infra.stacks.base import PlatformStack

FOREVER = "connections"
"""The table whose items do not expire."""


class Data(PlatformStack):
    """Stores and keys. On the laptop PostgreSQL is no resource: functions get its address from the deployer."""

    def __init__(self, app: App, settings: Settings) -> None:
        super().__init__(app, "data", settings, "Database, tables, bucket, keys and secrets")
        for name in TABLES:
            self._keep(self._table(name))
        self._keep(ses.CfnEmailIdentity(self, "MailIdentity", email_identity=settings.mail_from.partition("@")[2]))
        if settings.virtual_clock:
            ssm.CfnParameter(
                self, "Clock", name=CLOCK_PARAMETER, type="String", value="real", description="Offset and scale of domain time"
            )
        if not settings.operations.standby:  # there `region` has them, as copies
            self._buckets()
            self._key()
            self._secret()
            self._postgresql()

    def _postgresql(self) -> None:
        cluster = Aurora(self, self.settings) if self.settings.aurora else None
        if self.settings.operations.clickhouse_service:
            private_link(self, self.settings.operations.clickhouse_service)
        export(self, "PgHost", cluster.host if cluster else "127.0.0.1")
        export(self, "PgReaderHost", cluster.reader_host if cluster else "127.0.0.1")
        export(self, "PgResourceId", cluster.resource_id if cluster else "cluster-local")
        if cluster:
            export(self, "PgAdminSecretArn", cluster.admin_secret_arn)

    def _table(self, name: str) -> dynamodb.CfnTable:
        expiry = dynamodb.CfnTable.TimeToLiveSpecificationProperty(attribute_name="expires_at", enabled=True)
        recovery = dynamodb.CfnTable.PointInTimeRecoverySpecificationProperty(point_in_time_recovery_enabled=True)
        return dynamodb.CfnTable(
            self,
            f"{name.capitalize()}Table",
            table_name=named(name),
            billing_mode="PAY_PER_REQUEST",
            attribute_definitions=[dynamodb.CfnTable.AttributeDefinitionProperty(attribute_name="id", attribute_type="S")],
            key_schema=[dynamodb.CfnTable.KeySchemaProperty(attribute_name="id", key_type="HASH")],
            time_to_live_specification=None if name == FOREVER else expiry,
            point_in_time_recovery_specification=recovery,
            sse_specification=dynamodb.CfnTable.SSESpecificationProperty(sse_enabled=True),
            deletion_protection_enabled=self.settings.keep_data,
        )

    def _buckets(self) -> None:
        """Workspaces' objects, and the heads of audit logs' chains, which nobody can delete while they are locked."""
        operations = self.settings.operations
        for id_, lock_days, passing in (("Bucket", 0, PASSING), ("AuditBucket", operations.audit_lock_days, ())):
            name = Fn.sub(own_name(id_)) if operations.has_copies else None
            kind = Kind(lock_days=lock_days, copied=operations.has_copies, passing=passing, name=name)
            export(self, f"{id_}Name", PrivateBucket(self, id_, self.settings, kind).name)

    def _key(self) -> None:
        key = kms.CfnKey(
            self,
            "DataKey",
            description="Wraps workspaces' data keys. Whoever deletes it makes every sealed value unreadable.",
            enable_key_rotation=True,
            multi_region=None if self.settings.is_local else True,  # cannot be had later, and costs nothing until it is copied
            pending_window_in_days=30,
            key_policy=document([owner_only()]),
        )
        self._keep(key)
        export(self, "DataKeyArn", key.attr_arn)

    def _secret(self) -> None:
        rules = secretsmanager.CfnSecret.GenerateSecretStringProperty(password_length=64, exclude_punctuation=True)
        operations = self.settings.operations
        copies = [secretsmanager.CfnSecret.ReplicaRegionProperty(region=operations.second_region)]
        secret = secretsmanager.CfnSecret(
            self, "KernelSecret", description="Signs cursors and links", generate_secret_string=rules,
            replica_regions=copies if operations.has_copies else None,
        )  # fmt: skip
        self._keep(secret)
        export(self, "KernelSecretArn", secret.ref)

    def _keep(self, resource: CfnResource) -> None:
        resource.apply_removal_policy(RemovalPolicy.RETAIN if self.settings.keep_data else RemovalPolicy.DESTROY)


def owner_only() -> dict[str, object]:
    """A key is this account's, whose roles say who may use it."""
    root = Fn.sub("arn:${AWS::Partition}:iam::${AWS::AccountId}:root")
    return {"Effect": "Allow", "Principal": {"AWS": root}, "Action": "kms:*", "Resource": "*"}
