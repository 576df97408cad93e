"""Making a restored copy of production fit for staging: people become pseudonyms, what was encrypted is dropped, money stays.

Every column that can hold text or bytes is named here. One that is not stops the masking: what nobody has judged is not let out.
"""

import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from infra.ops.output import Failed

FUNCTIONS = Path(__file__).with_name("masking.sql")
Connection = psycopg.Connection[Any]
OWN_INSTANCES = "oppulence-"
"""How the instances of a stage's own cluster are named (constructs/aurora.py); those of a restored copy are not."""

IN_EVERY_SCHEMA = ("attempts", "idempotency", "inbox", "outbox")
EMPTIED = (
    # Wrapped by the KMS key of production: nobody outside can open what was sealed under them.
    "tenancy.data_keys", "tenancy.api_keys", "tenancy.invitations", "tenancy.dead_letters",
    # The log is of production's people and its chain cannot be written anew: staging begins one of its own.
    "tenancy.audit_log", "tenancy.audit_pending", "tenancy.audit_seals",
    "sync.raw_events", "sync.raw_exports", "customers.terms",
    # Of files that staging does not have; and what was told there.
    "metering.imports", "metering.exports", "metering.export_files", "metering.alert_hits",
    # Of usage that staging does not have; they name subjects.
    "metering.freezes", "metering.frozen_quantities",
)  # fmt: skip
MASKED: Mapping[str, Mapping[str, str]] = {
    "tenancy.users": {"subject": "mask('text', subject)", "email": "mask('email', email)", "name": "mask('name', name)"},
    "tenancy.workspaces": {
        "name": "mask('workspace', name)", "slug": "mask('slug', slug)", "settings": "mask_json(settings)", "export_key": "NULL",
    },
    "tenancy.feature_flags": {"description": "scrub(description)"},
    "customers.customers": {
        "key": "mask('key', key)", "name": "mask('name', name)", "emails": "mask_all('email', emails)",
        "phone": "mask('phone', phone)", "address": "mask_json(address, 'address')", "tax_ids": "mask_json(tax_ids)",
        "metadata": "mask_json(metadata, 'metadata')",
    },
    "customers.subject_owners": {"subject": "mask('subject', subject)"},
    "connections.connections": {
        "api_key": "NULL", "webhook_secrets": "''", "metadata": "mask_json(metadata, 'metadata')", "status_reason": "NULL",
        "endpoints": "mask_json(endpoints)", "account": "mask_json(account)", "partner_event_source": "NULL",
    },
    "metering.alerts": {"subject": "mask('subject', subject)"},
    "metering.meters": {"description": "scrub(description)", "metadata": "mask_json(metadata, 'metadata')"},
    "recovery.steps": {"recipient_hash": "NULL", "message_id": "digest('mail', message_id)"},
    "recovery.timeline": {"reason": "scrub(reason)", "details": "mask_json(details)"},
    "sync.objects": {"data": "mask_json(data)"},
    "sync.backfill_types": {"reason": "scrub(reason)"},
    "sync.gaps": {"error": "scrub(error)"},
    "sync.reconciliations": {"error": "scrub(error)"},
    "sync.replays": {"selection": "mask_json(selection)", "plan": "mask_json(plan)"},
}  # fmt: skip
KEPT: Mapping[str, tuple[str, ...]] = {
    # Ids, words of enumerations, currencies and hashes of nothing personal: columns that stay, of tables that stay.
    "analytics.subscription_states": ("account", "subscription_id", "customer_id", "terms", "left_out"),
    "connections.connections": ("provider", "provider_account_id", "status"),
    "customers.customers": ("status", "merged_into", "currency", "locale", "time_zone"),
    "customers.links": ("provider", "account", "provider_customer_id", "customer_id"),
    "customers.subject_owners": ("customer_id",),
    "customers.merges": ("customer_id", "into_id"),
    "ledger.accounts": ("code", "type", "normal_side", "description"),
    "ledger.journal_entries": ("kind", "description", "object_id", "provider_account", "source_event_id", "reverses_id"),
    "ledger.postings": ("entry_id", "account", "currency", "direction"),
    "metering.batches": ("archive",),
    "metering.alerts": ("name", "meter_id", "customer_id", "period", "time_zone"),
    "metering.closed_hours": ("awaits",),
    "metering.meter_versions": (
        "meter_id", "event_type", "filter", "group_by", "operation_property", "value_property", "rounding",
    ),
    "metering.meters": ("slug", "name", "aggregation", "unit", "prorated"),
    "metering.settlements": ("meter_id",),
    "metering.shards": ("holder",),
    "public.schema_migrations": ("context", "name", "sha256"),
    "recovery.cases": (
        "account", "invoice_id", "customer_id", "currency", "status", "close_reason", "execution_name", "execution_arn",
    ),
    "recovery.steps": ("case_id", "step", "status"),
    "recovery.timeline": ("case_id", "kind", "step", "source"),
    "sync.backfill_types": ("backfill_id", "type", "state", "account", "parent", "after", "execution_name", "execution_arn"),
    "sync.backfills": ("connection_id", "bucket", "source", "status", "accounts"),
    "sync.comparisons": ("connection_id", "account", "object_type", "listed_sums", "mirrored_sums"),
    "sync.gaps": ("connection_id", "account", "event_id", "type"),
    "sync.objects": ("account", "type", "event_id", "told", "connection_id"),
    "sync.reconciliations": ("connection_id", "account", "pass_cursor"),
    "sync.replays": ("status", "after_event_id", "after_account", "requested_by"),
    "tenancy.feature_flags": ("name",),
    "tenancy.memberships": ("user_id", "role"),
    "tenancy.users": ("issuer",),
    "tenancy.workspaces": ("mode", "plan", "status", "created_by"),
}  # fmt: skip
ALWAYS_KEPT = ("id", "workspace_id")
_CAN_HOLD_PEOPLE = """
SELECT n.nspname || '.' || c.relname, a.attname FROM pg_attribute a
  JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_type t ON t.oid = a.atttypid
 WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
   AND n.nspname !~ '^(pg_|information_schema)'
   AND t.typname IN ('text', '_text', 'varchar', '_varchar', 'bpchar', 'bytea', '_bytea', 'json', 'jsonb', 'inet', 'cidr', 'xml')
"""
_IS_THERE = "SELECT to_regclass(%s) IS NOT NULL"
_AT_WORK = "SELECT DISTINCT usename FROM pg_stat_activity WHERE datname = current_database() AND usename = ANY(%s)"


def mask(url: str, key: str | None = None) -> dict[str, int]:
    """Mask the database that an administrator's URL names, in one transaction; answers the rows of each masked table.

    Equal values become equal pseudonyms under the same `key`; without one nobody can tell afterwards which came from which.

    Raises:
        Failed: this is a stage's own database, somebody works in it, or a column is not judged here.
    """
    with psycopg.connect(url) as conn:
        schemas = _schemas(conn)
        refuse_living(conn, schemas)
        _refuse_unjudged(conn)
        conn.execute("SELECT set_config('mask.key', %s, true)", (key or secrets.token_hex(32),))
        conn.execute(FUNCTIONS.read_bytes())
        _empty(conn, schemas)
        there = {table: columns for table, columns in MASKED.items() if conn.execute(_IS_THERE, (table,)).fetchone() == (True,)}
        return {table: _update(conn, table, columns) for table, columns in there.items()}


def refuse_living(conn: Connection, roles: Iterable[str]) -> None:
    """Production is known by its instance's own name, whatever name led there, and by functions that are connected.

    Raises:
        Failed: this is no restored copy.
    """
    if conn.execute("SELECT to_regproc('aurora_db_instance_identifier')").fetchone() != (None,):
        (instance,) = conn.execute("SELECT aurora_db_instance_identifier()").fetchone() or ("",)
        if str(instance).startswith(OWN_INSTANCES):
            raise Failed(f"{instance} is an instance of the stage's own cluster", "restore a copy elsewhere, and mask that")
    at_work = [str(row[0]) for row in conn.execute(_AT_WORK, (list(roles),))]
    if at_work:
        raise Failed(f"functions are connected as {', '.join(sorted(at_work))}: this database is in use", "mask a restored copy")


def _schemas(conn: Connection) -> list[str]:
    found = conn.execute("SELECT DISTINCT context FROM public.schema_migrations ORDER BY 1")
    contexts = {str(row[0]) for row in found}
    outboxes = conn.execute("SELECT schemaname FROM pg_tables WHERE tablename = 'outbox'")
    return sorted(contexts | {str(row[0]) for row in outboxes})


def _refuse_unjudged(conn: Connection) -> None:
    unjudged = []
    for table, column in conn.execute(_CAN_HOLD_PEOPLE):
        schema, _, name = table.partition(".")
        emptied = table in EMPTIED or (name in IN_EVERY_SCHEMA and schema != "public")
        if not emptied and column not in (*ALWAYS_KEPT, *KEPT.get(table, ()), *MASKED.get(table, {})):
            unjudged.append(f"{table}.{column}")
    if unjudged:
        raise Failed(f"nobody has judged {', '.join(sorted(unjudged))}", "say in infra/ops/masking.py what becomes of them")


def _empty(conn: Connection, schemas: Iterable[str]) -> None:
    for schema in schemas:
        tables = [f"{schema}.{name}" for name in IN_EVERY_SCHEMA] + [one for one in EMPTIED if one.startswith(f"{schema}.")]
        with _as_owner(conn, schema):
            for table in tables:
                conn.execute(sql.SQL("ALTER TABLE {} DISABLE TRIGGER USER").format(_table(table)))
            conn.execute(sql.SQL("TRUNCATE {}").format(sql.SQL(", ").join(map(_table, tables))))
            for table in tables:
                conn.execute(sql.SQL("ALTER TABLE {} ENABLE TRIGGER USER").format(_table(table)))


def _update(conn: Connection, table: str, columns: Mapping[str, str]) -> int:
    """The owner sees all rows while the table's policies do not bind it."""
    made = sql.SQL(", ").join(
        sql.SQL("{} = {}").format(sql.Identifier(column), _expression(expression)) for column, expression in columns.items()
    )
    with _as_owner(conn, table.partition(".")[0]):
        for before in ("NO FORCE ROW LEVEL SECURITY", "DISABLE TRIGGER USER"):
            conn.execute(sql.SQL("ALTER TABLE {} ").format(_table(table)) + sql.SQL(before))
        rows = conn.execute(sql.SQL("UPDATE {} SET {}").format(_table(table), made)).rowcount
        conn.execute(sql.SQL("ALTER TABLE {} ENABLE TRIGGER USER").format(_table(table)))
        secured = conn.execute("SELECT relrowsecurity FROM pg_class WHERE oid = %s::regclass", (table,)).fetchone()
        if secured == (True,):
            conn.execute(sql.SQL("ALTER TABLE {} FORCE ROW LEVEL SECURITY").format(_table(table)))
    return rows


def _expression(text: str) -> sql.SQL:
    return sql.SQL(text if text in ("NULL", "''") else f"pg_temp.{text}")


def _table(name: str) -> sql.Identifier:
    return sql.Identifier(*name.split("."))


class _as_owner:  # noqa: N801
    """As the owner of a context's tables; back to the administrator afterwards."""

    def __init__(self, conn: Connection, schema: str) -> None:
        self.conn, self.owner = conn, f"{schema}_owner"

    def __enter__(self) -> None:
        self.conn.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(self.owner)))

    def __exit__(self, *raised: object) -> None:
        if raised[0] is None:
            self.conn.execute("RESET ROLE")
