"""Buckets as the house has them: encrypted, versioned, private, over TLS only, cold after a while."""

from dataclasses import dataclass
from typing import Any

from aws_cdk import Fn, RemovalPolicy
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.constructs.entry_function import with_id
from infra.constructs.grants import allow
from infra.constructs.roles import document, service_role
from infra.names import PREFIX
from infra.settings import Settings

COLD = "GLACIER_IR"
"""Read at once and paid by the read: nothing that asks for an old object has to wait."""

PASSING = (("usage-answers/", 1),)
"""Prefixes of the workspaces' bucket whose objects are deleted after so many days. A copy has its own rules: what lifecycle
rules delete is not deleted there.
"""

OLD_VERSIONS_DAYS = 30
"""How long what was overwritten or deleted can be brought back; what an erased workspace left is gone after it."""


@dataclass(frozen=True)
class Kind:
    """What one bucket has beside the rest.

    `lock_days` keeps each version from everyone, the account's root included. `passing`: prefixes, and after how many days
    their objects are deleted.
    """

    lock_days: int = 0
    copied: bool = False
    expires_days: int = 0
    passing: tuple[tuple[str, int], ...] = ()
    name: str | None = None


class PrivateBucket(Construct):
    """One bucket and its policy. On the laptop without versions, lock and lifecycle, which its emulator need not know."""

    def __init__(self, scope: Construct, id_: str, settings: Settings, kind: Kind = Kind()) -> None:  # noqa: B008
        super().__init__(scope, f"{id_}Parts")
        self.settings, self.kind = settings, kind
        bucket = with_id(s3.CfnBucket(self, "Bucket", **self._common(), **({} if settings.is_local else self._remote(id_))), id_)
        bucket.apply_removal_policy(RemovalPolicy.RETAIN if settings.keep_data else RemovalPolicy.DESTROY)
        self.name, self.arn = bucket.ref, bucket.attr_arn
        tls = {
            "Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "s3:*", "Resource": [self.arn, f"{self.arn}/*"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }  # fmt: skip
        policy = s3.CfnBucketPolicy(self, "Policy", bucket=self.name, policy_document=document([tls]))
        with_id(policy, f"{id_}Policy")

    def _common(self) -> dict[str, Any]:
        default = s3.CfnBucket.ServerSideEncryptionByDefaultProperty(sse_algorithm="AES256")
        rules = [s3.CfnBucket.ServerSideEncryptionRuleProperty(server_side_encryption_by_default=default)]
        return {
            "bucket_encryption": s3.CfnBucket.BucketEncryptionProperty(server_side_encryption_configuration=rules),
            "public_access_block_configuration": s3.CfnBucket.PublicAccessBlockConfigurationProperty(
                block_public_acls=True, block_public_policy=True, ignore_public_acls=True, restrict_public_buckets=True
            ),
            "ownership_controls": s3.CfnBucket.OwnershipControlsProperty(
                rules=[s3.CfnBucket.OwnershipControlsRuleProperty(object_ownership="BucketOwnerEnforced")]
            ),
        }

    def _remote(self, id_: str) -> dict[str, Any]:
        options: dict[str, Any] = {
            "bucket_name": self.kind.name,
            "versioning_configuration": s3.CfnBucket.VersioningConfigurationProperty(status="Enabled"),
            "lifecycle_configuration": s3.CfnBucket.LifecycleConfigurationProperty(rules=self._lifecycle()),
        }
        if self.kind.lock_days:
            retention = s3.CfnBucket.DefaultRetentionProperty(mode="COMPLIANCE", days=self.kind.lock_days)
            options |= {
                "object_lock_enabled": True,
                "object_lock_configuration": s3.CfnBucket.ObjectLockConfigurationProperty(
                    object_lock_enabled="Enabled", rule=s3.CfnBucket.ObjectLockRuleProperty(default_retention=retention)
                ),
            }
        if self.kind.copied:
            options["replication_configuration"] = self._replication(id_)
        return options

    def _lifecycle(self) -> list[s3.CfnBucket.RuleProperty]:
        old = s3.CfnBucket.NoncurrentVersionExpirationProperty(noncurrent_days=max(OLD_VERSIONS_DAYS, self.kind.lock_days))
        unfinished = s3.CfnBucket.AbortIncompleteMultipartUploadProperty(days_after_initiation=7)
        cold = s3.CfnBucket.TransitionProperty(storage_class=COLD, transition_in_days=self.settings.operations.cold_after_days)
        expires = self.kind.expires_days
        return [
            s3.CfnBucket.RuleProperty(
                id="keep", status="Enabled", abort_incomplete_multipart_upload=unfinished, noncurrent_version_expiration=old,
                transitions=None if expires else [cold], expiration_in_days=expires or None,
            ),
            *(
                s3.CfnBucket.RuleProperty(id=prefix.strip("/"), status="Enabled", prefix=prefix, expiration_in_days=days)
                for prefix, days in self.kind.passing
            ),
        ]  # fmt: skip

    def _replication(self, id_: str) -> s3.CfnBucket.ReplicationConfigurationProperty:
        copy = Fn.sub(f"arn:${{AWS::Partition}}:s3:::{copy_name(id_)}")
        own = [Fn.sub(f"arn:${{AWS::Partition}}:s3:::{own_name(id_)}{rest}") for rest in ("", "/*")]
        policies = [
            ("read", [allow("s3:GetReplicationConfiguration", "s3:ListBucket", on=own[0]),
                      allow("s3:GetObjectVersionForReplication", "s3:GetObjectVersionTagging", "s3:GetObjectRetention",
                            "s3:GetObjectLegalHold", on=own[1])]),
            ("write", [allow("s3:ReplicateObject", "s3:ReplicateTags", on=f"{copy}/*")]),
        ]  # fmt: skip
        role = with_id(service_role(self, "CopyRole", "s3", policies), f"{id_}CopyRole")
        rule = s3.CfnBucket.ReplicationRuleProperty(
            id="second-region", status="Enabled", priority=1, filter=s3.CfnBucket.ReplicationRuleFilterProperty(prefix=""),
            destination=s3.CfnBucket.ReplicationDestinationProperty(bucket=copy),
            # What is deleted here is deleted there: else an erased workspace would live on in the copy.
            delete_marker_replication=s3.CfnBucket.DeleteMarkerReplicationProperty(status="Enabled"),
        )  # fmt: skip
        return s3.CfnBucket.ReplicationConfigurationProperty(role=role.attr_arn, rules=[rule])


def own_name(id_: str) -> str:
    """A bucket's name where it has a copy: the role that copies is made before the bucket."""
    return f"{PREFIX}-{id_.lower()}-${{AWS::AccountId}}"


def copy_name(id_: str) -> str:
    """The name of a bucket's copy in the second region."""
    return f"{PREFIX}-{id_.lower()}-standby-${{AWS::AccountId}}"
