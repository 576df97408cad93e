"""ClickHouse migrations: applied once, guarded against edits; and the events table they make."""

import shutil
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError

from infra.local.clickhouse import ClickHouse
from infra.local.paths import DOMAIN
from oppulence.kernel.migrate import EditedMigration
from oppulence.kernel.migrate_olap import migrate
from tests.support.clickhouse import connect

PACKAGE = DOMAIN / "oppulence"
COLUMNS = ["workspace_id", "event_id", "account", "event_type", "event_source", "event_timestamp", "data", "version"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouse]:
    server = ClickHouse(tmp_path_factory.mktemp("olap"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def client(server: ClickHouse) -> Client:
    connect(server).command("DROP DATABASE IF EXISTS migrated")
    connect(server).command("CREATE DATABASE migrated")
    return connect(server, database="migrated")


@pytest.fixture
def package(tmp_path: Path) -> Path:
    for path in PACKAGE.glob("*/olap"):
        shutil.copytree(path, tmp_path / path.relative_to(PACKAGE))
    return tmp_path


def test_each_file_is_applied_once_in_order(client: Client) -> None:
    applied = migrate(client, PACKAGE)
    assert applied[:1] == sorted(applied)[:1]
    assert "sync/0001_create_events.sql" in applied
    assert migrate(client, PACKAGE) == []


def test_an_edited_file_is_refused_and_nothing_is_applied(client: Client, package: Path) -> None:
    migrate(client, package)
    edited = package / "sync" / "olap" / "0001_create_events.sql"
    edited.write_text(edited.read_text() + "\n")
    (package / "sync" / "olap" / "0999_new.sql").write_text("CREATE TABLE new (n Int8) ENGINE = MergeTree ORDER BY n")
    with pytest.raises(EditedMigration, match=r"sync/0001_create_events\.sql"):
        migrate(client, package)
    assert "new" not in str(client.command("SHOW TABLES"))


def test_a_file_that_failed_is_tried_again(client: Client, package: Path) -> None:
    broken = package / "sync" / "olap" / "0999_broken.sql"
    broken.write_text("CREATE TABLE broken (n Nonsense) ENGINE = MergeTree ORDER BY n")
    with pytest.raises(DatabaseError):
        migrate(client, package)
    broken.write_text("CREATE TABLE broken (n Int8) ENGINE = MergeTree ORDER BY n")
    assert migrate(client, package) == ["sync/0999_broken.sql"]


def test_a_workspace_sees_its_own_events_each_once_in_the_latest_version(client: Client) -> None:
    migrate(client, PACKAGE)
    at = datetime(2026, 3, 31, 23, 59, 59, 999000, tzinfo=UTC)
    for workspace, version in (("ws_a", 1), ("ws_a", 2), ("ws_b", 7)):
        row = [workspace, "evt_1", "acct_1", "invoice.paid", "stripe", at, f'{{"v":{version}}}', version]
        client.insert("events", [row], column_names=COLUMNS)
    query = "SELECT event_id, data, event_timestamp, event_date, version FROM workspace_events(ws = {ws:String})"
    rows = client.query(query, parameters={"ws": "ws_a"}).result_rows
    assert rows == [("evt_1", '{"v":2}', at.replace(tzinfo=None), date(2026, 3, 31), 2)]
    assert client.query(query, parameters={"ws": "ws_a' OR 1"}).result_rows == []


@pytest.mark.parametrize("columns", ["event_id", "count()", "*"])
def test_events_cannot_be_read_without_a_workspace(client: Client, columns: str) -> None:
    migrate(client, PACKAGE)
    client.insert("events", [["ws_a", "evt_1", "", "", "", datetime(2026, 3, 31, tzinfo=UTC), "", 1]], column_names=COLUMNS)
    with pytest.raises(DatabaseError):
        client.query(f"SELECT {columns} FROM workspace_events")
