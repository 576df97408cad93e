"""Objects a second from a Stripe that does not limit us into the mirror, against listing them without writing."""

import gzip
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from infra.local.paths import DOMAIN, REPO
from infra.local.stripe.fake import KEY, FakeStripe
from oppulence.connections.api import API_KEY
from oppulence.kernel import crypto, db
from oppulence.kernel.ids import new_id
from oppulence.sync.backfill import requests
from oppulence.sync.backfill.models import NewBackfill
from tests.bench.figures import report
from tests.bench.place import world
from tests.support import stripe
from tests.support.world import World

OBJECTS = 50_000
AT_LEAST_PER_S = 3_000
TYPES = ("invoice", "charge", "subscription", "payment_intent", "balance_transaction", "customer", "invoice_payment", "refund")
PROCESSES = 2
"""Executions at the same time; on AWS there are up to six for a backfill."""

ROUNDS = 2
TIMEOUT_S = 240


def run() -> None:
    """List the corpus' account, copied until it is large enough, by turns with and without writing; the best round counts."""
    with TemporaryDirectory(prefix="oppulence-bench-") as folder, world(durable=True) as made:
        count = _account(Path(folder))
        with FakeStripe(Path(folder)) as fake:
            fake.do("corpus", folder=folder)
            os.environ["STRIPE_API_BASE"] = fake.url
            times = [(_listed(made, "write"), _listed(made, "bare")) for _ in range(ROUNDS)]
    assert all(one["objects"] == count for both in times for one in both), (times, count)
    ours, bare = (min((both[n] for both in times), key=lambda one: one["seconds"]) for n in (0, 1))
    rate = round(count / ours["seconds"])
    report(
        "backfill",
        {
            "objects": count, "objects_per_s": rate, "at_least_per_s": AT_LEAST_PER_S, "reached": rate >= AT_LEAST_PER_S,
            "processes": PROCESSES, "peak_memory_mb": ours["peak_mb"], "cpu_us_per_object": round(ours["cpu_s"] / count * 1e6),
            "with": "default durability; facts told; PutEvents over a transport that answers at once",
            "against": "listing and parsing the same pages without writing", "against_per_s": round(count / bare["seconds"]),
            "rounds_per_s": [round(count / both[0]["seconds"]) for both in times],
        },
        ratio=ours["seconds"] / bare["seconds"],
    )  # fmt: skip


def _account(folder: Path) -> int:
    """The corpus' own account copied until there are enough objects: a folder that the local Stripe loads."""
    lines = [one for one in stripe.final_objects() if one["object_type"] in TYPES and not one.get("account")]
    texts = [json.dumps(one["object"]) for one in lines if not one["object"].get("deleted")]
    count = 0
    with gzip.open(folder / "objects.jsonl.gz", "wt", compresslevel=1) as out:
        for copy in range(-(-OBJECTS // len(texts))):
            for text in texts:
                shown = json.loads(re.sub(r'"((?:in|cus|ch|py|pi|sub|re|pyr|txn|inpay|si|il)_\w+)"', rf'"\1x{copy}"', text))
                out.write(json.dumps({"object_type": shown["object"], "id": shown["id"], "object": shown}) + "\n")
                count += 1
    (folder / "events.jsonl.gz").write_bytes(gzip.compress(b""))
    (folder / "manifest.json").write_text((stripe.CORPUS / "manifest.json").read_text())
    return count


def _listed(made: World, how: str) -> dict[str, float]:
    """What processes that do nothing else say of it: objects, seconds from the first to begin to the last to end, megabytes."""
    workspace_id = made.workspace()
    backfill_id = _asked(made, workspace_id)
    db.close_all()
    environment = os.environ | {"PYTHONPATH": f"{REPO}:{DOMAIN}"}
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.bench.only_backfill", workspace_id, backfill_id, how, *TYPES[n::PROCESSES]],
            env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )
        for n in range(PROCESSES)
    ]  # fmt: skip
    said = [one.communicate(timeout=TIMEOUT_S)[1] for one in running]
    assert all(one.returncode == 0 for one in running), said
    found: list[dict[str, float]] = [json.loads(text.splitlines()[-1]) for text in said]
    return {
        "objects": sum(one["objects"] for one in found), "peak_mb": max(one["peak_mb"] for one in found),
        "seconds": max(one["ended"] for one in found) - min(one["started"] for one in found),
        "cpu_s": sum(one["cpu_s"] for one in found),
    }  # fmt: skip


def _asked(made: World, workspace_id: str) -> str:
    """A connection with a key, and a backfill of it whose machines run already."""
    connection_id = new_id("conn")

    def connect(uow: Any) -> None:
        sealed = [
            crypto.seal_json(uow.conn, workspace_id, value, purpose) for value, purpose in ((KEY, API_KEY), ([], "secrets"))
        ]
        made.admin.execute(
            "INSERT INTO connections.connections (id, workspace_id, provider, status, api_key, webhook_secrets, created_at,"
            " updated_at) VALUES (%s, %s, 'stripe', 'active', %s, %s, now(), now())",
            (connection_id, workspace_id, *sealed),
        )

    made.within("connections", connect, workspace_id)
    body = NewBackfill(connection_id=connection_id, object_types=list(TYPES), include_related=False)
    backfill_id = str(made.within("sync", lambda uow: requests.request(uow, body), workspace_id).id)
    made.admin.execute(
        "UPDATE sync.backfill_types SET state = 'running', execution_name = type, started_at = now() WHERE backfill_id = %s",
        (backfill_id,),
    )
    return backfill_id
