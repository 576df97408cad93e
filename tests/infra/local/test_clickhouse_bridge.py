"""The laptop's ClickHouse, through the driver that handlers use, unchanged."""

import gzip
import http.client
import ipaddress
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
import zlib
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import clickhouse_connect
import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError, StreamFailureError

from infra.local.clickhouse import ClickHouse
from infra.local.processes import ChildError
from tests.support.clickhouse import connect


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouse]:
    server = ClickHouse(tmp_path_factory.mktemp("clickhouse"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def client(server: ClickHouse) -> Client:
    return connect(server)


@pytest.fixture
def table(client: Client) -> Iterator[str]:
    client.command("CREATE TABLE t (n UInt64, s String) ENGINE = MergeTree ORDER BY n")
    yield "t"
    client.command("DROP TABLE t")


def count(client: Client) -> object:
    return client.command("SELECT count() FROM t")


EXACT: dict[str, list[Any]] = {
    "Decimal(38, 9)": [Decimal("12345678901234567890123456789.123456789"), Decimal("-0.000000001")],
    "Decimal(76, 20)": [Decimal("9" * 56 + "." + "9" * 20), Decimal("0E-20")],
    "DateTime64(6, 'UTC')": [datetime(2026, 2, 28, 23, 59, 59, 999999), datetime(1970, 1, 1)],  # noqa: DTZ001
    "Date": [date(2026, 12, 31), date(1970, 1, 1)],
    "UUID": [UUID("00000000-0000-7000-8000-00000000002a"), UUID(int=2**128 - 1)],
    "Map(String, String)": [{"region": "eu", "it's": "a\ttab\\"}, {}],
    "Array(Nullable(Int64))": [[1, None, -(2**63)], []],
    "LowCardinality(String)": ["invoice.paid", ""],
    "Nullable(String)": [None, "Zoë 💶 \x00"],
    "UInt64": [2**64 - 1, 0],
    "Bool": [True, False],
    "Enum8('a' = 1, 'b' = 2)": ["a", "b"],
    "IPv4": [ipaddress.IPv4Address("10.0.0.1"), ipaddress.IPv4Address("255.255.255.255")],
    "Tuple(String, Int8)": [("a", -1), ("", 127)],
}


@pytest.mark.parametrize("type_", EXACT)
def test_values_come_back_as_they_went_in(client: Client, type_: str) -> None:
    client.command(f"CREATE TABLE exact (n UInt8, v {type_}) ENGINE = MergeTree ORDER BY n")
    try:
        client.insert("exact", list(enumerate(EXACT[type_])), column_names=["n", "v"])
        assert [row[0] for row in client.query("SELECT v FROM exact ORDER BY n").result_rows] == EXACT[type_]
    finally:
        client.command("DROP TABLE exact")


@pytest.mark.parametrize("compression", ["lz4", "zstd", "gzip", None])
def test_native_inserts_in_each_compression(server: ClickHouse, table: str, compression: str | None) -> None:
    client = connect(server)
    client.write_compression = compression
    rows = [(n, f"row {n}") for n in range(20_000)]
    client.insert(table, rows, column_names=["n", "s"])
    assert client.query("SELECT * FROM t ORDER BY n").result_rows == rows


def test_rows_as_json_and_csv(client: Client, table: str) -> None:
    json_rows = b"\n".join(b'{"s": "a, \\"b\\"", "n": %d}' % n for n in range(1000))
    client.raw_insert(table, insert_block=gzip.compress(json_rows), fmt="JSONEachRow", compression="gzip")
    client.raw_insert(table, insert_block='7,"x"\n8,y\n', fmt="CSV")
    client.command("INSERT INTO t VALUES (1, 'it''s'), (2, 'FORMAT Native')")
    client.command("INSERT INTO t SELECT number, 'FORMAT' FROM numbers(3)")
    assert count(client) == 1007
    assert client.insert(table, [(1, "a")], column_names=["n", "s"]).written_rows == 1


def test_parameters_stay_values(client: Client) -> None:
    hostile = "'; DROP TABLE t; -- \\ \t\n\r\n` {x:String} Zoë"
    values = {"s": hostile, "d": Decimal("1.5"), "a": ["x'y", ""], "n": 2**63, "big": "x" * 100_000}
    query = "SELECT {s:String}, {d:Decimal(9, 2)}, {a:Array(String)}, {n:UInt64}, length({big:String})"
    expected = (hostile, Decimal("1.50"), ["x'y", ""], 2**63, 100_000)
    assert client.query(query, parameters=values).result_rows == [expected]
    assert client.query("SELECT %(s)s", parameters={"s": hostile}).result_rows == [(hostile,)]
    with pytest.raises(DatabaseError, match="too long"):
        client.query(query, parameters=values | {"big": "x" * 200_000})


@pytest.mark.parametrize(
    ("query", "code", "name"),
    [
        ("SELECT * FROM absent", 60, "UNKNOWN_TABLE"),
        ("SELECT absent", 47, "UNKNOWN_IDENTIFIER"),
        ("SELEKT 1", 62, "SYNTAX_ERROR"),
        ("SELECT 1; SELECT 2", 62, "SYNTAX_ERROR"),
        ("SELECT throwIf(1, 'because')", 395, "FUNCTION_THROW_IF_VALUE_IS_NON_ZERO"),
        ("SELECT throwIf(1, unhex('FF41'))", 1002, "UNKNOWN_EXCEPTION"),
        ("SELECT sleep(1) SETTINGS max_execution_time = 0.1", 159, "TIMEOUT_EXCEEDED"),
        ("SELECT * FROM numbers(9000000) ORDER BY rand() SETTINGS max_memory_usage = 1000000", 241, "MEMORY_LIMIT_EXCEEDED"),
    ],
)
def test_errors_keep_their_code_and_name(client: Client, query: str, code: int, name: str) -> None:
    with pytest.raises(DatabaseError) as error:
        client.query(query)
    assert (error.value.code, error.value.name) == (code, name)
    assert client.command("SELECT 1") == 1


def test_a_bad_setting_or_row_is_refused_and_nothing_is_inserted(client: Client, table: str) -> None:
    with pytest.raises(DatabaseError, match="UNKNOWN_SETTING"):
        clickhouse_raw(client, "SELECT 1", nonsense="1")
    with pytest.raises(DatabaseError, match="Cannot parse"):
        client.raw_insert(table, insert_block='{"n": 1}\n{"n": "x"}\n', fmt="JSONEachRow")
    with pytest.raises(DatabaseError, match="CANNOT_DECOMPRESS"):
        client.raw_insert(table, insert_block=gzip.compress(b'{"n": 1}\n' * 999)[:-9], fmt="JSONEachRow", compression="gzip")
    assert count(client) == 0


def clickhouse_raw(client: Client, query: str, **params: str) -> bytes:
    """A query with parameters that the driver would check itself."""
    client.params |= params  # type: ignore[attr-defined]
    try:
        return client.raw_query(query)
    finally:
        for name in params:
            client.params.pop(name)  # type: ignore[attr-defined]


def test_an_error_after_the_first_block_reaches_the_reader(client: Client) -> None:
    with (
        pytest.raises(StreamFailureError) as error,
        client.query_row_block_stream("SELECT throwIf(number = 3000000) FROM numbers(4000000)") as blocks,
    ):
        for _ in blocks:
            pass
    assert (error.value.code, error.value.name) == (395, "FUNCTION_THROW_IF_VALUE_IS_NON_ZERO")
    assert client.command("SELECT 1") == 1


def test_a_reader_that_leaves_ends_its_query(server: ClickHouse, client: Client) -> None:
    path = f"/?user=default&password={server.password}&query=SELECT+number+FROM+numbers(900000000000)+FORMAT+CSV"
    reader = http.client.HTTPConnection(server.host, server.port, timeout=60)
    reader.request("GET", path)
    assert reader.getresponse().read(2) == b"0\n"
    reader.close()
    deadline = time.monotonic() + 60
    while client.command("SELECT count() FROM system.processes WHERE query LIKE '%900000000000%'") != 1:  # itself
        assert time.monotonic() < deadline, "the query runs on"
        time.sleep(0.05)


def test_settings_and_databases_of_a_request_do_not_leak(server: ClickHouse, client: Client) -> None:
    for each in (client, connect(server, session=True)):
        setting = "SELECT getSetting('max_threads'), currentDatabase()"
        before = each.query(setting).result_rows
        assert each.query(setting, settings={"max_threads": 1}).result_rows == [(1, "default")]
        each.database = "system"
        assert each.query(setting).result_rows == [(before[0][0], "system")]
        each.database = "default"
        assert each.query(setting).result_rows == before


def test_sessions_keep_their_state_to_themselves(server: ClickHouse) -> None:
    one, other = connect(server, session=True), connect(server, session=True)
    one.command("CREATE TEMPORARY TABLE mine (n Int8)")
    one.command("SET max_block_size = 77")
    one.insert("mine", [(5,)], column_names=["n"])
    assert one.query("SELECT n, getSetting('max_block_size') FROM mine").result_rows == [(5, 77)]
    with pytest.raises(DatabaseError, match="UNKNOWN_TABLE"):
        other.query("SELECT * FROM mine")
    assert other.command("SELECT getSetting('max_block_size')") != 77


def test_an_insert_sent_again_with_its_token_counts_once(client: Client) -> None:
    client.command("CREATE TABLE once (n Int8) ENGINE = MergeTree ORDER BY n SETTINGS non_replicated_deduplication_window = 100")
    for n in (1, 2, 2):
        settings = {"insert_deduplication_token": f"batch {n}"}
        client.insert("once", [(n,)], column_names=["n"], settings=settings)
    assert client.query("SELECT n FROM once ORDER BY n").result_rows == [(1,), (2,)]


def test_only_the_password_opens_it(server: ClickHouse) -> None:
    for password in ("", "wrong"):
        with pytest.raises(DatabaseError) as error:
            clickhouse_connect.get_client(host=server.host, port=server.port, username="default", password=password)
        assert (error.value.code, error.value.name) == (516, "AUTHENTICATION_FAILED")
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{server.url}/?query=SELECT+1", timeout=60)
    assert refused.value.code == 403
    assert (server.state / "clickhouse.password").stat().st_mode & 0o077 == 0


def test_get_only_reads(server: ClickHouse, table: str) -> None:
    address = f"{server.url}/?user=default&password={server.password}&query="
    assert urllib.request.urlopen(f"{address}SELECT+1", timeout=60).read() == b"1\n"
    with pytest.raises(urllib.error.HTTPError, match="500"):
        urllib.request.urlopen(f"{address}DROP+TABLE+{table}", timeout=60)
    assert urllib.request.urlopen(f"{server.url}/ping", timeout=60).read() == b"Ok.\n"


WRITER = """
import sys
from pathlib import Path
from infra.local.clickhouse import ClickHouse
from infra.local.processes import ChildError
from tests.support.clickhouse import connect
client = connect(ClickHouse(Path(sys.argv[1])))
for batch in range(5):
    client.insert("t", [(int(sys.argv[2]), f"{batch}")] * 50, column_names=["n", "s"])
    assert client.query("SELECT count() FROM t WHERE n = {n:UInt64}", parameters={"n": sys.argv[2]}).result_rows[0][0] >= 50
"""


def test_eight_processes_at_once(server: ClickHouse, client: Client, table: str) -> None:
    root = server.state.parent
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, root, str(n)], env={"PYTHONPATH": f".:{':'.join(sys.path)}"})
        for n in range(8)
    ]
    assert [writer.wait(30) for writer in writers] == [0] * 8
    assert client.query(f"SELECT n, count() FROM {table} GROUP BY n ORDER BY n").result_rows == [(n, 250) for n in range(8)]


def test_data_survive_a_stop_and_the_address_stays(server: ClickHouse, client: Client, table: str) -> None:
    client.insert(table, [(1, "kept")], column_names=["n", "s"])
    url = server.url
    server.stop()
    server.start()
    assert (server.url, count(client)) == (url, 1)


def test_what_was_acknowledged_survives_a_kill(server: ClickHouse, table: str) -> None:
    acknowledged: list[datetime] = []

    def write() -> None:
        client = connect(server)
        while True:
            try:
                client.insert(table, [(len(acknowledged), "x")], column_names=["n", "s"])
            except DatabaseError:
                return
            acknowledged.append(datetime.now(UTC))

    writer = threading.Thread(target=write)
    writer.start()
    time.sleep(0.5)
    server.kill()
    writer.join(10)
    server.start()
    assert len(acknowledged) > 10
    found = connect(server).query("SELECT uniqExact(n) FROM t").result_rows[0][0]
    assert len(acknowledged) <= found <= len(acknowledged) + 1  # the last one may be stored without its answer


def test_a_second_engine_never_gets_the_same_data(server: ClickHouse, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.local.clickhouse.START_S", 1)
    second, url = ClickHouse(server.state.parent), server.url
    with pytest.raises(ChildError, match="not ready"):
        second.start()
    assert (server.url, client.command("SELECT 1")) == (url, 1)


def test_the_log_tells_what_failed(server: ClickHouse, client: Client) -> None:
    with pytest.raises(DatabaseError):
        client.query("SELECT * FROM nowhere_to_be_found")
    deadline = time.monotonic() + 60  # the line is written once the answer is out
    while "nowhere_to_be_found" not in Path(server.log).read_text():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_body_cut_short_inserts_nothing(server: ClickHouse, client: Client, table: str) -> None:
    compressed = zlib.compress(b'{"n": 1}\n' * 10_000)
    request = urllib.request.Request(
        f"{server.url}/?user=default&password={server.password}&query=INSERT+INTO+{table}+FORMAT+JSONEachRow",
        data=compressed[: len(compressed) // 2],
        headers={"Content-Encoding": "deflate"},
    )
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(request, timeout=60)
    assert count(client) == 0
