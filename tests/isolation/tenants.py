"""Workspace A with data in every context, and what A's own GETs show of it."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from infra.local.stripe.fake import KEY
from oppulence.connections.events import WebhookReceived
from oppulence.kernel.declarations import Consumer, Route, declaration_of
from oppulence.kernel.events import Envelope
from oppulence.kernel.ids import random_text
from oppulence.kernel.uow import UnitOfWork
from oppulence.metering import landing, settling, store
from oppulence.sync import comparison_store, reconcile_store
from oppulence.sync.comparison_store import Comparison
from oppulence.sync.reconcile_store import Gap, Progress
from tests.bad_input.bodies import fitting, required, required_values
from tests.metering import usage
from tests.support import cloud, letters, stripe
from tests.support.api import Answer, Api, rows_of
from tests.support.entries import FUNCTIONS, entry, envelope, routes
from tests.support.world import World
from tests.tenancy.people import People

Row = dict[str, Any]
PER_NAME = 40
"""Values kept of one field name: enough to attack with, few enough to be quick."""

PER_LIST = 10
"""Rows of a list that are looked at one by one."""


@dataclass
class Seen:
    """What answers held: every object, values by field name, and texts that nobody else could come to by themselves."""

    rows: list[Row] = field(default_factory=list)
    named: dict[str, list[str]] = field(default_factory=dict)
    texts: set[str] = field(default_factory=set)
    numbers: set[int] = field(default_factory=set)

    def take(self, value: Any, name: str = "") -> None:
        """Walk an answer."""
        if isinstance(value, dict):
            self.rows.append(value)
            for key, item in value.items():
                self.take(item, key)
        elif isinstance(value, list):
            for item in value:
                self.take(item, name)
        elif isinstance(value, str):
            kept = self.named.setdefault(name, [])
            if value not in kept and len(kept) < PER_NAME:
                kept.append(value)
            if len(value) >= 10 and re.search(r"[\d@]", value) and not re.fullmatch(r"[\d.]+|[\d-]{10}T[\d:.]+Z", value):
                self.texts.add(value)
        elif isinstance(value, int) and value >= 1_000 and value % 1_000:  # round ones are limits, which all have
            self.numbers.add(value)

    def values(self, *names: str) -> list[str]:
        """Texts that stood under one of these names."""
        return [value for name in names for value in self.named.get(name, [])]


@dataclass
class Tenant:
    """A workspace, a caller who may do everything in it, and what that caller sees."""

    workspace_id: str
    caller: Api
    seen: Seen = field(default_factory=Seen)
    lists: dict[str, list[Row]] = field(default_factory=dict)
    """Rows of each list, by its route's path."""
    shown: dict[str, list[str]] = field(default_factory=dict)
    """Paths that answered the tenant, by their route's path."""


def build(world: World, people: People) -> Tenant:
    """Fill the world's workspace through routes and consumers, as a user and a provider would."""
    caller = Api(world).as_user(people.member("owner").token, world.workspace_id)
    people.member("viewer")
    made = [
        caller.post("/v1/connections", {"provider": "stripe", "webhook_secrets": ["whsec_" + random_text(20)],
                                        "api_key": KEY}),
        caller.post("/v1/api_keys", {"name": f"Key {random_text(12)}", "scopes": ["sync:read"]}, Idempotency_Key=random_text(20)),
        caller.post("/v1/members", {"email": f"guest.{random_text(8).lower()}@example.com", "role": "viewer"}),
        caller.put(f"/v1/feature_flags/flag_{random_text(8).lower()}", {"enabled": True, "description": random_text(12)}),
    ]  # fmt: skip
    assert {one.status for one in made} <= {200, 201}, [one.body for one in made]
    corpus = stripe.corpus()
    stripe.mirror(world, [*corpus[:200], *corpus[700:800]])
    _metered(world, caller)
    _watched(caller)
    for _ in range(3):  # consumers emit in turn
        _deliver(world, world.envelopes())
    assert caller.post("/v1/sync/replays", {"all": True}).status == 202
    backfill = {"connection_id": made[0].body["id"], "object_types": ["charge", "tax_id"]}
    assert caller.post("/v1/sync/backfills", backfill).status == 202
    assert caller.patch("/v1/sync/settings", {"raw_retention_days": 731}).status == 200  # not everybody's default
    _reconciled(world, made[0].body["id"])
    event = envelope(world.workspace_id, stripe.webhook(world.workspace_id, corpus[0]))
    letters.die(event, reason=f"ValueError: {random_text(20)}")
    letters.drain()
    tenant = Tenant(world.workspace_id, caller)
    for _ in range(2):  # what stands below another thing needs that one first
        _add_to_lists(tenant)
        look_around(tenant)
    entry("tenancy.schedules.seal_audit")({}, None)
    return tenant


def _watched(caller: Api) -> None:
    """An alert on the meter, an export, and a schedule of exports."""
    (meter, *_) = caller.get("/v1/meters").body["data"]
    alert = {"meter": meter["id"], "period": "day", "name": random_text(12), "subject": f"s{random_text(12)}", "at": "7310017.5"}
    assert caller.post("/v1/usage_alerts", alert).status == 201
    period = {"from": "2019-03-01T12:30:00Z", "to": "2019-03-02T12:30:00Z"}
    for body in ({"kind": "events", "subjects": [f"s{random_text(12)}"]} | period, {"kind": "windows", "schedule": "day"}):
        assert caller.post("/v1/usage_exports", body).status == 202


def _metered(world: World, caller: Api) -> None:
    """A meter, and usage that it counts: settled, and landed only."""
    meter = {"slug": f"m{random_text(12).lower()}", "aggregation": "SUM", "eventType": "prompt", "valueProperty": "$.tokens"}
    assert caller.post("/openmeter/api/v1/meters", meter).status == 201
    for _ in range(2):
        assert settling.settle(store.shard_of(world.workspace_id)) >= 0
        sent = {"id": random_text(20), "type": "prompt", "subject": random_text(12), "data": {"tokens": 731_731}}
        assert caller.post("/v1/events", sent).status == 202
        landing.land(usage.queued())


def _reconciled(world: World, connection_id: str) -> None:
    """A gap that was found and closed, and a sample, as the reconciler writes them."""
    at = datetime(2019, 3, 1, 12, 30, tzinfo=UTC)  # nobody else's day

    def write(uow: UnitOfWork) -> None:
        progress = Progress(uow.workspace_id, connection_id, "", None, None, None)
        reconcile_store.note_gaps(uow.conn, progress, [Gap(f"evt_{random_text(20)}", "invoice.paid", at, at, at, None)])
        found = Comparison(connection_id, "", "invoice", at.date(), at, at, 3, 2, {"EUR": 731_001}, {"EUR": 731_000}, 1, 0, 1)
        comparison_store.save(uow.conn, uow.workspace_id, found)

    world.within("sync", write)


def look_around(tenant: Tenant) -> None:
    """Call all GET routes with whatever their answers give for each other, until nothing new turns up."""
    done: set[str] = set()
    tenant.lists.clear()
    while fresh := [(declared, path) for declared in _gets() for path in paths(tenant, declared) if path not in done]:
        for declared, path in fresh:
            done.add(path)
            answer = tenant.caller.get(path, **needed(declared))
            if answer.status == 200:
                tenant.seen.take(answer.body)
                within = _parameters(declared, path)
                tenant.lists.setdefault(declared.path, []).extend({**within, **row} for row in rows_of(answer) or [])
                shown = tenant.shown.setdefault(declared.path, [])
                shown += [path] if path not in shown else []


def needed(declared: Route) -> dict[str, str]:
    """What its query must have; a period is long enough for all that there is."""
    found = required_values(declared)
    return found | ({"to": "2030-01-01T00:00:00Z"} if "to" in found else {})


def paths(tenant: Tenant, declared: Route) -> list[str]:
    """The route's path, filled with what the tenant has; empty when nothing fits."""
    head, found, rest = declared.path.rpartition("/{")
    if not found:
        return [declared.path]
    last = rest.partition("}")[0]
    if head in tenant.lists or any(one.path == head for one in _gets()):
        rows = [{**row, last: row.get(last) or row.get("id")} for row in tenant.lists.get(head, [])]
    else:
        rows = [{last: value.split(".")[0]} for value in tenant.seen.values(last, last.rpartition("_")[2]) if "/" not in value]
    names = re.findall(r"\{(\w+)\}", declared.path)
    filled = (declared.path.format_map(row) for row in rows if all(isinstance(row.get(name), str) for name in names))
    return list(dict.fromkeys(filled))[: PER_LIST if head in tenant.lists else PER_NAME]


_digests: list[str] = []
"""The query of `digest`, once it is known which tables there are."""


def digest(world: World, workspace_id: str) -> dict[str, Any]:
    """Number and hash of a workspace's rows, table by table, and of what DynamoDB has of it."""
    if not _digests:
        one = "SELECT '{0}', count(*), md5(coalesce(string_agg(md5(t::text), '' ORDER BY md5(t::text)), '')) FROM {0} t"
        _digests.append(" UNION ALL ".join(f"{one.format(table)} WHERE {column} = %(id)s" for table, column in _tables(world)))
    rows = world.admin.execute(_digests[0].encode(), {"id": workspace_id}, prepare=True)  # it takes longer to plan than to run
    found: dict[str, Any] = {str(table): facts for table, *facts in rows}
    for name in ("connections", "idempotency"):
        found[name] = sorted(text for text in cloud.items(name) if workspace_id in text)
    return found


def foreign(tenant: Tenant, answer: Answer, sent: str) -> list[str]:
    """Texts and amounts of the tenant that an answer holds, without those that the caller sent."""
    text = json.dumps(answer.body, default=str) + json.dumps(answer.headers)
    own = Seen()
    own.take(answer.body)
    return [one for one in tenant.seen.texts if one in text and one not in sent] + [
        str(one) for one in own.numbers & tenant.seen.numbers
    ]


def _add_to_lists(tenant: Tenant) -> None:
    """POST to every list that takes new rows, wherever one stands."""
    lists = {declared.path for declared in _gets()}
    for _, declared, _ in routes():
        if declared.method != "POST" or declared.access != "scope" or declared.path not in lists or declared.body is None:
            continue
        full = fitting(declared.body)
        least = {name: full[name] for name in required(declared.body)}
        known = tenant.shown.get(declared.path) or ([] if declared.path_parameters else [declared.path])
        for path, body in ((path, body) for path in known[:2] for body in (full, least)):
            once = tenant.caller.with_headers(Idempotency_Key=random_text(20))
            assert once.send("POST", path, json.dumps(body).encode()).status < 500, path


def _parameters(declared: Route, path: str) -> dict[str, str]:
    pattern = next(pattern for pattern, one, _ in routes() if one is declared)
    match = pattern.match(path)
    return match.groupdict() if match else {}


def _gets() -> list[Route]:
    return [declared for _, declared, _ in routes() if declared.method == "GET" and declared.access == "scope"]


def _deliver(world: World, envelopes: list[Envelope]) -> None:
    for name, event_type in _consumers().items():
        mine = [one for one in envelopes if one.type == event_type]
        for start in range(0, len(mine), 10):
            world.deliver(name, *mine[start : start + 10])


@cache
def _consumers() -> dict[str, str]:
    """Consumers of domain events, by the type they take."""
    found = {}
    for path in sorted(Path(FUNCTIONS).glob("*/consumers/on_*.py")):
        name = f"{path.parent.parent.name}.consumers.{path.stem}"
        declared = declaration_of(entry(name))
        assert isinstance(declared, Consumer)
        if declared.event is not WebhookReceived:
            found[name] = declared.event.type
    return found


def _tables(world: World) -> Iterator[tuple[str, str]]:
    rows = world.admin.execute(
        "SELECT c.oid::regclass::text, a.attname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " JOIN pg_attribute a ON a.attrelid = c.oid AND NOT a.attisdropped"
        " WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND n.nspname !~ '^(pg_|information_schema)'"
        "   AND (a.attname = 'workspace_id' OR (c.oid = 'tenancy.workspaces'::regclass AND a.attname = 'id')) ORDER BY 1"
    ).fetchall()
    yield from ((str(table), str(column)) for table, column in rows)
