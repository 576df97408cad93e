"""Imports in tests: asked for and uploaded as a caller would, and their machine run by hand."""

import json
from pathlib import Path
from typing import Any

import pytest
import requests
from moto.core.models import DEFAULT_ACCOUNT_ID

from oppulence.kernel import aws
from oppulence.metering.ingest import QUEUE
from oppulence.metering.usage_event import UsageEvent
from tests.metering.usage import events_of, queued
from tests.support import cloud, entries
from tests.support.api import Answer, Api

ASL = Path(__file__).parents[2] / "infra" / "state_machines" / "metering" / "usage_import.asl.json"
WAITS = '{"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 9999, "End": true}}}'
Row = dict[str, Any]


class Importing:
    """`ask`, `upload`, `start` and `run` an import; `sent` is what has come to the queue."""

    def __init__(self, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
        self.api, self.world = api, api.world
        self.states = aws.client("stepfunctions")
        role = f"arn:aws:iam::{DEFAULT_ACCOUNT_ID}:role/x"
        made = self.states.create_state_machine(name="usage_import", definition=WAITS, roleArn=role)
        self.machine_arn = made["stateMachineArn"]
        monkeypatch.setenv("MACHINE_METERING_USAGE_IMPORT", self.machine_arn)

    def forget(self) -> None:
        """Drop the machine."""
        self.states.delete_state_machine(stateMachineArn=self.machine_arn)

    def ask(self, content: bytes, format_: str = "ndjson", **body: Any) -> Row:
        """Ask for an import of such a file; the answer."""
        answer = self.api.as_key().post("/v1/events/imports", {"format": format_, "size_bytes": len(content), **body})
        assert answer.status == 201, answer.body
        found: Row = answer.body
        return found

    def uploaded(self, content: bytes, format_: str = "ndjson", **body: Any) -> str:
        """Ask for an import and upload its file; returns its id."""
        asked = self.ask(content, format_, **body)
        put = requests.put(asked["upload"]["url"], data=content, headers=asked["upload"]["headers"], timeout=60)
        assert put.status_code == 200, put.text
        return str(asked["id"])

    def started(self, content: bytes, format_: str = "ndjson", **body: Any) -> str:
        """Upload a file and start its import; returns its id."""
        import_id = self.uploaded(content, format_, **body)
        assert self.start(import_id).status == 202
        return import_id

    def start(self, import_id: str) -> Answer:
        """Start it."""
        return self.api.as_key().post(f"/v1/events/imports/{import_id}/start")

    def view(self, import_id: str) -> Row:
        """What the API shows of it."""
        found: Row = self.api.as_key().get(f"/v1/events/imports/{import_id}").body
        return found

    def row(self, import_id: str) -> Row:
        """How it stands in the database."""
        found = self.world.admin.execute("SELECT to_jsonb(i) FROM metering.imports i WHERE id = %s", (import_id,)).fetchone()
        assert found is not None
        row: Row = found[0]
        return row

    def task(self, import_id: str, name: str = "read_lines", **given: Any) -> Row:
        """Call a task as the import's execution would."""
        known = {"workspace_id": self.world.workspace_id, "import_id": import_id, "traceparent": None}
        if "execution" not in given:
            given["execution"] = self.row(import_id)["execution_name"]
        answer: Row = entries.entry(f"metering.tasks.usage_import.{name}")(known | given, None)
        return answer

    def run(self, import_id: str) -> Row:
        """Run a started import to its end; what the API shows then."""
        for _ in range(200):
            if self.task(import_id)["next_step"] != "go_on":
                return self.view(import_id)
        raise AssertionError("the import does not come to an end")

    def imported(self, content: bytes, format_: str = "ndjson", **body: Any) -> Row:
        """Import a file to its end; what the API shows then."""
        return self.run(self.started(content, format_, **body))

    def messages(self) -> list[Row]:
        """What came to the queue since the last look: the announcements of batches."""
        return [json.loads(body)["detail"]["data"] for body in cloud.queued(QUEUE)]

    def sent(self) -> list[UsageEvent]:
        """The events that came to the queue since the last look, in order of their places."""
        found = [event for accepted in queued() for event in events_of(accepted)]
        return sorted(found, key=lambda event: (event.stored_at, event.sequence))

    def errors(self, import_id: str) -> list[Row]:
        """The error file, read as a caller would."""
        link = self.view(import_id)["errors_url"]
        return [] if link is None else [json.loads(line) for line in requests.get(link, timeout=60).content.splitlines()]

    def executions(self) -> list[str]:
        """Names of the executions that were started."""
        return sorted(one["name"] for one in self.states.list_executions(stateMachineArn=self.machine_arn)["executions"])


def ndjson(*events: Any) -> bytes:
    """Events as lines; a text is a line as it is."""
    return "".join(f"{one if isinstance(one, str) else json.dumps(one)}\n" for one in events).encode()


def event(n: int, **change: Any) -> Row:
    """A plain event."""
    return {"id": f"e{n}", "type": "call", "subject": "alice", "data": {"n": n}} | change
