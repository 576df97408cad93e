"""Backups of the analytical store, which ClickHouse itself writes to S3 under a role of its operator's.

Usage events have their truth there, and a raw archive in S3 beside it; all else is rebuilt from PostgreSQL.
"""

from oppulence.kernel import clock, environment, olap


def back_up() -> str | None:
    """Have ClickHouse begin a backup, and go on without waiting; answers where to, or None where there is none to make.

    One a day under the day's name: a second one of that day is refused by ClickHouse, as the first one stands.

    Raises:
        Unavailable: the store cannot be reached.
    """
    place = environment.optional("CLICKHOUSE_BACKUPS")
    if not olap.is_configured() or place is None:
        return None
    at = f"{place.rstrip('/')}/{clock.real_now():%Y-%m-%d}"
    role = environment.optional("CLICKHOUSE_BACKUP_ROLE")
    target = f"S3({_quoted(at)}{f', extra_credentials(role_arn = {_quoted(role)})' if role else ''})"
    ((database,),) = olap.query("SELECT currentDatabase()", {})
    olap.command(f"BACKUP DATABASE `{database}` TO {target} ASYNC", {})
    return at


def _quoted(text: str) -> str:
    """As ClickHouse writes a text; settings come from the template, not from people."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
