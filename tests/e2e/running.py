"""The whole platform, deployed from its template into a local cloud of its own, and ways to use and to hurt it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

import clickhouse_connect

from infra.local import cloud
from infra.local.demo.clock import Clock
from infra.local.demo.corpus import Event
from infra.local.demo.delivery import Door
from infra.local.demo.platform import Platform
from infra.local.paths import DOMAIN, REPO
from infra.local.running import load
from infra.local.stripe.fake import FakeStripe

OPENER = build_opener(ProxyHandler({}))
SENDERS = 4
WITHIN_S = 90.0


@dataclass
class Running:
    """A running cloud, its development workspace, and what is needed to look at both."""

    root: Path
    dev: dict[str, Any]

    def __post_init__(self) -> None:
        self.cloud = load(self.root)
        self.platform = Platform(self.cloud, self.dev["workspace_id"], self.dev["api_key"])
        self.clock = Clock(self.cloud)
        self.stripe = FakeStripe(self.cloud.state)
        self.door = Door(self.dev["stripe"]["webhook_url"], self.dev["stripe"]["webhook_secret"])

    def send(self, event: Event) -> int:
        """Deliver one webhook; the answer's status."""
        request = Request(self.door.url, data=event.body, headers=self.door.headers(event.body), method="POST")
        with OPENER.open(request, timeout=40) as answer:
            return int(answer.status)

    def send_all(self, events: Sequence[Event]) -> list[int]:
        """Deliver webhooks, a few at a time; they happened at the local Stripe before."""
        self.stripe.play([event.id for event in events])
        with ThreadPoolExecutor(SENDERS) as pool:
            return list(pool.map(self.send, events))

    def settle(self) -> None:
        """Wait until nothing is under way any more."""
        quiet: list[bool] = []

        def is_quiet() -> bool:
            quiet.append(self.platform.unfinished() == 0)
            return quiet[-2:] == [True, True]

        until("all queues are empty", is_quiet)

    def stored(self, events: Sequence[Event]) -> int:
        """How many rows these events have together."""
        query = "SELECT count(*) FROM sync.raw_events WHERE workspace_id = %s AND event_id = ANY (%s)"
        return int(self.platform.scalar(query, self.platform.workspace_id, [event.id for event in events]))

    def everything_stored(self) -> int:
        """How many webhooks the mirror has of the workspace."""
        query = "SELECT count(*) FROM sync.raw_events WHERE workspace_id = %s"
        return int(self.platform.scalar(query, self.platform.workspace_id))

    def analysed(self) -> int:
        """How many events the analytical store has of the workspace."""
        at = self.cloud.clickhouse
        client = clickhouse_connect.get_client(host=at.host, port=at.port, username=at.username, password=at.password)
        try:
            query = "SELECT uniqExact(event_id, account) FROM events WHERE workspace_id = {ws:String}"
            return int(client.query(query, parameters={"ws": self.platform.workspace_id}).result_rows[0][0])
        finally:
            client.close()

    def books_balance(self) -> bool:
        """Whether debits are credits in every currency."""
        totals = self.platform.get("/v1/ledger/balances")["totals"]
        return all(total["debit_minor"] == total["credit_minor"] for total in totals)

    def receive_counts(self, queue: str) -> list[int]:
        """How often each message of a queue was received, without touching them."""
        with OPENER.open(f"{self.cloud.emulator_url}/_ministack/sqs/messages", timeout=10) as answer:
            found = json.loads(answer.read())["messages"]
        queues = [each for regions in found.values() for each in regions.values()]
        return [
            message["ReceiveCount"] for each in queues for url, held in each.items() if url.endswith(queue) for message in held
        ]

    def configure(self, function: str, **variables: str) -> None:
        """Change variables of a deployed function."""
        functions, name = self.cloud.client("lambda"), f"oppulence-{function}"
        now = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        functions.update_function_configuration(FunctionName=name, Environment={"Variables": now | variables})

    def hide_for(self, queue: str, seconds: int) -> None:
        """Shorten for how long a message that a worker took is hidden from others."""
        url = self.platform.queues[queue]
        self.cloud.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": str(seconds)})

    def kill_workers(self, function: str) -> int:
        """SIGKILL the processes that run a function of this cloud, as if their machines had died; answers how many."""
        mark = f"{self.cloud.state}/emulator/tmp/ministack-lambda-oppulence-{function}-".encode()
        killed = 0
        for folder in Path("/proc").iterdir():
            try:
                ours = folder.name.isdigit() and mark in (folder / "cmdline").read_bytes()
            except OSError:
                continue  # it ended meanwhile
            if ours:
                os.kill(int(folder.name), signal.SIGKILL)
                killed += 1
        return killed

    def operator(self, *arguments: str) -> Any:
        """Run the operator's command line with --json; it must succeed."""
        env = {"PATH": os.environ["PATH"], "PYTHONPATH": f"{REPO}{os.pathsep}{DOMAIN}", "OPPULENCE_ROOT": str(self.root)}
        argv = [sys.executable, "-m", "infra.ops.main", *arguments, "--json"]
        done = subprocess.run(argv, cwd=REPO, env=env, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, f"{arguments}: {done.stdout} {done.stderr}"
        return json.loads(done.stdout)

    def restart(self) -> "Running":
        """Down and up again."""
        self.platform.close()
        cloud.down(self.root)
        return Running(self.root, up(self.root))


def up(root: Path) -> dict[str, Any]:
    """Start a cloud under `root` from this checkout's template."""
    from infra.local import synth

    return cloud.up(root, assembly=synth.assembly(REPO / ".local", print), stays=False)


def until(what: str, done: Callable[[], bool], within_s: float = WITHIN_S) -> None:
    """Wait for something that must come true."""
    deadline = time.monotonic() + within_s
    while not done():
        assert time.monotonic() < deadline, f"waited {within_s:g} s until {what}, in vain"
        time.sleep(0.3)
