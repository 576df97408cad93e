"""Entry points by name, and queue batches for consumers."""

import importlib
import json
import re
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

from oppulence.kernel import clock
from oppulence.kernel.declarations import Entry, Route, declaration_of
from oppulence.kernel.events import Envelope, Event
from oppulence.kernel.ids import new_id

FUNCTIONS = Path(__file__).parents[2] / "functions"
_numbers = count(1)


def entry(name: str) -> Entry:
    """An entry point by its module below `functions`, such as `sync.consumers.on_webhook_received`."""
    handler: Entry = importlib.import_module(f"functions.{name}").handler
    return handler


@cache
def routes() -> list[tuple[re.Pattern[str], Route, Entry]]:
    """All routes, as a pattern of their path; literal segments come before parameters, and what takes all the rest is last."""
    found = []
    for path in sorted(FUNCTIONS.glob("*/http/*.py")):
        handler = entry(f"{path.parent.parent.name}.http.{path.stem}")
        declared = declaration_of(handler)
        assert isinstance(declared, Route)
        pattern = re.compile("^" + re.sub(r"\{(\w+)(\+?)\}", _parameter, declared.gateway_path) + "$", re.DOTALL)
        found.append((pattern, declared, handler))
    return sorted(found, key=lambda one: (one[1].greedy, one[1].path.count("{")))


def _parameter(found: re.Match[str]) -> str:
    return f"(?P<{found[1]}>{'.+' if found[2] else '[^/]+'})"


def envelope(workspace_id: str, event: Event, **fields: Any) -> Envelope:
    """An event in its envelope."""
    known = {"id": new_id("ev"), "occurred_at": clock.real_now(), "data": event.model_dump(mode="json")} | fields
    return Envelope(type=event.type, version=event.version, workspace_id=workspace_id, **known)


def queue_batch(*envelopes: Envelope) -> dict[str, Any]:
    """What a queue hands to a consumer."""
    return {"Records": [_record(one) for one in envelopes]}


def _record(one: Envelope) -> dict[str, Any]:
    number = next(_numbers)
    detail = json.loads(one.model_dump_json())
    body = {"id": f"bus-{number}", "source": f"oppulence.{one.type.partition('.')[0]}", "detail-type": one.type, "detail": detail}
    return {"messageId": f"m-{number}", "receiptHandle": f"r-{number}", "body": json.dumps(body), "attributes": {}}
