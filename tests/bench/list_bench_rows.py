"""List the bench's rows, latest first: a route as production routes are written."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from oppulence.kernel.capabilities import Postgres
from oppulence.kernel.db import Connection, fetch_rows
from oppulence.kernel.errors import InvalidCursor
from oppulence.kernel.http import route
from oppulence.kernel.pagination import After, Page, PageQuery, paginate
from oppulence.kernel.uow import UnitOfWork

STATEMENT = """
    SELECT id, at, customer_id, number, status, amount_minor, currency, attempts, is_paid, note FROM bench.rows
     WHERE (%(at)s::timestamptz IS NULL OR (at, id) < (%(at)s, %(id)s)) ORDER BY at DESC, id DESC LIMIT %(most)s
"""


@dataclass(slots=True)
class BenchRow:
    id: str
    at: datetime
    customer_id: str
    number: str
    status: str
    amount_minor: int
    currency: str
    attempts: int
    is_paid: bool
    note: str | None


class BenchQuery(PageQuery):
    pass


def key(row: BenchRow) -> After:
    """What the list is ordered by."""
    return row.at, row.id


def values(after: After | None, most: int) -> dict[str, Any]:
    """Parameters of the statement."""
    return {"at": after and after[0], "id": after and after[1], "most": most}


@route("GET", "/v1/bench/rows", scope="sync:read", errors=(InvalidCursor,), uses=(Postgres("bench"),))
def handler(uow: UnitOfWork, query: BenchQuery) -> Page[BenchRow]:
    return paginate(uow, query, lambda after, most: _fetch(uow.conn, after, most), key)


def _fetch(conn: Connection, after: After | None, most: int) -> Sequence[BenchRow]:
    return fetch_rows(conn, BenchRow, STATEMENT, values(after, most))
