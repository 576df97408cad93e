"""Settings that cost, and are off until asked for: the second region, the reader, ClickHouse's private way in."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App

from infra.constructs.grants import grants_of
from infra.discovery import entry_points
from infra.operations import Originals
from infra.settings import Settings, settings_of
from infra.stacks.data import Data
from infra.stacks.network import Network
from infra.stacks.platform import build
from infra.stacks.region import Region
from tests.infra.templates import RULES, Json

KEY = "arn:aws:kms:us-east-1:111122223333:key/mrk-1234abcd12ab34cd56ef1234567890ab"
SECRETS = "arn:aws:secretsmanager:us-east-1:111122223333:secret:"
ORIGINALS = Originals(KEY, f"{SECRETS}KernelSecret-AbCdEf", f"{SECRETS}Administrator-GhIjKl")


def prod(**operations: Any) -> Settings:
    settings = settings_of("prod")
    return replace(settings, build_layers=False, operations=replace(settings.operations, **operations))


def template(folder: Path, settings: Settings, *stacks: Any) -> dict[str, list[Json]]:
    """Properties of what the stacks hold, by type."""
    app = App(analytics_reporting=False, tree_metadata=False, outdir=str(folder), context=RULES)
    for stack in stacks:
        stack(app, settings)
    app.synth()
    found: dict[str, list[Json]] = {}
    for file in folder.glob("*.template.json"):
        made = json.loads(file.read_text())
        for one in made["Resources"].values():
            found.setdefault(one["Type"], []).append(one.get("Properties", {}))
        found.setdefault("exports", []).append({out["Export"]["Name"]: out["Value"] for out in made.get("Outputs", {}).values()})
    return found


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Json]]:
    settings = prod(second_region="us-west-2", clickhouse_service="com.amazonaws.vpce.us-east-1.vpce-svc-0a")
    return template(tmp_path_factory.mktemp("copied"), settings, Data)


@pytest.fixture(scope="module")
def waiting(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Json]]:
    return template(tmp_path_factory.mktemp("waiting"), prod(standby="waiting", originals=ORIGINALS), Network, Region)


def test_objects_keys_secrets_and_postgresql_are_copied(copied: dict[str, list[Json]]) -> None:
    buckets = copied["AWS::S3::Bucket"]
    assert len(buckets) == 2
    for bucket in buckets:
        (rule,) = bucket["ReplicationConfiguration"]["Rules"]
        assert rule["Status"] == "Enabled" and rule["DeleteMarkerReplication"] == {"Status": "Enabled"}
    assert copied["AWS::KMS::Key"][0]["MultiRegion"] is True
    assert all(secret["ReplicaRegions"] == [{"Region": "us-west-2"}] for secret in copied["AWS::SecretsManager::Secret"])
    (cluster,) = copied["AWS::RDS::DBCluster"]
    assert copied["AWS::RDS::GlobalCluster"] and "ManageMasterUserPassword" not in cluster, "RDS refuses both together"
    assert "resolve:secretsmanager" in json.dumps(cluster["MasterUserPassword"])


def test_copies_go_where_the_second_region_has_its_buckets(copied: dict[str, list[Json]], waiting: dict[str, list[Json]]) -> None:
    goals = {
        json.dumps(one["ReplicationConfiguration"]["Rules"][0]["Destination"]["Bucket"]) for one in copied["AWS::S3::Bucket"]
    }
    names = {one["BucketName"]["Fn::Sub"] for one in waiting["AWS::S3::Bucket"]}
    assert len(names) == 2 and all(any(name in goal for goal in goals) for name in names)
    rules = [[one["LifecycleConfiguration"] for one in stack["AWS::S3::Bucket"]] for stack in (copied, waiting)]
    assert rules[0] == rules[1], "what a rule deletes is not deleted in the copy"


def test_what_waits_is_storage_without_an_instance(waiting: dict[str, list[Json]]) -> None:
    (cluster,) = waiting["AWS::RDS::DBCluster"]
    assert cluster["GlobalClusterIdentifier"] == "oppulence" and "MasterUsername" not in cluster
    assert "AWS::RDS::DBInstance" not in waiting and "AWS::EC2::NatGateway" not in waiting
    assert waiting["AWS::KMS::ReplicaKey"][0]["PrimaryKeyArn"] == KEY


def test_the_second_region_hands_on_all_that_data_does_in_the_first(
    copied: dict[str, list[Json]], waiting: dict[str, list[Json]]
) -> None:
    first = set().union(*copied["exports"])
    second = {name: value for exports in waiting["exports"] for name, value in exports.items()}
    assert first <= set(second)
    assert "KernelSecret-AbCdEf" in json.dumps(second["oppulence-KernelSecretArn"])
    assert "us-east-1" not in json.dumps(second["oppulence-KernelSecretArn"])


def test_while_it_waits_nothing_else_is_deployed_there(tmp_path: Path) -> None:
    app = App(analytics_reporting=False, tree_metadata=False, outdir=str(tmp_path), context=RULES)
    assert build(app, prod(standby="waiting", originals=ORIGINALS), entry_points()) == {}
    assert {stack.node.id for stack in app.node.children if hasattr(stack, "node")} >= {"oppulence-network", "oppulence-region"}


def test_what_serves_there_has_an_instance_and_makes_no_store_anew(tmp_path: Path) -> None:
    serving = template(tmp_path, prod(standby="serving", originals=ORIGINALS), Network, Region, Data)
    assert len(serving["AWS::RDS::DBCluster"]) == len(serving["AWS::RDS::DBInstance"]) == 1
    assert len(serving["AWS::S3::Bucket"]) == 2 and "AWS::KMS::Key" not in serving
    assert len(serving["AWS::DynamoDB::Table"]) == 3, "these are made there, empty"
    names = [name for exports in serving["exports"] for name in exports]
    assert len(names) == len(set(names))


def test_clickhouses_private_way_in_is_open_to_functions_only(copied: dict[str, list[Json]]) -> None:
    (endpoint,) = copied["AWS::EC2::VPCEndpoint"]
    assert endpoint["VpcEndpointType"] == "Interface" and endpoint["PrivateDnsEnabled"]
    doors = [rule for group in copied["AWS::EC2::SecurityGroup"] for rule in group["SecurityGroupIngress"]]
    assert all(rule["SourceSecurityGroupId"] == {"Fn::ImportValue": "oppulence-FunctionsSecurityGroup"} for rule in doors)


def test_only_routes_that_may_read_behind_are_told_of_the_reader() -> None:
    told = {
        point.name
        for point in entry_points()
        if any("PG_READER_HOST" in grant.environment for grant in grants_of(point, prod(reader=True)))
    }
    assert told == {point.name for point in entry_points() if point.kind == "http" and point.route.replica}
    assert "list_ledger" in told and "list_api_keys" not in told, "a caller finds the key it has just made"
    assert not any("PG_READER_HOST" in grant.environment for point in entry_points() for grant in grants_of(point, prod()))
