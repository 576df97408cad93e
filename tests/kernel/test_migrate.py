"""Migrations: each file once, in order, never edited; and one run at a time."""

import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from infra.local.postgres import Postgres
from oppulence.kernel.migrate import EditedMigration, contexts, migrate

TABLE = (
    "CREATE TABLE {0}.{1} (id text PRIMARY KEY, workspace_id text NOT NULL);\nSELECT {0}.protect(ARRAY['{0}.{1}']::regclass[]);\n"
)


class Database:
    """An empty database, and a folder of contexts to migrate it by."""

    def __init__(self, url: str, root: Path) -> None:
        self.url, self.root = url, root
        self.file("tenancy", "0001_first.sql", TABLE.format("tenancy", "first"))
        self.file("beta", "0001_second.sql", TABLE.format("beta", "second"))

    def file(self, context: str, name: str, text: str) -> None:
        path = self.root / context / "migrations" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def migrate(self) -> list[str]:
        return migrate(self.url, self.root)

    def one(self, query: str) -> object:
        with psycopg.connect(self.url, autocommit=True) as conn:
            row = conn.execute(query.encode()).fetchone()
        return row[0] if row else None


@pytest.fixture
def database(postgres: Postgres, tmp_path: Path, admin: psycopg.Connection) -> Iterator[Database]:
    name = f"migrate_{abs(hash(tmp_path))}"
    admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    yield Database(make_conninfo(postgres.url, dbname=name), tmp_path)
    admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
    for suffix in ("", "_owner", "_sweep"):
        admin.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(f"beta{suffix}")))


def test_files_run_once_in_order_and_tenancy_comes_first(database: Database) -> None:
    database.file("beta", "0002_third.sql", TABLE.format("beta", "third"))
    assert contexts(database.root) == ["tenancy", "beta"]
    assert database.migrate() == ["tenancy/0001_first.sql", "beta/0001_second.sql", "beta/0002_third.sql"]
    assert database.migrate() == []


def test_a_new_file_is_all_that_a_later_run_applies(database: Database) -> None:
    database.migrate()
    database.file("beta", "0002_third.sql", TABLE.format("beta", "third"))
    assert database.migrate() == ["beta/0002_third.sql"]


def test_an_edited_file_is_refused(database: Database) -> None:
    database.migrate()
    database.file("beta", "0001_second.sql", TABLE.format("beta", "second") + "-- a word more")
    with pytest.raises(EditedMigration, match="beta/0001_second.sql"):
        database.migrate()


def test_a_file_that_fails_leaves_nothing_and_stops_the_run(database: Database) -> None:
    database.file("beta", "0002_third.sql", TABLE.format("beta", "third") + "SELECT 1/0;")
    database.file("beta", "0003_fourth.sql", TABLE.format("beta", "fourth"))
    with pytest.raises(psycopg.errors.DivisionByZero):
        database.migrate()
    assert database.one("SELECT to_regclass('beta.third')::text") is None
    assert database.one("SELECT count(*) FROM public.schema_migrations") == 2
    database.file("beta", "0002_third.sql", TABLE.format("beta", "third"))
    assert database.migrate() == ["beta/0002_third.sql", "beta/0003_fourth.sql"]


def test_runs_at_the_same_moment_wait_for_each_other(database: Database) -> None:
    results: list[list[str]] = []
    threads = [threading.Thread(target=lambda: results.append(database.migrate())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results, key=len)[:3] == [[], [], []]
    assert len(results[-1] + results[0] + results[1] + results[2]) == 2


def test_files_run_as_the_owner_whom_the_policies_bind(database: Database) -> None:
    database.file("beta", "0002_data.sql", "INSERT INTO beta.second VALUES ('a', 'ws_a');")
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
        database.migrate()
    database.file("beta", "0002_data.sql", "SELECT 1;")
    database.migrate()
    owners = database.one("SELECT array_agg(DISTINCT tableowner::text) FROM pg_tables WHERE schemaname = 'beta'")
    assert owners == ["beta_owner"]


def test_what_a_context_makes_is_its_own(database: Database) -> None:
    database.migrate()
    assert database.one("SELECT has_table_privilege('beta', 'beta.second', 'INSERT')") is True
    assert database.one("SELECT has_table_privilege('tenancy', 'beta.second', 'SELECT')") is False
    assert database.one("SELECT has_table_privilege('beta_sweep', 'beta.second', 'SELECT')") is True


def test_a_folder_without_migrations_is_no_context(database: Database) -> None:
    (database.root / "console").mkdir()
    (database.root / "readme.md").write_text("")
    assert contexts(database.root) == ["tenancy", "beta"]
