"""From the queue's bodies to landed rows, and to settled values, against reading the same bodies and inserting the same rows.

On top of 9,500,000 events that are settled already, in 1,000 workspaces with a meter for each type. Both sides begin with bodies
in memory and insert 10,000 rows a call. What landing takes of memory is measured in a process of its own.
"""

import contextlib
import gc
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from clickhouse_connect.driver.client import Client

from oppulence.metering import settling, store
from tests.bench.figures import report
from tests.bench.usage import bodies
from tests.bench.usage.filling import Filling
from tests.bench.usage.place import Usage, place
from tests.support.entries import entry

EVENTS, SETTLED, WORKSPACES = 500_000, 9_500_000, 1_000
ROWS = 10_000
AT_LEAST = {"landed": 0.5, "settled": 0.2}
MEMORY_EVENTS, AT_MOST_MB = 200_000, 250.0

_COLUMNS = ("workspace_id", "batch_id", "sequence", "source", "id", "type", "subject", "time", "stored_at", "data")
_MORE_WORKSPACES = """
    WITH made AS (
      INSERT INTO tenancy.workspaces (id, name, slug, mode, plan, settings, created_by, created_at, updated_at)
      SELECT 'ws_' || lpad(n::text, 20, '0'), 'Acme', 'bench' || n, 'test', 'business', '{}', 'test', now(), now()
        FROM generate_series(1, %s) n
      RETURNING id
    )
    SELECT array_agg(id ORDER BY id) FROM made
"""
_THEIR_METERS = """
    WITH places AS (
      INSERT INTO metering.workspaces (workspace_id, shard, revision)
      SELECT n.id, n.shard, %(revision)s FROM unnest(%(ids)s::text[], %(shards)s::smallint[]) AS n (id, shard)
    ), made AS (
      INSERT INTO metering.meters (workspace_id, id, slug, metadata, aggregation, carry_over, version, revision, created_at,
                                   updated_at)
      SELECT w.id, m.id, m.slug, m.metadata, m.aggregation, m.carry_over, 1, 1, now(), now()
        FROM unnest(%(ids)s::text[]) AS w (id) CROSS JOIN metering.meters m WHERE m.workspace_id = %(like)s
      RETURNING workspace_id, id
    )
    INSERT INTO metering.meter_versions (workspace_id, meter_id, version, event_type, value_property, group_by, created_at,
                                         revision, filled, filled_to)
    SELECT made.workspace_id, made.id, 1, v.event_type, v.value_property, v.group_by, now(), v.revision, 0, 0
      FROM made JOIN metering.meter_versions v ON v.workspace_id = %(like)s AND v.meter_id = made.id
"""


def run() -> None:
    """Bare, then landing, then settling, of the same bodies; memory last."""
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere), place() as usage:
        workspaces = _workspaces(usage)
        _settled_before(usage)
        usage.client.command("CREATE TABLE bare_landing AS usage_landing")
        usage.client.command("ALTER TABLE bare_landing DROP COLUMN counted")
        settling.DUE_EVENTS, settling.DUE_AFTER_S = 10 * EVENTS, 3_600.0  # landing alone, then settling alone
        spent = {"bare": 0.0, "landed": 0.0}
        rows = 0
        for batch in bodies.queued(workspaces, EVENTS, ROWS):
            rows += _timed(spent, "bare", partial(_bare, usage.client, batch))
            _timed(spent, "landed", partial(_land, batch))
        spent["settled"] = spent["landed"] + _seconds(_settle)
        values = int(
            usage.client.query("SELECT count() FROM usage_values WHERE source = 'bench' AND settlement > 90").result_rows[0][0]
        )
        bare_per_s = rows / spent["bare"]
        for name in ("landed", "settled"):
            per_s = rows / spent[name]
            figure: dict[str, object] = {
                "until": name, "events": rows, "events_per_s": round(per_s), "against": "json.loads and insert",
                "bare_per_s": round(bare_per_s), "rows_a_call": ROWS, "values": values, "at_least": AT_LEAST[name],
            }  # fmt: skip
            report("usage_path", figure, ratio=per_s / bare_per_s)
    _memory()


def _workspaces(usage: Usage) -> list[str]:
    row = usage.world.admin.execute(_MORE_WORKSPACES.encode(), (WORKSPACES - 1,)).fetchone()
    others = [str(id_) for id_ in (row[0] if row else [])]
    usage.world.admin.execute(
        _THEIR_METERS.encode(),
        {"ids": others, "shards": [store.shard_of(one) for one in others], "revision": len(usage.meters),
         "like": usage.workspace_id},
    )  # fmt: skip
    return [usage.workspace_id, *others]


def _settled_before(usage: Usage) -> None:
    other = f"concat('ws_', leftPad(toString(1 + intDiv(h, 10) % {WORKSPACES - 1}), 20, '0'))"
    workspace = f"if(number % 10 = 0, '{usage.workspace_id}', {other})"
    filling, size = Filling(SETTLED + EVENTS, usage.meters, workspace), SETTLED // 90
    for n in range(90):
        filling.insert(usage.client, n * size, size, n + 1)
    for shard in range(store.SHARDS):
        usage.settled(90, shard)


def _bare(client: Client, batch: Iterable[str]) -> int:
    rows = []
    for body in batch:
        text = bodies.batch_of(body)
        place = (text["workspace_id"], text["id"])
        stored_at = datetime.fromisoformat(text["stored_at"])
        for sequence, (source, id_, kind, subject, time_, data) in enumerate(text["events"]):
            rows.append((*place, sequence, source, id_, kind, subject, datetime.fromisoformat(time_), stored_at, data))
    client.insert("bare_landing", rows, column_names=_COLUMNS)
    return len(rows)


def _land(batch: Iterable[str]) -> None:
    records = [{"messageId": str(n), "receiptHandle": "r", "body": body, "attributes": {}} for n, body in enumerate(batch)]
    answer = entry("metering.consumers.on_usage_accepted")({"Records": records}, None)
    assert answer == {"batchItemFailures": []}, answer


def _settle() -> None:
    for shard in range(store.SHARDS):
        settling.settle(shard, 600.0)


def _timed(spent: dict[str, float], name: str, work: Callable[[], Any]) -> Any:  # noqa: ANN401
    gc.collect()  # neither side pays for what the other left
    started = time.perf_counter()
    found = work()
    spent[name] += time.perf_counter() - started
    return found


def _seconds(work: Callable[[], Any]) -> float:
    spent = {"work": 0.0}
    _timed(spent, "work", work)
    return spent["work"]


def _memory() -> None:
    """The peak of a process that lands as a function does, less nothing: interpreter and libraries are in it."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.usage.paths"], capture_output=True, text=True, check=True, timeout=300
    )
    peak_mb = float(json.loads(done.stdout.splitlines()[-1])["peak_mb"])
    report(
        "usage_memory",
        {"peak_mb": round(peak_mb), "at_most_mb": AT_MOST_MB, "rows_a_call": ROWS},
        ratio=peak_mb / AT_MOST_MB,
        at_most=1.0,
    )


def _land_and_tell() -> None:
    with place() as usage:
        for batch in bodies.queued(_workspaces(usage), MEMORY_EVENTS, ROWS):
            _land(batch)
    print(json.dumps({"peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))


if __name__ == "__main__":
    _land_and_tell()
