"""What a demo reads back: from the API like any customer, and as the operator where the API shows no such thing."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import psycopg

from infra.deployed import PREFIX
from infra.local.running import Cloud

PAGE = 500
TIMEOUT_S = 35
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))
PACING = {"sync-on_webhook_received": 20, "recovery-on_invoice_payment_failed": 0, "recovery-on_invoice_paid": 0}
"""Queues whose work decides what recovery knows, and how many messages each may hold before the platform lags."""

OVERDUE_S = 18 * 3600.0
"""A step this late, in domain time, is not just functions' clocks differing: its machine lags."""

WITH_OUTBOX = ("connections", "customers", "recovery", "sync", "tenancy")


@dataclass
class Platform:
    """A running local cloud and one of its workspaces."""

    cloud: Cloud
    workspace_id: str
    api_key: str
    _sqs: Any = field(init=False)
    _conn: psycopg.Connection[tuple[Any, ...]] | None = None

    def __post_init__(self) -> None:
        self._sqs = self.cloud.client("sqs")

    @property
    def interrupted(self) -> bool:
        """Whether the corpus arrived in more than one go, so that time went on in between."""
        return self._mark.exists()

    def mark_interrupted(self) -> None:
        """Remember it for later demos of this workspace."""
        self._mark.touch()

    @property
    def _mark(self) -> Path:
        return self.cloud.state / f"demo-interrupted.{self.workspace_id}"

    def get(self, path: str, **query: str | int) -> Any:
        """One GET of the API; waits as told when the rate limit says so."""
        url = f"{self.cloud.api_url}{path}?{urlencode(query)}"
        while True:
            request = urllib.request.Request(url, headers={"Authorization": f"Bearer {self.api_key}"})
            try:
                with OPENER.open(request, timeout=TIMEOUT_S) as response:
                    return json.loads(response.read())
            except urllib.error.HTTPError as error:
                if error.code != 429:
                    raise RuntimeError(f"GET {url}: {error.code} {error.read().decode(errors='replace')[:500]}") from error
                time.sleep(float(error.headers.get("Retry-After", "1")))

    def all(self, path: str, **query: str | int) -> Iterator[Any]:
        """Every row of a list."""
        page = self.get(path, limit=PAGE, **query)
        yield from page["data"]
        while page["pagination"]["has_more"]:
            page = self.get(path, limit=PAGE, cursor=page["pagination"]["next_cursor"], **query)
            yield from page["data"]

    @cached_property
    def queues(self) -> dict[str, str]:
        """URLs of all queues by their names without the platform's prefix."""
        pages = self._sqs.get_paginator("list_queues").paginate(QueueNamePrefix=f"{PREFIX}-")
        urls = [url for page in pages for url in page.get("QueueUrls", [])]
        return {url.rsplit("/", 1)[1].removeprefix(f"{PREFIX}-"): url for url in urls}

    def depth(self, name: str) -> int:
        """Messages of a queue, those in work included."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        attributes = self._sqs.get_queue_attributes(QueueUrl=self.queues[name], AttributeNames=names)["Attributes"]
        return sum(int(value) for value in attributes.values())

    def backlog(self) -> int:
        """Messages in the queues that virtual time waits for."""
        return sum(self.depth(name) for name in PACING)

    def lags(self, now: float) -> bool:
        """Whether work that was due by a domain second is not done."""
        return any(self.depth(name) > most for name, most in PACING.items()) or self.overdue_cases(now) > 0

    def overdue_cases(self, now: float) -> int:
        """Open cases whose next step should have been taken some time ago."""
        query = (
            "SELECT count(*) FROM recovery.cases WHERE status = 'open' AND workspace_id = %s AND next_step_at < to_timestamp(%s)"
        )
        return int(self.scalar(query, self.workspace_id, now - OVERDUE_S))

    def unfinished(self) -> int:
        """Messages in any queue, and events not yet on a bus."""
        waiting = sum(self.depth(name) for name in self.queues if not name.endswith("-dead"))
        return waiting + sum(int(self.scalar(f"SELECT count(*) FROM {context}.outbox")) for context in WITH_OUTBOX)

    def dead_letters(self) -> dict[str, int]:
        """How many dead letters there are, by queue; empty queues are left out."""
        found = {name: self.depth(name) for name in self.queues if name.endswith("-dead")}
        return {name: count for name, count in found.items() if count}

    def known_events(self) -> set[str]:
        """Ids of the webhooks that the mirror has."""
        query = "SELECT event_id FROM sync.raw_events WHERE workspace_id = %s"
        return {str(row[0]) for row in self.rows(query, self.workspace_id)}

    def open_cases(self) -> int:
        return int(
            self.scalar("SELECT count(*) FROM recovery.cases WHERE status = 'open' AND workspace_id = %s", self.workspace_id)
        )

    def scalar(self, query: str, *values: object) -> Any:
        """The one value of a query."""
        return self.rows(query, *values)[0][0]

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Rows of a query, as the operator: row-level security does not hide them."""
        return self._connected().execute(query.encode(), values or None).fetchall()

    def execute(self, statement: str) -> None:
        """Run a statement as the operator."""
        self._connected().execute(statement.encode())

    def close(self) -> None:
        """End the connection to PostgreSQL; the next query opens another."""
        if self._conn is not None:
            self._conn.close()

    def _connected(self) -> psycopg.Connection[tuple[Any, ...]]:
        if self._conn is None or self._conn.closed:
            self._conn = psycopg.connect(self.cloud.postgres_url, autocommit=True, connect_timeout=5)
        return self._conn
