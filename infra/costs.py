"""What a stage costs when nobody uses it, and what a million requests add: `make costs`.

How many there are of each thing is counted in the synthesized templates; what they cost stands in infra/prices.py; how much
of each a request uses is estimated here. Free tiers are left out, and so is what grows with data: storage, backups, and the
capacity that PostgreSQL takes under load.
"""

import json
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.prices import AS_OF, HOURS, MILLION, PRICES, REGION

Json = dict[str, Any]
POLLERS, POLL_S = 5, 20
"""An event source mapping asks an empty queue with five long polls at a time."""

TICK_S, REQUEST_S, DOOR_S, BATCH_S = 0.1, 0.06, 0.03, 0.3
BATCH = 10
KB = 1e-6
"""In GB."""

SAMPLED = 0.05
_RATE = re.compile(r"rate\((\d+) (minute|hour|day)s?\)")
_SECONDS = {"minute": 60, "hour": 3_600, "day": 86_400}


@dataclass(frozen=True)
class Line:
    """One line of the bill: a price times a quantity in a month, or in a million."""

    what: str
    price: str
    quantity: float

    @property
    def usd(self) -> float:
        """What it comes to."""
        return PRICES[self.price].usd * self.quantity


class Counted:
    """A stage's templates, and how many there are of what."""

    def __init__(self, templates: Mapping[str, Json]) -> None:
        self.templates = templates

    def all(self, kind: str) -> Iterator[Json]:
        """Properties of all resources of a type."""
        for template in self.templates.values():
            for resource in template["Resources"].values():
                if resource["Type"] == f"AWS::{kind}":
                    yield resource.get("Properties", {})

    def number(self, kind: str) -> int:
        """How many resources of a type there are."""
        return sum(1 for _ in self.all(kind))

    @property
    def fan_out(self) -> float:
        """How many consumers an event of a type has that anybody consumes, on average."""
        kinds = [
            kind
            for rule in self.all("Events::Rule") if rule.get("EventBusName") == "oppulence-domain"
            for kind in rule["EventPattern"].get("detail-type", [])
        ]  # fmt: skip
        return len(kinds) / len(set(kinds)) if kinds else 0.0


def idle(stage: Counted) -> list[Line]:
    """A month in which nobody calls."""
    minimum = sum(c.get("ServerlessV2ScalingConfiguration", {}).get("MinCapacity", 0) for c in stage.all("RDS::DBCluster"))
    zones = sum(len(one["SubnetIds"]) for one in stage.all("EC2::VPCEndpoint") if one.get("VpcEndpointType") == "Interface")
    managed = sum(1 for cluster in stage.all("RDS::DBCluster") if cluster.get("ManageMasterUserPassword"))
    secrets = managed + sum(1 + len(secret.get("ReplicaRegions", [])) for secret in stage.all("SecretsManager::Secret"))
    ticks = sum(per_month(rule["ScheduleExpression"]) for rule in stage.all("Events::Rule") if "ScheduleExpression" in rule)
    lines = [
        Line("NAT gateways", "nat_gateway", HOURS * stage.number("EC2::NatGateway")),
        Line("their addresses", "public_address", HOURS * stage.number("EC2::EIP")),
        Line("interface endpoints", "interface_endpoint", HOURS * zones),
        Line("Aurora at its minimum", "aurora_acu", HOURS * minimum * stage.number("RDS::DBInstance")),
        Line("RDS Proxy", "rds_proxy_acu", HOURS * 8 * stage.number("RDS::DBProxy")),
        Line("KMS keys", "kms_key", stage.number("KMS::Key") + stage.number("KMS::ReplicaKey")),
        Line("secrets", "secret", secrets),
        Line("firewall", "waf_acl", stage.number("WAFv2::WebACL")),
        Line("its rules", "waf_rule", sum(len(acl["Rules"]) for acl in stage.all("WAFv2::WebACL"))),
        Line("alarms", "alarm", sum(max(1, len(one.get("Metrics", []))) for one in stage.all("CloudWatch::Alarm"))),
        Line("composite alarms", "composite_alarm", stage.number("CloudWatch::CompositeAlarm")),
        Line("dashboards", "dashboard", max(0, stage.number("CloudWatch::Dashboard") - 3)),
        Line("canaries", "canary_run", sum(per_month(one["Schedule"]["Expression"]) for one in stage.all("Synthetics::Canary"))),
        Line("asking empty queues", "sqs_request", stage.number("Lambda::EventSourceMapping") * POLLERS * HOURS * 3_600 / POLL_S),
        Line("clocks: invocations", "lambda_request", ticks),
        Line("clocks: time", "lambda_gb_s", ticks * 0.5 * TICK_S),
    ]
    return [line for line in lines if line.quantity]


def per_month(expression: str) -> float:
    """How often a month a rate such as `rate(5 minutes)` comes round.

    Raises:
        ValueError: it is no rate; nothing of ours has a calendar.
    """
    found = _RATE.fullmatch(expression)
    if found is None:
        raise ValueError(f"{expression} is not a rate in minutes, hours or days")
    return HOURS * 3_600 / (int(found[1]) * _SECONDS[found[2]])


def requests(stage: Counted) -> dict[str, list[Line]]:
    """What a million requests of a kind add."""
    reading = [*_request(REQUEST_S), Line("rate limits", "dynamodb_write", 2 * MILLION)]
    writing = [
        *reading,
        Line("idempotency", "dynamodb_write", MILLION),
        Line("idempotency", "dynamodb_read", MILLION),
        *_event(stage.fan_out),
    ]
    webhook = [
        *_request(DOOR_S),
        Line("connections", "dynamodb_read", MILLION),
        *_event(1),
        *_event(stage.fan_out),
    ]
    return {"requests that read": reading, "requests that write": writing, "webhooks": webhook}


def _request(seconds: float) -> list[Line]:
    """Through CloudFront, firewall and API to a function of 512 MB, which logs a line and answers 2 KB."""
    return [
        Line("CloudFront", "cloudfront_request", MILLION),
        Line("answers", "cloudfront_gb", 2 * KB * MILLION),
        Line("firewall", "waf_request", MILLION),
        Line("API", "http_api_request", MILLION),
        Line("functions: invocations", "lambda_request", MILLION),
        Line("functions: time", "lambda_gb_s", MILLION * 0.5 * seconds),
        Line("logs", "log_gb", 1.5 * KB * MILLION),
        Line("traces", "trace", SAMPLED * MILLION),
        Line("through the NAT gateway", "nat_gb", 1 * KB * MILLION),
    ]


def _event(consumers: float) -> list[Line]:
    """One event for each request, to so many queues, emptied in batches."""
    batches = MILLION * consumers / BATCH
    return [
        Line("events", "event", MILLION),
        Line("queues", "sqs_request", MILLION * consumers + 2 * batches),
        Line("consumers: invocations", "lambda_request", batches),
        Line("consumers: time", "lambda_gb_s", batches * 0.5 * BATCH_S),
        Line("consumers: logs", "log_gb", batches * KB),
    ]


def read(assembly: Path) -> Counted:
    """The templates of an assembly.

    Raises:
        FileNotFoundError: none was synthesized there.
    """
    files = sorted(assembly.glob("*.template.json"))
    if not files:
        raise FileNotFoundError(f"no templates in {assembly}: run `make costs`, which synthesizes them")
    return Counted({file.name.partition(".")[0]: json.loads(file.read_text()) for file in files})


def report(name: str, stage: Counted) -> list[str]:
    """A stage's figures as text."""
    at_rest = idle(stage)
    lines = [f"{name}: idle {total(at_rest):,.2f} USD a month"]
    lines += [f"  {line.usd:>10,.2f}  {line.what}" for line in sorted(at_rest, key=lambda line: -line.usd)]
    for kind, used in requests(stage).items():
        lines.append(f"  {total(used):>10,.2f}  more for a million {kind}")
    return [*lines, ""]


def total(lines: list[Line]) -> float:
    """Their sum in US dollars."""
    return sum(line.usd for line in lines)


def main(folder: str, *stages: str) -> None:
    """Print the figures of the stages whose assemblies stand in the folder."""
    for stage in stages:
        print("\n".join(report(stage, read(Path(folder, stage)))))
    print(f"List prices of {REGION}, {AS_OF}, copied by hand and not checked here; no free tiers. Not in it: what grows with")
    print("data (storage, backups), PostgreSQL's capacity under load, ClickHouse, Stripe, mails, data out beyond 2 KB an answer.")


if __name__ == "__main__":
    main(*sys.argv[1:])
