"""What outlives every deployment: database, tables, bucket, keys, secrets."""

from aws_cdk import App, CfnResource, Fn, RemovalPolicy
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import aws_ses as ses
from aws_cdk import aws_ssm as ssm

from infra.constructs.aurora import Aurora
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
        self._bucket()
        self._key()
        self._secret()
        self._keep(ses.CfnEmailIdentity(self, "MailIdentity", email_identity=settings.mail_from.partition("@")[2]))
        if settings.virtual_clock:
            ssm.CfnParameter(
                self, "Clock", name=CLOCK_PARAMETER, type="String", value="real", description="Offset and scale of domain time"
            )
        cluster = Aurora(self, settings) if settings.aurora else None
        export(self, "PgHost", cluster.host if cluster else "127.0.0.1")
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

    def _bucket(self) -> None:
        bucket = s3.CfnBucket(
            self,
            "Bucket",
            bucket_encryption=s3.CfnBucket.BucketEncryptionProperty(
                server_side_encryption_configuration=[
                    s3.CfnBucket.ServerSideEncryptionRuleProperty(
                        server_side_encryption_by_default=s3.CfnBucket.ServerSideEncryptionByDefaultProperty(
                            sse_algorithm="AES256"
                        )
                    )
                ]
            ),
            public_access_block_configuration=s3.CfnBucket.PublicAccessBlockConfigurationProperty(
                block_public_acls=True, block_public_policy=True, ignore_public_acls=True, restrict_public_buckets=True
            ),
            ownership_controls=s3.CfnBucket.OwnershipControlsProperty(
                rules=[s3.CfnBucket.OwnershipControlsRuleProperty(object_ownership="BucketOwnerEnforced")]
            ),
            lifecycle_configuration=s3.CfnBucket.LifecycleConfigurationProperty(
                rules=[
                    s3.CfnBucket.RuleProperty(
                        status="Enabled",
                        abort_incomplete_multipart_upload=s3.CfnBucket.AbortIncompleteMultipartUploadProperty(
                            days_after_initiation=7
                        ),
                    )
                ]
            ),
        )
        self._keep(bucket)
        tls = {
            "Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "s3:*",
            "Resource": [bucket.attr_arn, f"{bucket.attr_arn}/*"], "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }  # fmt: skip
        s3.CfnBucketPolicy(self, "BucketPolicy", bucket=bucket.ref, policy_document=document([tls]))
        export(self, "BucketName", bucket.ref)

    def _key(self) -> None:
        root = Fn.sub("arn:${AWS::Partition}:iam::${AWS::AccountId}:root")
        owner = {"Effect": "Allow", "Principal": {"AWS": root}, "Action": "kms:*", "Resource": "*"}
        key = kms.CfnKey(
            self,
            "DataKey",
            description="Wraps workspaces' data keys. Whoever deletes it makes every sealed value unreadable.",
            enable_key_rotation=True,
            pending_window_in_days=30,
            key_policy=document([owner]),
        )
        self._keep(key)
        export(self, "DataKeyArn", key.attr_arn)

    def _secret(self) -> None:
        rules = secretsmanager.CfnSecret.GenerateSecretStringProperty(password_length=64, exclude_punctuation=True)
        secret = secretsmanager.CfnSecret(
            self, "KernelSecret", description="Signs cursors and links", generate_secret_string=rules
        )
        self._keep(secret)
        export(self, "KernelSecretArn", secret.ref)

    def _keep(self, resource: CfnResource) -> None:
        resource.apply_removal_policy(RemovalPolicy.RETAIN if self.settings.keep_data else RemovalPolicy.DESTROY)
