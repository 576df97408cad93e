"""A page of 100 rows through the whole route, against the bare SQL and JSON encoding, at page 1 and at page 9,000."""

import contextlib
import importlib
import json
import os
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any
from urllib.parse import urlencode

from psycopg.rows import dict_row
from pydantic_core import to_json

from infra.local import cloud
from infra.local.paths import REPO
from infra.local.running import load
from oppulence.kernel import aws, db
from oppulence.kernel.pagination import After, paginate
from oppulence.kernel.uow import Scope, UnitOfWork, in_transaction
from tests.bench import instant, list_bench_rows
from tests.bench.figures import interleaved, milliseconds, quietest, report
from tests.bench.list_bench_rows import BenchQuery
from tests.bench.place import world
from tests.support.world import World

PATH = "/v1/bench/rows"
ROWS = 1_000_000
PAGE_ROWS = 100
PAGES = (1, 9_000)
REPETITIONS = 400
ROUNDS = 10
AT_MOST = 2.0
MAX_ROW_BYTES = 300

_FILL = """
    INSERT INTO bench.rows
    SELECT %s, 'row_' || lpad(i::text, 20, '0'), timestamptz '2026-01-01' + i * interval '1 second', 'cus_' || md5(i::text),
           'INV-' || i, (ARRAY['open', 'paid', 'void'])[1 + i %% 3], i * 7 %% 100000, 'EUR', i %% 5, i %% 2 = 0,
           CASE WHEN i %% 4 = 0 THEN 'paid by bank transfer' END
      FROM generate_series(1, %s) AS i
"""
Call = Callable[[], object]


def run() -> None:
    """Without DynamoDB's calls; then with its client on a transport that answers at once; then with the emulator, if it runs."""
    with world() as made, open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):  # noqa: PTH123
        made.admin.execute(_FILL.encode(), (made.workspace_id, ROWS))
        made.admin.execute("VACUUM ANALYZE bench.rows")
        pages = _pages(made)
        with _dynamodb(_NoCalls()):
            _compare("without DynamoDB's calls", pages, at_most=AT_MOST)
        instant.calls.clear()
        _compare("DynamoDB's client over a transport that answers at once", pages)
        with _emulator() as reached:
            if reached:
                _compare("DynamoDB of the emulator", pages, repetitions=40)
            else:
                report("route_overhead", {"with": "DynamoDB of the emulator", "skipped": "the local cloud is not running"})


def _pages(made: World) -> dict[int, tuple[Call, Call]]:
    """For each page, the route's call and the bare one."""
    key = made.api_key(["sync:read"], made.workspace_id)
    bare = db._connect("bench")  # a connection of its own, opened as the kernel opens its
    bare.execute("SELECT set_config('app.workspace_id', %s, false)", (made.workspace_id,))
    scope = Scope("bench", made.workspace_id, path=PATH)
    pages: dict[int, tuple[Call, Call]] = {}
    for page in PAGES:
        after, cursor = in_transaction(scope, partial(_end_of, page=page - 1)) if page > 1 else (None, None)
        event = _event(key, {"limit": PAGE_ROWS} | ({"cursor": cursor} if cursor else {}))
        pages[page] = partial(list_bench_rows.handler, event, None), partial(_bare, bare, after)
        _check(*pages[page])
    return pages


def _end_of(uow: UnitOfWork, page: int) -> tuple[After, str | None]:
    """The last row's key of a page, and the cursor that the list itself gives out there."""
    statement = f"SELECT at, id FROM bench.rows ORDER BY at DESC, id DESC OFFSET {PAGE_ROWS * page - 1} LIMIT 1"  # noqa: S608
    last = uow.conn.execute(statement.encode()).fetchone()
    assert last
    there = paginate(uow, BenchQuery(limit=1), lambda after, most: [last, last], key=lambda row: row)
    return last, there.pagination.next_cursor


def _bare(conn: db.Connection, after: After | None) -> bytes:
    with conn.cursor(row_factory=dict_row) as cur:
        rows = cur.execute(list_bench_rows.STATEMENT, list_bench_rows.values(after, PAGE_ROWS + 1)).fetchall()
    return to_json({"data": rows[:PAGE_ROWS], "pagination": {"has_more": len(rows) > PAGE_ROWS, "next_cursor": None}})


def _check(route: Call, bare: Call) -> None:
    """Both give the same rows, and these are as small as the bench says."""
    answer: Any = route()
    assert answer["statusCode"] == 200, answer
    rows, expected = json.loads(answer["body"])["data"], json.loads(bare())["data"]  # type: ignore[arg-type]
    assert rows == expected and len(rows) == PAGE_ROWS, (rows[:1], expected[:1])
    assert max(len(to_json(row)) for row in rows) <= MAX_ROW_BYTES


def _event(key: str, query: dict[str, Any]) -> dict[str, Any]:
    headers = {
        "accept": "*/*", "accept-encoding": "gzip", "authorization": f"Bearer {key}", "content-length": "0",
        "host": "api.example.com", "user-agent": "bench", "x-amzn-trace-id": "Root=1-00000000-000000000000000000000000",
        "x-forwarded-for": "203.0.113.7", "x-forwarded-port": "443", "x-forwarded-proto": "https",
    }  # fmt: skip
    http = {"method": "GET", "path": PATH, "protocol": "HTTP/1.1", "sourceIp": "203.0.113.7", "userAgent": "bench"}
    return {
        "version": "2.0", "routeKey": f"GET {PATH}", "rawPath": PATH, "rawQueryString": urlencode(query),
        "headers": headers, "requestContext": {"http": http}, "isBase64Encoded": False,
    }  # fmt: skip


def _compare(
    how: str, pages: dict[int, tuple[Call, Call]], *, at_most: float | None = None, repetitions: int = REPETITIONS
) -> None:
    works = [call for pair in pages.values() for call in pair]
    interleaved(20, *works)
    instant.calls.clear()
    times = interleaved(repetitions, *works)
    called = instant.calls.total() / (repetitions * len(pages))
    quiet = quietest(times, ROUNDS)
    for number, page in enumerate(pages):
        _check(*pages[page])
        route, bare = map(milliseconds, quiet[2 * number : 2 * number + 2])
        all_routes, all_bare = map(milliseconds, times[2 * number : 2 * number + 2])
        figure: dict[str, object] = {
            "with": how, "page": page, "rows": PAGE_ROWS, "of": ROWS, "p50_ms": route,
            "against": "the bare statement and JSON encoding", "against_ms": bare, "aws_calls": round(called, 2),
            "repetitions": f"the quietest of {ROUNDS} rounds of {repetitions // ROUNDS}",
            "ratio_of_all_rounds": round(all_routes / all_bare, 2),
        }  # fmt: skip
        report("route_overhead", figure, ratio=route / bare, at_most=at_most)


class _NoCalls:
    """In DynamoDB's place when its calls are left out: every window has room."""

    def update_item(self, **asked: Any) -> dict[str, Any]:
        return {"Attributes": {name: {"N": "1"} for name in asked.get("ExpressionAttributeNames", {}).values()}}


@contextlib.contextmanager
def _dynamodb(stand_in: object) -> Iterator[None]:
    """Have boto3 give this as DynamoDB's client."""
    boto3: Any = importlib.import_module("boto3")
    make = boto3.client
    boto3.client = lambda service, **options: stand_in if service == "dynamodb" else make(service, **options)
    _anew(without_dynamodb=True)
    try:
        yield
    finally:
        boto3.client = make
        _anew()


def _anew(*, without_dynamodb: bool = False) -> None:
    aws.reset()
    instant.answer_at_once(*(["kms", "secretsmanager", "events"] + ([] if without_dynamodb else ["dynamodb"])))


@contextlib.contextmanager
def _emulator() -> Iterator[bool]:
    """Use a table of the running local cloud, gone afterwards; false when none runs."""
    if cloud.status(REPO).phase != "ready":
        yield False
        return
    client = load(REPO).client("dynamodb")
    name = f"bench-limits-{os.getpid()}"
    client.create_table(
        TableName=name, BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    )  # fmt: skip
    os.environ["LIMITS_TABLE"] = name
    try:
        with _dynamodb(client):
            yield True
    finally:
        client.delete_table(TableName=name)
