"""The ledger's statements."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from psycopg.rows import class_row, dict_row

from oppulence.kernel.db import Connection
from oppulence.ledger.models import Account, Direction, EntryFilter, NewEntry, Posted, Posting

Key = tuple[str | None, str, str]
"""Provider account, object and kind."""


@dataclass(frozen=True, slots=True)
class AccountBalance:
    """What stands on an account in one currency, in minor units; the sums of many rows may exceed a bigint."""

    account: str
    type: str
    normal_side: str
    currency: str
    debit_minor: Decimal
    credit_minor: Decimal


@dataclass(frozen=True, slots=True)
class BrokenEntry:
    """An entry that breaks an invariant."""

    entry_id: str
    problem: str


def insert_entries(conn: Connection, workspace_id: str, recorded_at: datetime, entries: Sequence[NewEntry]) -> set[str]:
    """Write entries with their postings in one statement; facts that stand in the books already are left alone.

    Returns the ids of the entries that are new.
    """
    lines = [(entry, posting) for entry in entries for posting in entry.postings]
    rows = conn.execute(
        """
        WITH posted AS (
          INSERT INTO ledger.journal_entries (workspace_id, recorded_at, id, posted_at, kind, description, object_id,
                                              provider_account, source_event_id, reverses_id, posting_count)
          SELECT %(workspace_id)s, %(recorded_at)s, e.*
            FROM unnest(%(ids)s::text[], %(posted_at)s::timestamptz[], %(kinds)s::text[], %(descriptions)s::text[],
                        %(objects)s::text[], %(provider_accounts)s::text[], %(sources)s::text[], %(reverses)s::text[],
                        %(counts)s::smallint[]) AS e
              ON CONFLICT ON CONSTRAINT posted_once DO NOTHING
          RETURNING id, posted_at
        ), lines AS (
          INSERT INTO ledger.postings (workspace_id, entry_id, posted_at, account, direction, amount_minor, currency)
          SELECT %(workspace_id)s, posted.id, posted.posted_at, p.account, p.direction, p.amount_minor, p.currency
            FROM unnest(%(entry_ids)s::text[], %(accounts)s::text[], %(directions)s::text[], %(amounts)s::bigint[],
                        %(currencies)s::text[]) AS p (entry_id, account, direction, amount_minor, currency)
            JOIN posted ON posted.id = p.entry_id
        )
        SELECT id FROM posted
        """,
        {
            "workspace_id": workspace_id, "recorded_at": recorded_at,
            "ids": [e.id for e in entries], "posted_at": [e.posted_at for e in entries], "kinds": [e.kind for e in entries],
            "descriptions": [e.description for e in entries], "objects": [e.object_id for e in entries],
            "provider_accounts": [e.provider_account for e in entries], "sources": [e.source_event_id for e in entries],
            "reverses": [e.reverses_id for e in entries], "counts": [len(e.postings) for e in entries],
            "entry_ids": [e.id for e, _ in lines], "accounts": [p.account for _, p in lines],
            "directions": [p.direction for _, p in lines], "amounts": [p.amount_minor for _, p in lines],
            "currencies": [p.currency for _, p in lines],
        },
    ).fetchall()  # fmt: skip
    return {str(row[0]) for row in rows}


def posted_entries(conn: Connection, keys: Iterable[Key]) -> dict[Key, Posted]:
    """Those of the named entries that stand in the books, with their postings."""
    wanted = list(keys)
    rows = conn.execute(
        """
        SELECT e.provider_account, e.object_id, e.kind, e.id, p.account, p.direction, p.amount_minor, p.currency
          FROM unnest(%(accounts)s::text[], %(objects)s::text[], %(kinds)s::text[]) AS k (provider_account, object_id, kind)
          JOIN ledger.journal_entries e
            ON e.object_id = k.object_id AND e.kind = k.kind AND e.provider_account IS NOT DISTINCT FROM k.provider_account
          JOIN ledger.postings p ON p.workspace_id = e.workspace_id AND p.entry_id = e.id
         ORDER BY e.id, p.account, p.currency
        """,
        {"accounts": [k[0] for k in wanted], "objects": [k[1] for k in wanted], "kinds": [k[2] for k in wanted]},
    ).fetchall()
    found: dict[Key, Posted] = {}
    for account, object_id, kind, entry_id, *posting in rows:
        key = (account if account is None else str(account), str(object_id), str(kind))
        before = found[key].postings if key in found else ()
        found[key] = Posted(str(entry_id), (*before, _posting(posting)))
    return found


def list_entries(conn: Connection, filters: EntryFilter, after: tuple[Any, ...] | None, most: int) -> list[dict[str, Any]]:
    """Entries with their postings, latest first, that come after (posted_at, id).

    With an account or a currency the index of the postings leads, so that a rare account costs no walk through all entries.
    """
    values = {
        "account": filters.account, "since": filters.since, "until": filters.until, "source": filters.source,
        "provider_account": filters.provider_account, "currency": filters.currency,
        "after_at": after and after[0], "after_id": after and after[1], "most": most,
    }  # fmt: skip
    conditions = " AND ".join(["true", *(text for name, text in _CONDITIONS.items() if values[name] is not None)])
    led_by, at, entry_id = _BY_POSTING if filters.account or filters.currency else _BY_ENTRY
    query = _LIST.replace(":led_by", led_by).replace(":conditions", conditions).replace(":at", at).replace(":id", entry_id)
    with conn.cursor(row_factory=dict_row) as cur:
        return cur.execute(query.encode(), values).fetchall()


_CONDITIONS = {
    "account": "p.account = %(account)s",
    "currency": "p.currency = %(currency)s",
    # The next three for both tables of a join, so that neither is walked from its beginning.
    "since": "e.posted_at >= %(since)s AND :at >= %(since)s",
    "until": "e.posted_at < %(until)s AND :at < %(until)s",
    "after_at": "(e.posted_at, e.id) < (%(after_at)s::timestamptz, %(after_id)s)"
    " AND (:at, :id) < (%(after_at)s::timestamptz, %(after_id)s)",
    "provider_account": "e.provider_account = %(provider_account)s",
    "source": "e.id IN (SELECT s.id FROM ledger.journal_entries s WHERE s.object_id = %(source)s"
    " UNION ALL SELECT s.id FROM ledger.journal_entries s WHERE s.source_event_id = %(source)s)",
}
_BY_ENTRY = ("ledger.journal_entries e", "e.posted_at", "e.id")
_BY_POSTING = (
    "ledger.postings p JOIN ledger.journal_entries e"
    " ON e.workspace_id = p.workspace_id AND e.posted_at = p.posted_at AND e.id = p.entry_id",
    "p.posted_at",
    "p.entry_id",
)
_LIST = """
    WITH page AS (
      SELECT DISTINCT ON (:at, :id) e.workspace_id, e.id, e.posted_at, e.description, e.source_event_id
        FROM :led_by
       WHERE :conditions
       ORDER BY :at DESC, :id DESC
       LIMIT %(most)s
    )
    SELECT page.id, page.posted_at, page.description, page.source_event_id, lines.postings
      FROM page
     CROSS JOIN LATERAL (
       SELECT json_agg(json_build_object('account', p.account, 'direction', p.direction, 'amount_minor', p.amount_minor,
                                         'currency', p.currency) ORDER BY p.direction DESC, p.account) AS postings
         FROM ledger.postings p
        WHERE p.workspace_id = page.workspace_id AND p.entry_id = page.id
     ) lines
     ORDER BY page.posted_at DESC, page.id DESC
"""


def balances(conn: Connection, at: datetime | None) -> list[AccountBalance]:
    """Sums per account and currency of what was posted until an instant, itself included; of all, if none is named."""
    with conn.cursor(row_factory=class_row(AccountBalance)) as cur:
        return cur.execute(
            """
            SELECT a.code AS account, a.type, a.normal_side, s.currency, s.debit_minor, s.credit_minor
              FROM (SELECT p.account, p.currency,
                           coalesce(sum(p.amount_minor) FILTER (WHERE p.direction = 'debit'), 0) AS debit_minor,
                           coalesce(sum(p.amount_minor) FILTER (WHERE p.direction = 'credit'), 0) AS credit_minor
                      FROM ledger.postings p
                     WHERE %(at)s::timestamptz IS NULL OR p.posted_at <= %(at)s
                     GROUP BY p.account, p.currency) s
              JOIN ledger.accounts a ON a.code = s.account
             ORDER BY a.code, s.currency
            """,
            {"at": at},
        ).fetchall()


def broken_entries(conn: Connection, most: int) -> list[BrokenEntry]:
    """Entries of the workspace that are not balanced in a currency, or have not the postings they promised."""
    with conn.cursor(row_factory=class_row(BrokenEntry)) as cur:
        return cur.execute(
            """
            SELECT e.id AS entry_id,
                   CASE WHEN s.currencies IS NULL THEN 'incomplete' ELSE 'unbalanced in ' || s.currencies END AS problem
              FROM ledger.journal_entries e
              LEFT JOIN (SELECT c.entry_id, sum(c.postings) AS postings,
                                string_agg(c.currency, ', ') FILTER (WHERE c.difference <> 0) AS currencies
                           FROM (SELECT p.entry_id, p.currency, count(*) AS postings,
                                        sum(CASE p.direction WHEN 'debit' THEN p.amount_minor ELSE -p.amount_minor END)
                                          AS difference
                                   FROM ledger.postings p GROUP BY p.entry_id, p.currency) c
                          GROUP BY c.entry_id) s ON s.entry_id = e.id
             WHERE s.postings IS DISTINCT FROM e.posting_count OR s.currencies IS NOT NULL
             ORDER BY e.id
             LIMIT %(most)s
            """,
            {"most": most},
        ).fetchall()


def workspace_ids(conn: Connection) -> list[str]:
    """Workspaces that have entries, through the sweep function: it sees all of them."""
    return [str(row[0]) for row in conn.execute("SELECT ledger.workspace_ids()").fetchall()]


def _posting(columns: Sequence[object]) -> Posting:
    account, direction, amount_minor, currency = columns
    return Posting(Account(str(account)), Direction(str(direction)), int(str(amount_minor)), str(currency))
