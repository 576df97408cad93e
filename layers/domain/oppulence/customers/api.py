"""What higher contexts may ask of customers, and tell them. All of it holds for the transaction's workspace.

`as_of` asks for ownership as it was known at an earlier instant, so that a figure can be computed again later. What is written
counts from when its transaction begins: who asks for a moment ago waits for those who write, up to the lock limit of 3 seconds,
after which they are asked to try again.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from psycopg.rows import class_row

from oppulence.customers.history import EVER
from oppulence.customers.models import Address, CustomerStatus, Row, SubjectPeriod, TaxId
from oppulence.customers.store import subjects as store
from oppulence.kernel import clock
from oppulence.kernel.db import Connection

__all__ = ["EVER", "CustomerFacts", "SubjectPeriod", "by_key", "customer", "mark_used", "of_provider", "owners_at", "owners_of",
           "periods_of", "resolved", "usage_periods"]  # fmt: skip

_LONGEST = timedelta(seconds=30)
"""No transaction takes longer."""

_FACTS = """
    SELECT c.id, c.key, c.status, c.name, c.emails, c.phone, c.address, c.tax_ids, c.currency, c.locale, c.time_zone, c.metadata
      FROM customers_api.customers asked
      JOIN customers_api.customers c ON c.id = coalesce(asked.merged_into, asked.id)
"""


class CustomerFacts(Row):
    """A customer as other contexts see it. Personal data: whoever copies them deletes them on customers.customer.erased."""

    id: str
    key: str | None
    status: CustomerStatus
    name: str | None
    emails: list[str]
    phone: str | None
    address: Address | None
    tax_ids: list[TaxId]
    currency: str | None
    locale: str | None
    time_zone: str | None
    metadata: dict[str, str]


def customer(conn: Connection, customer_id: str) -> CustomerFacts | None:
    """A customer by its id; a merged one's id leads to the customer that it is now."""
    return _facts(conn, "asked.id", customer_id)


def by_key(conn: Connection, key: str) -> CustomerFacts | None:
    """A customer by the workspace's own key; a merged one's key leads to the customer that it is now."""
    return _facts(conn, "asked.key", key)


def of_provider(conn: Connection, provider: str, account: str | None, provider_customer_id: str) -> str | None:
    """The id of the customer that a provider's customer is."""
    row = conn.execute(
        """
        SELECT customer_id FROM customers_api.links
         WHERE provider = %s AND account = %s AND provider_customer_id = %s
        """,
        (provider, account or "", provider_customer_id),
    ).fetchone()
    return str(row[0]) if row else None


def owners_at(conn: Connection, subjects: Sequence[str], at: datetime, as_of: datetime | None = None) -> dict[str, str]:
    """Ids of the customers that have these subjects at an instant; those that are nobody's are left out."""
    _wait(conn, as_of)
    rows = conn.execute(
        f"""
        SELECT wanted.subject, o.customer_id
          FROM unnest(%(subjects)s::text[]) AS wanted (subject)
          CROSS JOIN LATERAL (SELECT s.customer_id FROM customers_api.subject_owners s
                               WHERE s.subject = wanted.subject AND s.valid_from <= %(at)s AND {_known("s", as_of)}
                               ORDER BY s.valid_from DESC LIMIT 1) o
         WHERE o.customer_id IS NOT NULL
        """.encode(),
        {"subjects": list(subjects), "at": at, "as_of": as_of},
    ).fetchall()
    return {str(subject): str(customer_id) for subject, customer_id in rows}


def owners_of(conn: Connection, moments: Sequence[tuple[str, datetime]]) -> list[str | None]:
    """Ids of the customers that have subjects at instants, in the order of these; None: nobody has it then."""
    subjects, instants = [subject for subject, _ in moments], [at for _, at in moments]
    rows = conn.execute(
        f"""
        SELECT (SELECT s.customer_id FROM customers_api.subject_owners s
                 WHERE s.subject = wanted.subject AND s.valid_from <= wanted.at AND {_known("s", None)}
                 ORDER BY s.valid_from DESC LIMIT 1)
          FROM unnest(%s::text[], %s::timestamptz[]) WITH ORDINALITY AS wanted (subject, at, place) ORDER BY place
        """.encode(),
        (subjects, instants),
    ).fetchall()
    return [None if customer_id is None else str(customer_id) for (customer_id,) in rows]


def periods_of(conn: Connection, customer_id: str, as_of: datetime | None = None) -> list[SubjectPeriod]:
    """The periods in which subjects are a customer's, by subject and time; a null `valid_from` is before any usage.

    Two periods of one subject may follow each other without a gap.
    """
    return usage_periods(conn, [customer_id], None, as_of)


def resolved(conn: Connection, ids_or_keys: Sequence[str], as_of: datetime | None = None) -> dict[str, str]:
    """Ids of customers by their ids, else the keys that they have now; unknown ones are left out.

    Merged ones lead to the customers that they are now. With `as_of` keys are those of then, or given up before, and merged
    ones lead to what they were then. A customer whose key somebody else has as a subject is taken to have had it ever since.
    """
    _wait(conn, as_of)
    merged = "m.customer_id = led.id AND m.merged_at <= coalesce(%(as_of)s, 'infinity'::timestamptz)"
    rows = conn.execute(
        f"""
        WITH RECURSIVE led AS (
          SELECT wanted.text, coalesce(named.id, past.customer_id, holder.id) AS id
            FROM unnest(%(wanted)s::text[]) AS wanted (text)
            LEFT JOIN customers_api.customers named ON named.id = wanted.text
            LEFT JOIN customers_api.customers holder ON holder.key = wanted.text
            LEFT JOIN LATERAL (
              SELECT s.customer_id FROM customers_api.subject_owners s
               WHERE s.subject = wanted.text AND s.by_key AND {_known("s", as_of)}
                 AND (holder.id IS NULL OR EXISTS (SELECT FROM customers_api.subject_owners h
                                                    WHERE h.subject = wanted.text AND h.by_key AND h.customer_id = holder.id))
               ORDER BY s.valid_from DESC LIMIT 1) past ON %(as_of)s::timestamptz IS NOT NULL
          UNION ALL
          SELECT led.text, m.into_id FROM led JOIN customers_api.merges m ON {merged}
        )
        SELECT text, id FROM led WHERE id IS NOT NULL AND NOT EXISTS (SELECT FROM customers_api.merges m WHERE {merged})
        """.encode(),
        {"wanted": list(ids_or_keys), "as_of": as_of},
    ).fetchall()
    return {str(text): str(customer_id) for text, customer_id in rows}


def usage_periods(
    conn: Connection, customer_ids: Sequence[str] | None, most: int | None, as_of: datetime | None = None
) -> list[SubjectPeriod]:
    """The periods in which subjects, and with them their usage, are customers'; of all customers if None are named."""
    _wait(conn, as_of)
    with conn.cursor(row_factory=class_row(SubjectPeriod)) as cur:
        return cur.execute(
            f"""
            SELECT s.subject, s.customer_id, nullif(s.valid_from, %(ever)s) AS valid_from,
                   (SELECT min(n.valid_from) FROM customers_api.subject_owners n
                     WHERE n.subject = s.subject AND n.valid_from > s.valid_from AND {_known("n", as_of)}) AS valid_until
              FROM customers_api.subject_owners s
             WHERE (s.customer_id = ANY (%(ids)s) OR %(ids)s::text[] IS NULL AND s.customer_id IS NOT NULL)
               AND {_known("s", as_of)}
             ORDER BY s.subject, s.valid_from LIMIT %(most)s
            """.encode(),
            {"ids": None if customer_ids is None else list(customer_ids), "ever": EVER, "as_of": as_of, "most": most},
        ).fetchall()


def mark_used(conn: Connection, customer_id: str, at: datetime) -> bool:
    """Say that something refers to a customer from now on, so that it is archived rather than deleted; False: there is none.

    The row stays locked until the transaction ends: nobody deletes the customer meanwhile.
    """
    row = conn.execute("SELECT customers.mark_used(%s, %s)", (customer_id, at)).fetchone()
    return row is not None and row[0] is True


def _facts(conn: Connection, column: str, value: str) -> CustomerFacts | None:
    with conn.cursor(row_factory=class_row(CustomerFacts)) as cur:
        return cur.execute(f"{_FACTS} WHERE {column} = %s".encode(), (value,)).fetchone()


def _wait(conn: Connection, as_of: datetime | None) -> None:
    """Let what may have been written by then become known, so that the same question has the same answer later."""
    if as_of is not None and as_of > clock.now() - _LONGEST:
        store.wait(conn)


def _known(alias: str, as_of: datetime | None) -> str:
    """The condition on rows of ownership that hold by now, or that held by `as_of`."""
    if as_of is None:
        return f"{alias}.replaced_at IS NULL"
    return f"{alias}.recorded_at <= %(as_of)s AND ({alias}.replaced_at IS NULL OR {alias}.replaced_at > %(as_of)s)"
