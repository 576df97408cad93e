"""The deployer on a real emulator, with an assembly written by hand."""

import base64
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from infra.local.aws import session
from infra.local.deploy import Deployed, DeployError, Target, deploy
from infra.local.emulator import Emulator
from tests.infra.local import handwritten


@dataclass
class Cloud:
    """A started emulator with the assembly deployed on it."""

    emulator: Emulator
    assembly: Path
    deployed: Deployed

    def deploy(self) -> Deployed:
        return deploy(self.assembly, target(self.emulator))

    def post(self, path: str, body: bytes) -> bytes:
        url = f"{self.emulator.url}/_aws/execute-api/{self.deployed.apis['/']}/$default{path}"
        with urlopen(Request(url, data=body), timeout=60) as answer:
            return bytes(answer.read())

    def client(self, service: Any) -> Any:
        return session().client(service, endpoint_url=self.emulator.url)


def target(emulator: Emulator) -> Target:
    return Target(emulator.url, emulator.seed, {"PG_HOST": "127.0.0.1", "UNUSED": "x"}, say=lambda _: None)


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    state = tmp_path_factory.mktemp("state")
    emulator = Emulator(state)
    emulator.start()
    assembly = handwritten.write(state / "cdk.out", handwritten.template())
    yield Cloud(emulator, assembly, deploy(assembly, target(emulator)))
    emulator.stop()


def test_a_route_runs_under_its_role_with_the_overridden_variable_and_nothing_of_the_users_shell(cloud: Cloud) -> None:
    seen = json.loads(cloud.post("/v1/things/1", b"hello"))
    assert seen["path"] == "/v1/things/1"
    assert seen["pg_host"] == "127.0.0.1"
    assert seen["home"] is None
    assert len(seen["secret"]) == 40


def test_messages_reach_the_consumer_in_batches_of_more_than_ten(cloud: Cloud) -> None:
    mappings = cloud.client("lambda").list_event_source_mappings()["EventSourceMappings"]
    cloud.client("lambda").update_event_source_mapping(UUID=mappings[0]["UUID"], Enabled=False)
    queue = cloud.client("sqs").list_queues()["QueueUrls"][0]
    for start in range(0, 40, 10):
        entries = [{"Id": str(n), "MessageBody": f"batch-{n}"} for n in range(start, start + 10)]
        cloud.client("sqs").send_message_batch(QueueUrl=queue, Entries=entries)
    cloud.client("lambda").update_event_source_mapping(UUID=mappings[0]["UUID"], Enabled=True)
    deadline = time.monotonic() + 60
    items: list[dict[str, Any]] = []
    while len(items) < 40 and time.monotonic() < deadline:
        time.sleep(0.1)
        scanned = cloud.client("dynamodb").scan(TableName=cloud.deployed.outputs["Demo"]["TableName"])["Items"]
        items = [item for item in scanned if item["id"]["S"].startswith("batch-")]
    assert len(items) == 40
    assert max(int(item["batch"]["N"]) for item in items) >= 40  # one from before may stand in the same batch


def test_an_error_carries_its_class_name_for_state_machines(cloud: Cloud) -> None:
    with pytest.raises(HTTPError) as refused:
        cloud.post("/v1/fail", b"")
    assert json.loads(refused.value.read()) == {"errorMessage": "no such\nthing", "errorType": "LookupError"}


def test_items_of_a_nested_stacks_table_expire(cloud: Cloud) -> None:
    answer = cloud.client("dynamodb").describe_time_to_live(TableName="leases")
    assert answer["TimeToLiveDescription"] == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires"}


def test_a_preflight_is_answered(cloud: Cloud) -> None:
    url = f"{cloud.emulator.url}/_aws/execute-api/app/$default/v1/things"
    headers = {"Origin": "https://app.example.com", "Access-Control-Request-Method": "GET"}
    with urlopen(Request(url, method="OPTIONS", headers=headers), timeout=60) as answer:
        assert answer.headers["access-control-allow-origin"] == "https://app.example.com"


def test_a_running_wait_follows_the_clock(cloud: Cloud) -> None:
    machines = cloud.client("stepfunctions")
    machine = machines.list_state_machines()["stateMachines"][0]["stateMachineArn"]
    run = machines.start_execution(stateMachineArn=machine)["executionArn"]
    time.sleep(0.5)
    assert machines.describe_execution(executionArn=run)["status"] == "RUNNING"
    scale = json.dumps({"stepfunctions._SFN_WAIT_SCALE": 1e-7}).encode()
    with urlopen(Request(f"{cloud.emulator.url}/_ministack/config", data=scale), timeout=60) as answer:
        assert answer.status == 200
    deadline = time.monotonic() + 60
    while machines.describe_execution(executionArn=run)["status"] == "RUNNING" and time.monotonic() < deadline:
        time.sleep(0.1)
    assert machines.describe_execution(executionArn=run)["status"] == "SUCCEEDED"


def test_nothing_changes_the_second_time(cloud: Cloud) -> None:
    assert cloud.deploy().changed == []


def test_a_change_is_deployed_and_a_refused_one_is_named_and_rolled_back(cloud: Cloud) -> None:
    template = handwritten.template()
    template["Resources"]["Things"]["Properties"]["VisibilityTimeout"] = 180
    handwritten.write(cloud.assembly, template)
    assert cloud.deploy().changed == ["Demo"]

    template["Resources"]["Consumer"]["Properties"]["Code"]["S3Key"] = "missing.zip"
    handwritten.write(cloud.assembly, template)
    with pytest.raises(DeployError, match=r"Consumer \(AWS::Lambda::Function\).*missing"):
        cloud.deploy()

    handwritten.write(cloud.assembly, handwritten.template())
    cloud.deploy()


def test_old_ciphertext_and_secrets_outlive_the_emulator(cloud: Cloud) -> None:
    before = json.loads(cloud.post("/v1/things/1", b"card of Ada"))
    key = cloud.deployed.outputs["Demo"]["KeyArn"]
    url = cloud.emulator.url
    cloud.emulator.stop()
    cloud.emulator.start()
    cloud.deployed = cloud.deploy()
    assert cloud.emulator.url == url
    assert cloud.deployed.outputs["Demo"]["KeyArn"] == key
    assert cloud.post("/v1/decrypt", before["cipher"].encode()) == b"card of Ada"
    assert json.loads(cloud.post("/v1/things/1", b"-"))["secret"] == before["secret"]
    answer = cloud.client("kms").decrypt(CiphertextBlob=base64.b64decode(before["cipher"]), KeyId=key)
    assert answer["Plaintext"] == b"card of Ada"
