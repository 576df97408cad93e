"""What an operator looks at: API, webhooks, queues, state machines, databases, the business. Not on the laptop."""

import json
from collections.abc import Sequence
from typing import Any

from aws_cdk import App, Fn
from aws_cdk import aws_cloudwatch as cloudwatch

from infra.constructs.objectives import APIS
from infra.discovery import EntryPoint
from infra.names import PREFIX, api_id, imported, named
from infra.settings import Settings
from infra.stacks.base import PlatformStack
from infra.stacks.observability import doors
from oppulence.kernel.telemetry import NAMESPACE

Line = list[Any]
WIDTH, HEIGHT, COLUMNS = 12, 6, 2


class Dashboards(PlatformStack):
    """One dashboard for each thing that one person looks after."""

    def __init__(self, app: App, points: Sequence[EntryPoint], settings: Settings) -> None:
        super().__init__(app, "dashboards", settings, "Dashboards")
        self._dashboard("api", _api())
        self._dashboard("webhooks", _webhooks(doors(points)))
        self._dashboard("queues", _queues())
        self._dashboard("machines", _machines(points))
        self._dashboard("databases", _databases())
        self._dashboard("business", _business())

    def _dashboard(self, name: str, graphs: Sequence[dict[str, Any]]) -> None:
        """Two graphs a row, each with the region it is deployed to."""
        widgets = [
            {"type": "metric", "x": n % COLUMNS * WIDTH, "y": n // COLUMNS * HEIGHT, "width": WIDTH, "height": HEIGHT,
             "properties": {"region": "${AWS::Region}", "view": "timeSeries", "period": 300, **graph}}
            for n, graph in enumerate(graphs)
        ]  # fmt: skip
        text = json.dumps({"widgets": widgets}, separators=(",", ":"))
        ids = [api_id(one) for one in APIS]
        body = Fn.sub(text, {one: imported(one) for one in ids if f"${{{one}}}" in text} or None)
        cloudwatch.CfnDashboard(self, name.capitalize(), dashboard_name=named(name), dashboard_body=body)


def graph(title: str, *lines: Line, stat: str = "Sum") -> dict[str, Any]:
    """A graph of metrics: namespace, name, dimension, value, …"""
    return {"title": title, "metrics": list(lines), "stat": stat}


def found(title: str, query: str, stat: str = "Sum") -> dict[str, Any]:
    """A graph of every metric that a search finds, whatever is deployed."""
    return {"title": title, "metrics": [[{"expression": f"SEARCH('{query}', '{stat}', 300)"}]]}


def _api() -> list[dict[str, Any]]:
    ids = [["ApiId", f"${{{api_id(one)}}}"] for one in APIS]
    duration = f'{{{NAMESPACE},method,path}} MetricName="http_request_duration_seconds"'
    return [
        graph("Requests and failures", *[["AWS/ApiGateway", name, *api] for api in ids for name in ("Count", "4xx", "5xx")]),
        graph("Latency, ms", *[["AWS/ApiGateway", "Latency", *api, {"stat": p}] for api in ids for p in ("p50", "p95", "p99")]),
        found("p99 by route, s", duration, "p99"),
        found("Failures by route", f'{{{NAMESPACE},method,path,status}} MetricName="http_requests_total" status=500'),
        graph("Functions", *[["AWS/Lambda", name] for name in ("Invocations", "Errors", "Throttles")]),
        graph("Functions at once", ["AWS/Lambda", "ConcurrentExecutions"], stat="Maximum"),
    ]


def _webhooks(doors_: Sequence[str]) -> list[dict[str, Any]]:
    answered = [[NAMESPACE, "http_requests_total", "surface", "webhooks", "status_class", kind] for kind in ("2xx", "4xx", "5xx")]
    took: Line = [NAMESPACE, "http_request_duration_seconds", "surface", "webhooks"]
    return [
        graph("Answers", *answered),
        graph("Latency, s", *[[*took, {"stat": stat}] for stat in ("p50", "p99")]),
        graph("Doors that crashed", *[["AWS/Lambda", "Errors", "FunctionName", door] for door in doors_]),
        graph("From door to mirror, s", [NAMESPACE, "sync_freshness_seconds", "service", "sync"], stat="p99"),
        graph("New events, gaps", *[[NAMESPACE, name, "service", "sync"] for name in ("sync_events_total", "sync_gaps_found")]),
        graph("Stripe's circuit breaker", [NAMESPACE, "circuit_breaker_state", "service", "stripe"], stat="Maximum"),
    ]


def _queues() -> list[dict[str, Any]]:
    of_ours = f'{{AWS/SQS,QueueName}} "{PREFIX}"'
    return [
        found("Oldest record, s", f'{of_ours} MetricName="ApproximateAgeOfOldestMessage"', "Maximum"),
        found("Waiting", f'{of_ours} MetricName="ApproximateNumberOfMessagesVisible" NOT "dead"', "Maximum"),
        found("Dead letters", f'{of_ours} MetricName="ApproximateNumberOfMessagesVisible" "dead"', "Maximum"),
        graph("Dead letters kept", [NAMESPACE, "dead_letters_kept", "service", "tenancy"], stat="Maximum"),
    ]


def _machines(points: Sequence[EntryPoint]) -> list[dict[str, Any]]:
    arn = f"arn:${{AWS::Partition}}:states:${{AWS::Region}}:${{AWS::AccountId}}:stateMachine:{PREFIX}"
    machines = sorted({(point.context, point.machine) for point in points if point.machine})
    kinds = ("ExecutionsStarted", "ExecutionsSucceeded", "ExecutionsFailed", "ExecutionsTimedOut")
    return [
        graph(f"{context}: {machine}", *[["AWS/States", kind, "StateMachineArn", f"{arn}-{context}-{machine}"] for kind in kinds])
        for context, machine in machines
    ]


def _databases() -> list[dict[str, Any]]:
    of_cluster = ["DBClusterIdentifier", PREFIX]
    names = ("ACUUtilization", "DatabaseConnections", "Deadlocks", "CommitLatency", "AuroraReplicaLagMaximum", "VolumeBytesUsed")
    tables = '{AWS/DynamoDB,TableName} "%s" MetricName="%s"'
    return [
        *[graph(name, ["AWS/RDS", name, *of_cluster], stat="Maximum") for name in names],
        found("DynamoDB reads", tables % (PREFIX, "ConsumedReadCapacityUnits")),
        found("DynamoDB writes", tables % (PREFIX, "ConsumedWriteCapacityUnits")),
    ]


def _business() -> list[dict[str, Any]]:
    """Amounts are minor units by currency; each is counted when it happens, so sums over a time are flows of that time."""
    by_currency = f'{{{NAMESPACE},service,currency}} MetricName="amount_%s_minor"'
    cases: list[Line] = [
        [NAMESPACE, "recovery_cases_total", "service", "recovery", "status", status] for status in ("opened", "recovered", "lost")
    ]
    rate = f'{{{NAMESPACE},service,workflow_id,cohort}} MetricName="recovery_rate"'
    return [
        found("Recovery rate", rate, "Average"),
        graph("Cases", *cases),
        found("Newly at risk", by_currency % "at_risk"),
        found("Recovered", by_currency % "recovered"),
        found("Lost", by_currency % "lost"),
        graph("New events", [NAMESPACE, "sync_events_total", "service", "sync"]),
    ]
