"""Backfills in tests: asked for through HTTP, started by their consumers, and their machine run by hand."""

import json
from pathlib import Path
from typing import Any

import pytest
from moto.core.models import DEFAULT_ACCOUNT_ID

from infra.local.stripe.fake import FakeStripe
from oppulence.connections import breaker
from oppulence.kernel import aws
from oppulence.kernel.events import Envelope
from oppulence.sync.backfill import pace_gateway
from tests.support import entries
from tests.support.api import Api

ASL = Path(__file__).parents[2] / "infra" / "state_machines" / "sync" / "backfill.asl.json"
Row = dict[str, Any]
FAST = 100.0


class Backfilling:
    """`ask` for a backfill, let `start` deliver its events, and `run` its machines to their end; waits are over at once."""

    def __init__(self, api: Api, fake: FakeStripe, connection_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.api, self.world, self.fake, self.connection_id = api, api.world, fake, connection_id
        self.states = aws.client("stepfunctions")
        self.machine_arn = self.states.create_state_machine(
            name="backfill", definition='{"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 9999, "End": true}}}',
            roleArn=f"arn:aws:iam::{DEFAULT_ACCOUNT_ID}:role/x",
        )["stateMachineArn"]  # fmt: skip
        monkeypatch.setenv("MACHINE_SYNC_BACKFILL", self.machine_arn)
        self.told: list[Envelope] = []
        self.waited: list[int] = []
        self.world.envelopes()
        self.wake()

    def forget(self) -> None:
        """Drop the machine."""
        self.states.delete_state_machine(stateMachineArn=self.machine_arn)

    def ask(self, *types: str, **body: Any) -> str:
        """Ask for a backfill of some types, at a pace that does not keep tests waiting; returns its id."""
        asked = {"connection_id": self.connection_id, "requests_per_second": FAST, "include_related": False, **body}
        answer = self.api.as_key().post("/v1/sync/backfills", asked | ({"object_types": list(types)} if types else {}))
        assert answer.status == 202, answer.body
        return str(answer.body["id"])

    def view(self, backfill_id: str) -> Row:
        """What the API shows of it."""
        found: Row = self.api.as_key().get(f"/v1/sync/backfills/{backfill_id}").body
        return found

    def progress(self, backfill_id: str, object_type: str) -> Row:
        """How far one type is."""
        return next(one for one in self.view(backfill_id)["types"] if one["type"] == object_type)

    def rows(self, backfill_id: str) -> list[Row]:
        """Its types as they stand in the database."""
        query = "SELECT to_jsonb(t) FROM sync.backfill_types t WHERE backfill_id = %s ORDER BY position"
        return [row[0] for row in self.world.admin.execute(query, (backfill_id,)).fetchall()]

    def start(self) -> None:
        """Deliver what was emitted, to the consumers that start machines."""
        emitted = self.world.envelopes()
        self.told += emitted
        for kind in ("requested", "type_ended"):
            mine = [one for one in emitted if one.type == f"sync.backfill.{kind}"]
            if mine:
                assert self.world.deliver(f"sync.consumers.on_backfill_{kind}", *mine) == []

    def task(self, row: Row, name: str = "list_pages", **given: Any) -> Row:
        """Call a task as the type's execution would."""
        known = {"workspace_id": row["workspace_id"], "backfill_id": row["backfill_id"], "object_type": row["type"],
                 "execution": row["execution_name"], "traceparent": None}  # fmt: skip
        answer: Row = entries.entry(f"sync.tasks.backfill.{name}")(known | given, None)
        return answer

    def step(self, backfill_id: str, object_type: str) -> Row:
        """One call of a type's execution."""
        return self.task(next(row for row in self.rows(backfill_id) if row["type"] == object_type))

    def wake(self) -> None:
        """Whatever was to be waited for is over."""
        breaker.forget_all()
        pace_gateway._alone.clear()
        for item in aws.client("dynamodb").scan(TableName="limits")["Items"]:
            if item["id"]["S"].startswith("stripe:"):
                aws.client("dynamodb").delete_item(TableName="limits", Key={"id": item["id"]})

    def run(self, backfill_id: str) -> Row:
        """Start and run everything to the end."""
        for _ in range(500):
            self.start()
            running = [row for row in self.rows(backfill_id) if row["state"] == "running"]
            if not running:
                return self.view(backfill_id)
            for row in running:
                answer = self.task(row)
                if answer["next_step"] == "wait":
                    self.waited.append(answer["wait_s"])
                    self.wake()
        raise AssertionError("the backfill does not come to an end")

    def mirrored(self, object_type: str | None = None) -> dict[tuple[str, str, str], Row]:
        """The mirror's live objects by account, type and id."""
        rows = self.world.admin.execute(
            "SELECT account, type, id, data FROM sync.objects WHERE workspace_id = %s AND NOT deleted AND version > 0"
            " AND (%s::text IS NULL OR type = %s)",
            (self.world.workspace_id, object_type, object_type),
        ).fetchall()
        return {(str(account), str(kind), str(id)): data for account, kind, id, data in rows}

    def executions(self) -> list[str]:
        """Names of the executions that were started for this workspace."""
        rows = self.world.admin.execute("SELECT id FROM sync.backfills WHERE workspace_id = %s", (self.world.workspace_id,))
        own = tuple(str(id) for (id,) in rows)
        started = self.states.list_executions(stateMachineArn=self.machine_arn)["executions"]
        return sorted(one["name"] for one in started if one["name"].startswith(own))


def definition() -> dict[str, Any]:
    """The machine as it is written."""
    parsed: dict[str, Any] = json.loads(ASL.read_text())
    return parsed
