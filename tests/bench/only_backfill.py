"""What `backfill` weighs: a process that runs a backfill's types to their end, or only lists them, without a pace.

Arguments: workspace, backfill, `write` or `bare`, types. Its last line on standard error says what it did; functions log to the
other.
"""

import json
import re
import sys
import time
from pathlib import Path

from functions.sync.tasks.backfill.list_pages import handler
from oppulence.connections import api as connections
from oppulence.kernel.uow import Scope, in_transaction
from oppulence.sync.backfill import store
from oppulence.sync.backfill.listing import Lister, Target, Window
from oppulence.sync.backfill.models import Backfill
from oppulence.sync.backfill.pace_gateway import Pace
from oppulence.sync.object_types import TYPES
from tests.bench import instant


def main() -> None:
    """Do it, and say so. Times are those of the system's monotonic clock."""
    workspace_id, backfill_id, how, *names = sys.argv[1:]
    instant.answer_at_once("kms", "events")
    Pace.wait = lambda self: None  # type: ignore[method-assign]
    scope = Scope("sync", workspace_id)
    backfill = in_transaction(scope, lambda uow: store.fetch(uow.conn, backfill_id))
    assert backfill is not None
    started, computed = time.monotonic(), time.process_time()
    count = (_write if how == "write" else _list)(scope, backfill, names)
    peak = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert peak
    said = {
        "objects": count, "started": started, "ended": time.monotonic(), "cpu_s": time.process_time() - computed,
        "peak_mb": round(int(peak[1]) / 1024, 1),
    }  # fmt: skip
    print(json.dumps(said), file=sys.stderr)


def _write(scope: Scope, backfill: Backfill, names: list[str]) -> int:
    for name in names:
        given = {"workspace_id": scope.workspace_id, "backfill_id": backfill.id, "object_type": name, "execution": name}
        while (answer := handler(given, None))["next_step"] == "go_on":
            pass
        assert answer["next_step"] == "finished", answer
    rows = [row for row in in_transaction(scope, lambda uow: store.types(uow.conn, backfill.id)) if row.type in names]
    assert all(row.rows_changed == row.rows_listed for row in rows)
    return sum(row.rows_listed for row in rows)


def _list(scope: Scope, backfill: Backfill, names: list[str]) -> int:
    gateway = connections.stripe(scope, backfill.connection_id)
    listers = [Lister(gateway, Pace("", None), TYPES[name], Window(None, None)) for name in names]
    return sum(len(page.seen) for lister in listers for page in lister.pages(Target("")))


if __name__ == "__main__":
    main()
