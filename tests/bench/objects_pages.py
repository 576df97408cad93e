"""A page of mirrored objects among 1,000,000 of one type, at the beginning and deep in the list: it costs the same."""

import contextlib
import json
import os
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from oppulence.kernel.pagination import paginate
from oppulence.kernel.uow import Scope, UnitOfWork, in_transaction
from oppulence.sync.models import ObjectQuery
from tests.bench.figures import interleaved, milliseconds, report
from tests.bench.place import world
from tests.support.entries import entry
from tests.support.world import World

PATH = "/v1/sync/objects/customer"
OBJECTS = 1_000_000
PAGE_ROWS = 100
PAGES = (1, 100, 9_000)
REPETITIONS = 60

_FILL = """
    INSERT INTO sync.objects (workspace_id, account, type, id, data, event_id, event_created_at, updated_at, version)
    SELECT %(workspace)s, '', 'customer', 'cus_' || lpad(i::text, 14, '0'),
           jsonb_build_object('id', 'cus_' || lpad(i::text, 14, '0'), 'object', 'customer', 'name', 'Customer ' || i,
                              'email', i || '@example.com', 'created', 1767225600 + i, 'metadata', '{}'::jsonb),
           'evt_' || i, timestamptz '2026-01-01' + i * interval '1 second', timestamptz '2026-01-01' + i * interval '1 second', 1
      FROM generate_series(1, %(rows)s) AS i
"""


def run() -> None:
    """Each page by turns; the first is what the others are compared with."""
    with world() as made, Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
        made.admin.execute(_FILL.encode(), {"workspace": made.workspace_id, "rows": OBJECTS})
        made.admin.execute("VACUUM ANALYZE sync.objects")
        key = made.api_key(["sync:read"], made.workspace_id)
        calls = [partial(_call, _event(key, _cursor(made, page))) for page in PAGES]
        interleaved(3, *calls)
        times = [milliseconds(found) for found in interleaved(REPETITIONS, *calls)]
        for page, spent in zip(PAGES, times, strict=True):
            figure: dict[str, object] = {"page": page, "rows": PAGE_ROWS, "of": OBJECTS, "p50_ms": spent, "against": "page 1"}
            report("objects_pages", figure, ratio=spent / times[0])


def _cursor(made: World, page: int) -> str | None:
    """The cursor that the list gives out at the end of the page before."""
    if page == 1:
        return None

    def last(uow: UnitOfWork) -> str | None:
        statement = "SELECT updated_at, id, account FROM sync.objects ORDER BY updated_at DESC, id DESC OFFSET %s LIMIT 1"
        row: tuple[Any, ...] | None = uow.conn.execute(statement, (PAGE_ROWS * (page - 1) - 1,)).fetchone()
        assert row
        return paginate(uow, ObjectQuery(limit=1), lambda after, most: [row, row], key=lambda one: one).pagination.next_cursor

    return in_transaction(Scope("sync", made.workspace_id, path=PATH, timeout_ms=60_000), last)


def _event(key: str, cursor: str | None) -> dict[str, Any]:
    query = {"limit": PAGE_ROWS} | ({"cursor": cursor} if cursor else {})
    return {
        "version": "2.0", "routeKey": "GET /v1/sync/objects/{type}", "rawPath": PATH, "rawQueryString": urlencode(query),
        "pathParameters": {"type": "customer"}, "headers": {"authorization": f"Bearer {key}"}, "isBase64Encoded": False,
        "requestContext": {"http": {"method": "GET", "path": PATH, "sourceIp": "203.0.113.7"}},
    }  # fmt: skip


def _call(event: dict[str, Any]) -> None:
    answer = entry("sync.http.list_objects")(event, None)
    assert answer["statusCode"] == 200 and len(json.loads(answer["body"])["data"]) == PAGE_ROWS, answer
