"""The rival, when its folder is given: it takes the same events on the same server, in a database of its own."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.sync.directory import Directory
from tests.support.world import World

TIMEOUT_S = 900
DATABASE = "peer"


@dataclass(frozen=True)
class Peer:
    """`folder` has a `run.sh EVENTS_DIR DATABASE_URL --concurrency N` that prints its figures as one JSON line."""

    folder: Path
    events: Path
    url: str

    def run(self, concurrency: int) -> dict[str, Any]:
        """Its figures of one run."""
        done = subprocess.run(
            [self.folder / "run.sh", self.events, self.url, "--concurrency", str(concurrency)], capture_output=True, text=True,
            timeout=TIMEOUT_S, check=False,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"the peer failed: {done.stderr[-2000:]}")
        found: dict[str, Any] = json.loads(done.stdout)["runs"][0]
        return found


def prepared(world: World, folder: Path, given: Directory, place: Path) -> Peer:
    """Its database, and a folder with the rated events and all objects, which its stand-in for Stripe answers from."""
    world.admin.execute(f"CREATE DATABASE {DATABASE}".encode())
    place.mkdir()
    (place / "events.jsonl").write_bytes(b"\n".join(given.rated) + b"\n")
    with (place / "objects.jsonl").open("w") as out:
        for (account, kind, id), shown in given.final.items():
            row = {"object_type": kind, "id": id, "object": shown} | ({"account": account} if account else {})
            out.write(json.dumps(row) + "\n")
    info = world.admin.info
    url = f"postgresql://{info.user}:{info.password}@{info.host}:{info.port}/{DATABASE}"
    return Peer(folder, place, url)


def objects_wrong(run: dict[str, Any]) -> int:
    """Rows that its own check against the final objects finds missing, stale or too many."""
    checked = (run.get("against_final_state") or {}).values()
    return sum(one["missing"] + one["stale"] + one["extra"] for one in checked)
