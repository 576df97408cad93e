"""The laptop's PostgreSQL: it keeps its data and its port, recovers from a crash, and trusts nobody."""

import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from infra.local import pgpass
from infra.local.postgres import Postgres
from infra.local.processes import ChildError, accepts, free_port


@pytest.fixture(scope="module")
def root() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:  # pytest's own are closed to the user who runs the server
        Path(name).chmod(0o711)
        yield Path(name)


@pytest.fixture
def server(root: Path) -> Iterator[Postgres]:
    server = Postgres(root)
    server.start()
    yield server
    server.stop()


def query(url: str, text: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url, connect_timeout=5) as conn:
        return list(conn.execute(text.encode()).fetchall())


def execute(url: str, text: str) -> None:
    with psycopg.connect(url, connect_timeout=5) as conn:
        conn.execute(text.encode())


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_data_and_port_survive_stop_and_start(server: Postgres) -> None:
    execute(server.url, "CREATE TABLE kept AS SELECT 7 AS n")
    url = server.url
    server.stop()
    with pytest.raises(psycopg.OperationalError):
        query(url, "SELECT 1")
    server.start()
    assert server.url == url
    assert query(url, "SELECT n FROM kept") == [(7,)]


def test_the_server_is_a_recent_one_in_utc_with_statement_statistics(server: Postgres) -> None:
    execute(server.url, "CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
    assert query(server.url, "SELECT current_setting('TimeZone'), count(*) > 0 FROM pg_stat_statements") == [("UTC", True)]
    assert query(server.url, "SELECT current_setting('server_version_num')::int >= 150000") == [(True,)]


def test_what_was_committed_survives_a_killed_postmaster(server: Postgres) -> None:
    execute(server.url, "CREATE TABLE acknowledged (n int)")
    with psycopg.connect(server.url, autocommit=True) as conn:
        for n in range(200):
            conn.execute("INSERT INTO acknowledged VALUES (%s)", (n,))
        server.kill()
        server.start()
    assert query(server.url, "SELECT count(*) FROM acknowledged") == [(200,)]


def test_no_password_no_entry(server: Postgres) -> None:
    address = f"{server.host}:{server.port}/oppulence"
    for login in ("postgres", "postgres:wrong"):
        with pytest.raises(psycopg.OperationalError, match="password"):
            query(f"postgresql://{login}@{address}?passfile=/dev/null", "SELECT 1")
    assert mode(server.state / "postgres.password") == 0o600


def test_roles_keep_their_passwords_and_clients_find_them(server: Postgres) -> None:
    execute(server.url, "CREATE ROLE ledger LOGIN; CREATE ROLE billing LOGIN")
    server.set_passwords(["ledger", "billing"])
    before = pgpass.read(server.passfile)
    server.set_passwords(["ledger", "billing"])
    assert pgpass.read(server.passfile) == before
    assert before["ledger"] != before["billing"]
    assert mode(server.passfile) == 0o600
    url = f"postgresql://ledger@{server.host}:{server.port}/oppulence?passfile={server.passfile}"
    assert query(url, "SELECT current_user::text") == [("ledger",)]


def test_a_second_server_on_the_same_directory_is_refused_with_the_reason(
    server: Postgres, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.local.postgres.RECOVERY_S", 0)
    with pytest.raises(ChildError, match=r"postmaster\.pid"):
        Postgres(root).start()
    assert query(server.url, "SELECT 1") == [(1,)]


def test_a_port_that_was_taken_meanwhile_is_replaced(server: Postgres) -> None:
    taken = server.port
    server.stop()
    with socket.create_server((server.host, taken)):
        server.start()
        assert server.port != taken
        assert query(server.url, "SELECT 1") == [(1,)]


PARENT = """
import os, signal, sys, time
from pathlib import Path
from infra.local.postgres import Postgres
Postgres(Path(sys.argv[1])).start()
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_the_server_dies_with_its_launcher(root: Path) -> None:
    done = subprocess.run([sys.executable, "-c", PARENT, root], env=os.environ | {"PYTHONPATH": "."}, check=False)
    assert done.returncode == -signal.SIGKILL
    port, deadline = Postgres(root).port, time.monotonic() + 60
    while accepts(port) and sys.platform == "linux":
        assert time.monotonic() < deadline, "the server outlived its launcher"
        time.sleep(0.05)


def test_free_ports_are_usable() -> None:
    assert not accepts(free_port())
