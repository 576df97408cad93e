"""A restore, rehearsed: dump a living PostgreSQL, restore it into a fresh one, and prove that it is whole. Timed."""

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from infra.local.paths import DOMAIN
from infra.local.postgres import DATABASE, Postgres

RTO_S = 3_600
"""Restored within an hour, with at most five minutes lost (Aurora's continuous backup): the seeds' recovery targets."""

_TABLES = """
SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND n.nspname !~ '^(pg_|information_schema)' ORDER BY 1, 2
"""


@dataclass(frozen=True)
class Rehearsal:
    """What was restored, how long each step took in seconds, and what is not as it was; nothing, if it is whole."""

    rows: int
    tables: int
    seconds: dict[str, float]
    logs: int
    faults: list[str]

    @property
    def total_s(self) -> float:
        """From the dump's beginning to the last proof."""
        return sum(self.seconds.values())


@contextmanager
def restored(url: str, root: Path, seconds: dict[str, float], counts: dict[str, int]) -> Iterator[Postgres]:
    """A fresh server under `root` with all that `url` held at one moment, whose rows by table are put into `counts`."""
    server = Postgres(root, fast=True)
    binaries = server.binaries()
    with psycopg.connect(url) as conn, _timed(seconds, "dump"):
        conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        (snapshot,) = conn.execute("SELECT pg_export_snapshot()").fetchone() or ("",)
        counts |= _rows(conn)
        dump = root / "copy.dump"
        _run([binaries / "pg_dump", "-Fc", "--no-password", f"--snapshot={snapshot}", "-f", dump], url)
        roles = _run([binaries / "pg_dumpall", "--roles-only", "--no-role-passwords", "--no-password"], url)
    with _timed(seconds, "restore"):
        server.start()
        try:
            _run([binaries / "psql", "-q", "-d", DATABASE], server.url, roles)  # the superuser's own role is there already
            _run([binaries / "pg_restore", "--exit-on-error", "-j", "2", "-d", DATABASE, dump], server.url)
        except BaseException:
            server.stop()
            raise
    try:
        yield server
    finally:
        server.stop()


def rehearse(url: str, root: Path) -> Rehearsal:
    """Dump, restore, and compare: every table's rows, every audit log's chain, every workspace's books.

    Heads of audit logs are read where this process's environment says (`AUDIT_BUCKET`).
    """
    seconds: dict[str, float] = {}
    counts: dict[str, int] = {}
    with restored(url, root, seconds, counts) as server, _timed(seconds, "proof"):
        with psycopg.connect(server.url) as conn:
            now = _rows(conn)
        faults = [f"{table}: {counts.get(table)} rows became {now.get(table)}" for table in counts.keys() | now.keys()
                  if counts.get(table) != now.get(table)]  # fmt: skip
        logs, broken = _proved(server)
    return Rehearsal(sum(counts.values()), len(counts), seconds, logs, sorted(faults) + broken)


def _proved(server: Postgres) -> tuple[int, list[str]]:
    """How many audit logs there are, and what does not hold in them or in the books."""
    from oppulence.kernel import db, migrate
    from oppulence.kernel.uow import Scope
    from oppulence.ledger import checks
    from oppulence.tenancy import audit_log

    server.set_passwords(migrate.contexts(DOMAIN / "oppulence"))
    access = {"PG_HOST": server.host, "PG_PORT": str(server.port), "PG_AUTH": "password", "PGPASSFILE": str(server.passfile)}
    before = dict(os.environ)
    db.close_all()
    os.environ.update(access)
    try:
        logs = audit_log.verify_all(Scope("tenancy", None))
        books = checks.check_all(Scope("ledger", None))
    finally:
        db.close_all()
        os.environ.clear()
        os.environ.update(before)
    broken = [f"audit log of {one.workspace_id}: {one.broken.reason}" for one in logs if one.broken]
    return len(logs), broken + ([f"{books['breaches']} breaches in the books"] if books["breaches"] else [])


def _rows(conn: "psycopg.Connection[tuple[object, ...]]") -> dict[str, int]:
    counts = {}
    for schema, name in conn.execute(_TABLES).fetchall():
        counted = conn.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(str(schema), str(name)))).fetchone()
        counts[f"{schema}.{name}"] = int(str(counted[0])) if counted else 0
    return counts


def _run(argv: list[str | Path], url: str, given: bytes | None = None) -> bytes:
    """One of PostgreSQL's programs, told by variables where to go: a password on a command line is everybody's."""
    parts = conninfo_to_dict(url)
    names = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD", "dbname": "PGDATABASE"}
    access = {variable: str(parts[name]) for name, variable in names.items() if parts.get(name)}
    done = subprocess.run(argv, input=given, capture_output=True, check=False, env={**os.environ, **access})  # noqa: S603
    if done.returncode:
        raise RuntimeError(f"{Path(argv[0]).name} failed: {done.stderr.decode(errors='replace')[-2_000:]}")
    return done.stdout


@contextmanager
def _timed(seconds: dict[str, float], step: str) -> Iterator[None]:
    began = time.monotonic()
    yield
    seconds[step] = round(time.monotonic() - began, 2)
