"""The whole local cloud, up and down, with a small assembly: faults on purpose, restarts, and nothing left behind."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import psycopg
import pytest

from infra.local import cloud, running
from infra.local.paths import DOMAIN, REPO
from tests.infra.local import handwritten

pytestmark = pytest.mark.slow

UP = (
    "import sys; from pathlib import Path; from infra.local import cloud; cloud.up(Path(sys.argv[1]), assembly=Path(sys.argv[2]))"
)
ALL_RUNNING = dict.fromkeys(("postgres", "clickhouse", "stripe", "emulator", "front"), "running")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    made = tmp_path_factory.mktemp("checkout")
    cloud.up(made, assembly=assembly(made), say=lambda _: None)
    yield made
    cloud.down(made)
    assert left_behind(made) == []
    discard(made)


@pytest.fixture
def checkout(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    cloud.down(tmp_path)
    discard(tmp_path)


def discard(root: Path) -> None:
    """Delete the database, which stands elsewhere when its user cannot reach a temporary directory."""
    data = root / ".local" / "postgres"
    if data.is_symlink():
        shutil.rmtree(data.resolve().parent, ignore_errors=True)


def assembly(root: Path) -> Path:
    return handwritten.write(root / "cdk.out", handwritten.template())


def dev_json(root: Path) -> dict[str, Any]:
    return running.read_dev_json(root / ".local")


def post(root: Path, path: str, body: bytes, **headers: str) -> Any:
    with urlopen(Request(dev_json(root)["api_url"] + path, data=body, headers=headers), timeout=60) as answer:
        return answer.read()


def left_behind(root: Path) -> list[str]:
    """Command lines of processes that name this checkout or its database's port."""
    port_file = root / ".local" / "postgres.port"
    port = f"--port={port_file.read_text()} " if port_file.exists() else str(root)
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            line = (process / "cmdline").read_text().replace("\0", " ")
        except OSError:
            continue
        if (str(root) in line or port in line) and int(process.name) != os.getpid():
            found.append(line)
    return found


def eventually(condition: Callable[[], bool], timeout_s: float = 10) -> bool:
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def test_the_api_answers_under_its_one_url_also_with_a_key(root: Path) -> None:
    seen = json.loads(post(root, "/v1/things/1", b"a", Authorization="Bearer op_test_abc", X_Other="1"))
    assert seen["headers"]["authorization"] == "Bearer op_test_abc"
    assert seen["headers"]["x-forwarded-for"] == "127.0.0.1"
    assert cloud.status(root).services == ALL_RUNNING
    made = running.load(root)
    assert made.outputs["Demo"]["KeyArn"].startswith("arn:aws:kms:")
    secret = made.client("secretsmanager").get_secret_value(SecretId=made.outputs["Demo"]["ClickHouseSecretArn"])["SecretString"]
    assert json.loads(secret) == {"username": made.clickhouse.username, "password": made.clickhouse.password}


def test_a_second_up_finds_it_running(root: Path) -> None:
    pid = cloud.status(root).pid
    said: list[str] = []
    assert cloud.up(root, say=said.append)["api_url"] == dev_json(root)["api_url"]
    assert cloud.status(root).pid == pid
    assert said == ["the local cloud is running already"]


def test_a_killed_database_is_told_and_comes_back_where_it_was(root: Path) -> None:
    url = dev_json(root)["postgres_url"]
    cloud.kill("postgres", root)
    assert cloud.status(root).services == ALL_RUNNING | {"postgres": "died"}
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url)
    assert json.loads(post(root, "/v1/things/1", b"a"))["path"] == "/v1/things/1"
    cloud.start_child("postgres", root)
    with psycopg.connect(url) as conn:
        assert conn.execute("SELECT 1").fetchone() == (1,)
    cloud.stop_child("clickhouse", root)
    assert cloud.status(root).services == ALL_RUNNING | {"clickhouse": "stopped"}
    cloud.restart("clickhouse", root)
    assert cloud.status(root).services == ALL_RUNNING


def test_a_killed_emulator_is_a_502_and_comes_back_with_its_keys(root: Path) -> None:
    cipher = json.loads(post(root, "/v1/things/1", b"kept"))["cipher"].encode()
    cloud.kill("emulator", root)
    with pytest.raises(HTTPError) as away:
        post(root, "/v1/things/1", b"a")
    assert away.value.code == 502
    assert json.loads(away.value.read())["error"]["code"] == "bad_gateway"
    cloud.start_child("emulator", root)
    assert post(root, "/v1/decrypt", cipher) == b"kept"


def test_what_functions_print_is_followed(root: Path) -> None:
    with pytest.raises(HTTPError):
        post(root, "/v1/fail", b"")
    assert any("LookupError: no such" in line for line in cloud.logs(root, names=("functions",), lines=50))
    with pytest.raises(cloud.CloudError, match="no log of nothing"):
        list(cloud.logs(root, names=("nothing",)))


def test_an_unknown_service_is_refused(root: Path) -> None:
    with pytest.raises(cloud.CloudError, match="no service redis: there are postgres, clickhouse, stripe, emulator, front"):
        cloud.restart("redis", root)


def test_state_survives_down_and_up(checkout: Path) -> None:
    directory = assembly(checkout)
    before = cloud.up(checkout, assembly=directory, say=lambda _: None)
    running.write_dev_json(checkout / ".local", workspace_id="ws_1")
    with psycopg.connect(before["postgres_url"]) as conn:
        conn.execute("CREATE TABLE kept AS SELECT 7 AS n")
    cipher = json.loads(post(checkout, "/v1/things/1", b"kept"))["cipher"].encode()
    assert cloud.down(checkout)
    assert cloud.status(checkout) == cloud.Status("down")
    assert not cloud.down(checkout)
    assert left_behind(checkout) == []

    after = cloud.up(checkout, assembly=directory, say=lambda _: None)
    assert after == before | {"workspace_id": "ws_1"}
    with psycopg.connect(after["postgres_url"]) as conn:
        assert conn.execute("SELECT n FROM kept").fetchone() == (7,)
    assert post(checkout, "/v1/decrypt", cipher) == b"kept"

    pid = cloud.status(checkout).pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)  # its children die with it
    assert eventually(lambda: left_behind(checkout) == [])
    assert cloud.status(checkout) == cloud.Status("down")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_start_that_is_interrupted_leaves_nothing_behind(checkout: Path, number: signal.Signals) -> None:
    directory = assembly(checkout)
    env = os.environ | {"PYTHONPATH": f"{REPO}:{DOMAIN}", "PYTHONUNBUFFERED": "1"}
    starter = subprocess.Popen([sys.executable, "-c", UP, checkout, directory], stdout=subprocess.PIPE, env=env)
    assert starter.stdout is not None
    for line in starter.stdout:
        if line.startswith(b"AWS emulator"):
            break
    starter.send_signal(number)
    assert starter.wait(20) != 0
    starter.stdout.close()
    assert left_behind(checkout) == []
    assert cloud.status(checkout) == cloud.Status("down")


def test_dev_runs_until_it_is_interrupted(checkout: Path) -> None:
    program = UP.replace("cloud.up(", "cloud.dev(")
    env = os.environ | {"PYTHONPATH": f"{REPO}:{DOMAIN}", "PYTHONUNBUFFERED": "1"}
    developer = subprocess.Popen([sys.executable, "-c", program, checkout, assembly(checkout)], stdout=subprocess.PIPE, env=env)
    assert developer.stdout is not None
    for line in developer.stdout:
        if line.startswith(b"ready:"):
            break
    assert cloud.status(checkout).services == ALL_RUNNING | {"watch": "running"}
    time.sleep(0.5)  # it has begun to follow
    with pytest.raises(HTTPError):
        post(checkout, "/v1/fail", b"")
    assert any(b"LookupError" in line for line in developer.stdout)
    developer.send_signal(signal.SIGINT)
    assert developer.wait(20) == 0
    developer.stdout.close()
    assert left_behind(checkout) == []


def test_a_start_that_fails_says_why_and_leaves_nothing_behind(checkout: Path) -> None:
    template = handwritten.template()
    template["Resources"]["Things"]["Type"] = "AWS::Budgets::Budget"
    said: list[str] = []
    with pytest.raises(cloud.CloudError, match=r"did not start \(exit code 1\)"):
        cloud.up(checkout, assembly=handwritten.write(checkout / "cdk.out", template), say=said.append)
    assert "Unrecognized resource types: [AWS::Budgets::Budget]" in "\n".join(said)
    assert left_behind(checkout) == []
