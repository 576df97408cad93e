"""The second region: what is copied there while the first one serves. The same app, deployed there with `-c standby=waiting`."""

from aws_cdk import App, Fn, RemovalPolicy
from aws_cdk import aws_kms as kms
from aws_cdk import aws_rds as rds

from infra.constructs.aurora import common, instance
from infra.constructs.bucket import PASSING, Kind, PrivateBucket, copy_name
from infra.constructs.roles import document
from infra.names import PREFIX, arn, export
from infra.settings import Settings
from infra.stacks.base import PlatformStack
from infra.stacks.data import owner_only


class Region(PlatformStack):
    """Copies under the names that `data` exports in the first region, so that every other stack finds them unchanged.

    PostgreSQL's copy has storage only while it waits: a replica of Aurora's global database without an instance. `serving`
    gives it one. The doors' table is not copied: it is written anew from PostgreSQL, which is the truth of it.
    """

    def __init__(self, app: App, settings: Settings) -> None:
        super().__init__(app, "region", settings, "Copies of data in the second region")
        for id_, lock_days, passing in (("Bucket", 0, PASSING), ("AuditBucket", settings.operations.audit_lock_days, ())):
            kind = Kind(lock_days=lock_days, passing=passing, name=Fn.sub(copy_name(id_)))
            export(self, f"{id_}Name", PrivateBucket(self, id_, settings, kind).name)
        originals = settings.operations.originals
        if originals is None:
            raise ValueError(
                "operations.originals is not set: take the ARNs from the outputs of oppulence-data in the first region"
            )
        self._key(originals.data_key)
        export(self, "KernelSecretArn", self._here(originals.kernel_secret))
        export(self, "PgAdminSecretArn", self._here(originals.admin_secret))
        self._postgresql()

    def _here(self, original: str) -> str:
        """A secret's copy: its ARN is the original's, but for the region."""
        return arn("secretsmanager", original.split(":", 5)[5])

    def _key(self, primary: str) -> None:
        """What was sealed in one region opens in the other: the replica has the primary's key material and id."""
        key = kms.CfnReplicaKey(
            self, "DataKey", primary_key_arn=primary, key_policy=document([owner_only()]),
            description="Copy of the key that wraps workspaces' data keys", pending_window_in_days=30,
        )  # fmt: skip
        key.apply_removal_policy(RemovalPolicy.RETAIN)
        export(self, "DataKeyArn", key.attr_arn)

    def _postgresql(self) -> None:
        cluster = rds.CfnDBCluster(
            self, "Cluster", global_cluster_identifier=PREFIX, kms_key_id=arn("kms", "alias/aws/rds"), deletion_protection=True,
            **common(self, self.settings),
        )  # fmt: skip
        cluster.apply_removal_policy(RemovalPolicy.RETAIN)
        if self.settings.operations.standby == "serving":
            instance(self, 1, cluster)
        export(self, "PgHost", cluster.attr_endpoint_address)
        export(self, "PgReaderHost", cluster.attr_read_endpoint_address)
        export(self, "PgResourceId", cluster.attr_db_cluster_resource_id)
