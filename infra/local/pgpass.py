"""Passwords of the local database roles, in libpq's own file format, so that every PostgreSQL client finds them."""

import os
import secrets
from collections.abc import Iterable
from pathlib import Path

import psycopg
from psycopg import sql

from infra.local.processes import HOST


def set_passwords(url: str, roles: Iterable[str], passfile: Path) -> None:
    """Give each login role a random password, kept between runs in `passfile`, which PGPASSFILE should name.

    The server gets SCRAM verifiers only, so no password reaches its log. Roles that `passfile` holds and `roles` does
    not are forgotten. `url` is a superuser's.
    """
    known = read(passfile)
    passwords = {role: known.get(role) or secrets.token_hex(24) for role in sorted(roles)}
    write_secret(passfile, "".join(f"{HOST}:*:*:{role}:{password}\n" for role, password in passwords.items()))
    with psycopg.connect(url) as conn:
        for role, password in passwords.items():
            verifier = conn.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256")
            conn.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(role), sql.Literal(verifier.decode())))


def read(passfile: Path) -> dict[str, str]:
    """Passwords by role; none when there is no file yet. Our passwords are hexadecimal, so no escapes occur."""
    if not passfile.exists():
        return {}
    rows = (line.split(":") for line in passfile.read_text().splitlines())
    return {role: password for _, _, _, role, password in rows}


def write_secret(path: Path, text: str) -> None:
    """Replace a file that only its owner may read; a reader sees the old text or the new, never half of it."""
    partial = path.with_name(f"{path.name}.partial")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    partial.replace(path)
