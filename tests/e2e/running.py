"""The whole platform, deployed from its template into a local cloud of its own, and ways to use and to hurt it."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

import clickhouse_connect

from infra.deployed import PREFIX
from infra.local import cloud
from infra.local.demo.clock import Clock
from infra.local.demo.corpus import Event
from infra.local.demo.delivery import Door
from infra.local.demo.platform import Platform
from infra.local.paths import DOMAIN, REPO
from infra.local.running import load
from infra.local.stripe.fake import KEY, FakeStripe

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

    def beside(self, name: str, key: str = KEY) -> "Running":
        """Another workspace of the same cloud, connected to the same Stripe account."""
        made = self.operator("workspaces", "create", "--name", name)
        dev = self.dev | {"workspace_id": made["workspace_id"], "api_key": made["api_key"]}
        wanted = {"provider": "stripe", "api_key": key, "connect": True}
        connection = call(self.cloud.api_url, made["api_key"], "POST", "/v1/connections", wanted)
        secret = self.stripe.secret(connection["webhook_endpoints"][-1])
        at = {"connection_id": connection["id"], "webhook_url": connection["webhook_url"], "webhook_secret": secret}
        return Running(self.root, dev | {"stripe": self.dev["stripe"] | at})

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """One request to the API that must succeed, with the workspace's key."""
        return call(self.cloud.api_url, self.platform.api_key, method, path, body)

    def send(self, event: Event) -> int:
        """Deliver one webhook that is taken; the answer's status."""
        return self.send_bytes(event.body)

    def send_bytes(self, body: bytes, signature: str | None = None, url: str | None = None) -> int:
        """Deliver a body, signed as it should be unless a signature is given; the answer's status, whatever it is."""
        headers = self.door.headers(body) | ({"Stripe-Signature": signature} if signature else {})
        try:
            with OPENER.open(Request(url or self.door.url, data=body, headers=headers, method="POST"), timeout=40) as answer:
                return int(answer.status)
        except HTTPError as refused:
            return refused.code

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

    def kept_for_analysis(self) -> int:
        """How many of these the analytical store keeps: it drops events two years after they happened."""
        query = "SELECT count(*) FROM sync.raw_events WHERE workspace_id = %s AND created_at > now() - interval '2 years'"
        return int(self.platform.scalar(query, self.platform.workspace_id))

    def analysed(self) -> int:
        """How many of the provider's events the analytical store has of the workspace."""
        where = "workspace_id = {ws:String} AND event_source = 'stripe'"
        return int(self.olap(f"SELECT uniqExact(event_id, account) FROM events WHERE {where}")[0][0])

    def olap(self, query: str) -> Sequence[Sequence[Any]]:
        """Rows of a query of the analytical store; `{ws:String}` in it is the workspace."""
        at = self.cloud.clickhouse
        client = clickhouse_connect.get_client(host=at.host, port=at.port, username=at.username, password=at.password)
        try:
            return client.query(query, parameters={"ws": self.platform.workspace_id}).result_rows
        finally:
            client.close()

    def fingerprint(self) -> list[object]:
        """All objects, postings and cases, of whatever workspace, as one sum each: equal when nothing changed."""
        return [
            self.platform.scalar(f"SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM (SELECT {columns} FROM {table}) t")
            for table, columns in (
                ("sync.objects", "*"),
                ("ledger.postings", "*"),
                ("recovery.cases", "id, status, recovered_minor"),
            )
        ]

    def books_balance(self) -> bool:
        """Whether debits are credits in every currency."""
        totals = self.platform.get("/v1/ledger/balances")["totals"]
        return all(total["debit_minor"] == total["credit_minor"] for total in totals)

    def sweep(self, context: str) -> None:
        """Have what was left in an outbox published now, which otherwise would be so within a minute and a half."""
        self.platform.execute(f"UPDATE {context}.outbox SET created_at = created_at - interval '1 minute'")
        self.invoke(f"{context}-sweep_outbox")

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
        functions, name = self.cloud.client("lambda"), f"{PREFIX}-{function}"
        now = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        functions.update_function_configuration(FunctionName=name, Environment={"Variables": now | variables})

    def pause_all_but(self, consumers: Sequence[str]) -> None:
        """Let the queues of all other consumers wait from now on."""
        functions, kept = self.cloud.client("lambda"), {f"{PREFIX}-{name}" for name in consumers}
        for page in functions.get_paginator("list_event_source_mappings").paginate():
            for mapping in page["EventSourceMappings"]:
                if mapping["FunctionArn"].rpartition(":")[2] not in kept:
                    functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)

    def hide_for(self, queue: str, seconds: int) -> None:
        """Shorten for how long a message that a worker took is hidden from others."""
        url = self.platform.queues[queue]
        self.cloud.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": str(seconds)})

    def kill_workers(self, function: str) -> int:
        """SIGKILL the processes that run a function of this cloud, as if their machines had died; answers how many."""
        return sum(self.kill(process) for process, name in self.workers().items() if name == function)

    def workers(self) -> dict[int, str]:
        """The processes of this cloud that run functions, by their ids, and of which function each is."""
        mark = re.compile(
            re.escape(f"{self.cloud.state}/emulator/tmp/ministack-lambda-{PREFIX}-") + r"([a-z0-9_-]+)-[a-z0-9_]{8}/"
        )
        found = {}
        for folder in Path("/proc").iterdir():
            try:
                ours = mark.search((folder / "cmdline").read_text()) if folder.name.isdigit() else None
            except OSError:
                continue  # it ended meanwhile
            if ours:
                found[int(folder.name)] = ours[1]
        return found

    @staticmethod
    def kill(process: int) -> bool:
        """SIGKILL a process; whether it still was one."""
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
            return True
        return False

    def invoke(self, function: str) -> Any:
        """Run a function of a schedule now."""
        answered = self.cloud.client("lambda").invoke(FunctionName=f"{PREFIX}-{function}", Payload=b"{}")
        result = answered["Payload"].read()
        assert "FunctionError" not in answered, result
        return json.loads(result)

    def operator(self, *arguments: str) -> Any:
        """Run the operator's command line with --json; it must succeed."""
        env = {"PATH": os.environ["PATH"], "PYTHONPATH": f"{REPO}{os.pathsep}{DOMAIN}", "OPPULENCE_ROOT": str(self.root)}
        argv = [sys.executable, "-m", "infra.ops.main", *arguments, "--json"]
        done = subprocess.run(argv, cwd=REPO, env=env, capture_output=True, text=True, timeout=200, check=False)
        assert done.returncode == 0, f"{arguments}: {done.stdout} {done.stderr}"
        return json.loads(done.stdout)

    def restart(self) -> "Running":
        """Down and up again."""
        self.platform.close()
        cloud.down(self.root)
        return Running(self.root, up(self.root))


def call(api_url: str, key: str, method: str, path: str, body: Any = None) -> Any:
    """One request to the API that must succeed; a first one after a start is slow."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    try:
        with OPENER.open(Request(f"{api_url}{path}", data=data, headers=headers, method=method), timeout=60) as answer:
            return json.loads(answer.read() or b"null")
    except HTTPError as error:
        raise AssertionError(f"{method} {path}: {error.code} {error.read().decode(errors='replace')[:500]}") from error


def up(root: Path, say: Callable[[str], None] = print) -> dict[str, Any]:
    """Start a cloud under `root` from this checkout's template."""
    from infra.local import synth

    return cloud.up(root, assembly=synth.assembly(REPO / ".local", say), say=say, stays=False)


def until(what: str, done: Callable[[], bool], within_s: float = WITHIN_S) -> None:
    """Wait for something that must come true."""
    deadline = time.monotonic() + within_s
    while not done():
        assert time.monotonic() < deadline, f"waited {within_s:g} s until {what}, in vain"
        time.sleep(0.3)
