"""Migrations of PostgreSQL: ordered SQL files per context, forward only, each applied once and never edited after.

Every context first gets its roles, schema and kernel tables from one template. Files run as `<context>_owner`, so that
row-level security binds whatever they create. Contexts go in order of name but `tenancy` first: the others call its functions.
"""

import hashlib
from pathlib import Path

import psycopg

from oppulence.kernel.db import Connection

FIRST = "tenancy"
_LOCK = 7_240_114
_HISTORY = """
CREATE TABLE IF NOT EXISTS public.schema_migrations (
  context text NOT NULL, name text NOT NULL, sha256 text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (context, name)
)
"""


class EditedMigration(RuntimeError):
    """A file that was applied has been changed since. Restore it and add a new one."""


def contexts(root: Path) -> list[str]:
    """Contexts that have migrations, in the order they are applied; `root` is the `oppulence` package's folder."""
    names = sorted(path.parent.name for path in root.glob("*/migrations"))
    return [name for name in names if name == FIRST] + [name for name in names if name != FIRST]


def migrate(url: str, root: Path) -> list[str]:
    """Bring a database up to date as its administrator; returns the files applied, such as `ledger/0001_accounts.sql`.

    One run at a time: a second one waits for the first.

    Raises:
        EditedMigration: an applied file's content has changed.
    """
    applied: list[str] = []
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
        conn.execute(_HISTORY)
        history = {(str(c), str(n)): s for c, n, s in conn.execute("SELECT context, name, sha256 FROM public.schema_migrations")}
        names = contexts(root)
        for context in names:
            _run(conn, _template(context), role=None)
        for context in names:
            for path in sorted((root / context / "migrations").glob("*.sql")):
                if _apply(conn, context, path, history.get((context, path.name))):
                    applied.append(f"{context}/{path.name}")
    return applied


def _template(context: str) -> str:
    text = (Path(__file__).parent / "sql" / "context.sql").read_text()
    return text.replace(":schema", context)


def _apply(conn: Connection, context: str, path: Path, known: object) -> bool:
    text = path.read_text()
    digest = hashlib.sha256(text.encode()).hexdigest()
    if known is not None:
        if known != digest:
            raise EditedMigration(f"{context}/{path.name} was applied with other content: restore it and add a new file")
        return False
    with conn.transaction():
        _run(conn, text, role=f"{context}_owner")
        conn.execute(
            "INSERT INTO public.schema_migrations (context, name, sha256) VALUES (%s, %s, %s)", (context, path.name, digest)
        )
    return True


def _run(conn: Connection, text: str, role: str | None) -> None:
    """Run a script of many statements; the role is given back at its end."""
    if role:
        conn.execute(f"SET ROLE {role}".encode())
    conn.execute(text.encode())
    conn.execute("RESET ROLE")
