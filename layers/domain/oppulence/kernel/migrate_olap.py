"""Migrations of ClickHouse: ordered SQL files per context, each applied once and never edited after.

Its DDL knows no transactions, so a file holds one statement that can be repeated (IF NOT EXISTS): a run that died
between a statement and its record repeats the statement. Engines are plain MergeTree ones, which managed services map
to their replicated kinds.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from clickhouse_connect.driver.client import Client

from oppulence.kernel.migrate import EditedMigration

_HISTORY = """
CREATE TABLE IF NOT EXISTS schema_migrations
(context String, name String, sha256 String, applied_at DateTime64(3, 'UTC') DEFAULT now64(3))
ENGINE = MergeTree ORDER BY (context, name)
"""


def files(root: Path) -> Iterator[tuple[str, str, str]]:
    """Context, file name and text of each migration, in the order they are applied."""
    for path in sorted(root.glob("*/olap/*.sql")):
        yield path.parts[-3], path.name, path.read_text()


def migrate(client: Client, root: Path) -> list[str]:
    """Bring the client's database up to date; returns the files applied, such as `sync/0001_create_events.sql`.

    `root` is the `oppulence` package's folder. Nothing is applied if any applied file has changed. There is no lock:
    two runs at once repeat each other's statements, which does no harm.

    Raises:
        EditedMigration: an applied file's content has changed.
        clickhouse_connect.driver.exceptions.DatabaseError: a statement failed; those before it are applied.
    """
    client.command(_HISTORY)
    rows = client.query("SELECT context, name, sha256 FROM schema_migrations").result_rows
    history = {(context, name): digest for context, name, digest in rows}
    fresh = []
    for context, name, text in files(root):
        digest = hashlib.sha256(text.encode()).hexdigest()
        known = history.get((context, name))
        if known is None:
            fresh.append((context, name, text, digest))
        elif known != digest:
            raise EditedMigration(f"{context}/{name} was applied with other content: restore it and add a new file")
    for context, name, text, digest in fresh:
        client.command(text)
        client.insert("schema_migrations", [(context, name, digest)], column_names=("context", "name", "sha256"))
    return [f"{context}/{name}" for context, name, _, _ in fresh]
