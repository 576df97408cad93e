"""Statements of search terms. A word means all terms that begin with it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg.rows import class_row

from oppulence.customers.models import CustomerRow, CustomerStatus
from oppulence.customers.search import after as end_of
from oppulence.customers.store.customers import COLUMNS
from oppulence.kernel.db import Connection

_OF_C = ", ".join(f"c.{name.strip()}" for name in COLUMNS.split(","))
_PAGE = "(%(key)s::text IS NULL OR c.key = %(key)s) ORDER BY t.term, t.customer_id LIMIT %(most)s"


class Found(CustomerRow):
    """A customer and the first of its terms that the leading word fits."""

    term: str


@dataclass(frozen=True, slots=True)
class Search:
    """Words that all must fit, customers' status and key, and where a page begins and how long it is.

    Rows come in the order of the terms of the first word, and each customer once: by the first of its terms.
    """

    words: Sequence[str]
    status: CustomerStatus
    key: str | None
    after: tuple[str, str] | None
    most: int

    def values(self) -> dict[str, Any]:
        """The parameters of the statements."""
        found: dict[str, Any] = {"status": self.status, "key": self.key, "most": self.most}
        found |= {"term": self.after and self.after[0], "id": self.after and self.after[1]}
        for number, word in enumerate(self.words):
            found |= {f"from_{number}": word, f"to_{number}": end_of(word)}
        return found


def write(conn: Connection, workspace_id: str, row: CustomerRow, terms: Iterable[str]) -> None:
    """Make these the customer's terms."""
    wanted = sorted(terms)
    conn.execute("DELETE FROM customers.terms WHERE customer_id = %s AND term <> ALL(%s)", (row.id, wanted))
    conn.execute(
        """
        INSERT INTO customers.terms AS t (workspace_id, customer_id, status, term) SELECT %s, %s, %s, unnest(%s::text[])
        ON CONFLICT (workspace_id, customer_id, term) DO UPDATE SET status = excluded.status WHERE t.status <> excluded.status
        """,
        (workspace_id, row.id, row.status, wanted),
    )


def count(conn: Connection, status: CustomerStatus, word: str, most: int) -> int:
    """How many terms a word fits; `most` stands for that many or more."""
    row = conn.execute(
        """
        SELECT count(*) FROM (SELECT FROM customers.terms WHERE status = %s AND term >= %s AND term < %s LIMIT %s) AS counted
        """,
        (status, word, end_of(word), most),
    ).fetchone()
    return int(str(row[0])) if row else 0


def first(conn: Connection, wanted: Search, probed: int | None) -> list[Found]:
    """The page, looked for among the next `probed` terms of the first word (all, if None), one after the other."""
    others = "".join(
        f" AND EXISTS (SELECT FROM customers.terms o WHERE o.customer_id = t.customer_id AND {_range('o', number)})"
        for number in range(1, len(wanted.words))
    )
    return _rows(
        conn,
        f"""
        SELECT {_OF_C}, t.term
          FROM (SELECT workspace_id, term, customer_id FROM customers.terms t
                 WHERE t.status = %(status)s AND {_range("t", 0)}
                   AND (%(term)s::text IS NULL OR (t.term, t.customer_id) > (%(term)s, %(id)s))
                 ORDER BY t.term, t.customer_id LIMIT %(probed)s) t
          JOIN customers.customers c ON c.id = t.customer_id AND c.workspace_id = t.workspace_id
         WHERE NOT EXISTS (SELECT FROM customers.terms e
                            WHERE e.customer_id = t.customer_id AND e.term >= %(from_0)s AND e.term < t.term){others}
           AND {_PAGE}
        """,
        wanted.values() | {"probed": probed},
    )


def all_at_once(conn: Connection, wanted: Search) -> list[Found]:
    """The page, by what the words' sets of customers have in common."""
    fits = [f"t{n}.status = %(status)s AND {_range(f't{n}', n)}" for n in range(len(wanted.words))]
    others = "".join(
        f" AND t0.customer_id IN (SELECT t{n}.customer_id FROM customers.terms t{n} WHERE {fits[n]})" for n in range(1, len(fits))
    )
    return _rows(
        conn,
        f"""
        WITH t AS MATERIALIZED (
               SELECT t0.workspace_id, t0.customer_id, min(t0.term) AS term
                 FROM customers.terms t0 WHERE {fits[0]}{others} GROUP BY 1, 2)
        SELECT {_OF_C}, t.term
          FROM t JOIN customers.customers c ON c.id = t.customer_id AND c.workspace_id = t.workspace_id
         WHERE (%(term)s::text IS NULL OR (t.term, t.customer_id) > (%(term)s, %(id)s)) AND {_PAGE}
        """,
        wanted.values(),
    )


def _range(alias: str, number: int) -> str:
    return f"{alias}.term >= %(from_{number})s AND {alias}.term < %(to_{number})s"


def _rows(conn: Connection, statement: str, values: dict[str, Any]) -> list[Found]:
    with conn.cursor(row_factory=class_row(Found)) as cur:
        return cur.execute(statement.encode(), values).fetchall()
