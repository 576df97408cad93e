"""What keeps and watches data: archives, schemas, alarms, dashboards, canaries, the bill."""

import json
from typing import Any

import pytest
from jsonschema import Draft4Validator

from infra.catalogue import entries
from infra.discovery import entry_points
from infra.stacks.backups import draft_4
from infra.stacks.canaries import WATCHED
from oppulence.kernel.telemetry import NAMESPACE
from tests.infra.templates import Json, Templates, text

TEMPLATE_MAX = 1_000_000
CONTENT_MAX = 100_000
DASHBOARDS = {"api", "webhooks", "queues", "machines", "databases", "business"}


def named(prod: Templates, kind: str, key: str) -> dict[str, Json]:
    return {str(one[key]): one for _, _, one in prod.resources(kind)}


def alarms(prod: Templates) -> dict[str, Json]:
    found = named(prod, "AWS::CloudWatch::Alarm", "AlarmName")
    return {name.removeprefix("oppulence-"): one for name, one in found.items()}


def test_both_buses_are_archived_for_thirty_days(prod: Templates) -> None:
    archives = named(prod, "AWS::Events::Archive", "ArchiveName")
    assert set(archives) == {"oppulence-domain", "oppulence-inbound"}
    for name, archive in archives.items():
        assert archive["RetentionDays"] == 30 and f"event-bus/{name}" in text(archive["SourceArn"])
        assert "EventPattern" not in archive, "all events"


def test_the_registry_holds_every_event_of_the_catalogue(prod: Templates) -> None:
    schemas = named(prod, "AWS::EventSchemas::Schema", "SchemaName")
    assert set(schemas) == {entry.stem.replace("/", ".") for entry in entries()}
    assert all(len(one["Content"]) < CONTENT_MAX and one["Type"] == "JSONSchemaDraft4" for one in schemas.values())
    assert len(json.dumps(prod.stacks["backups"])) * 250 / len(schemas) < TEMPLATE_MAX, "also with 250 events"


@pytest.mark.parametrize("entry", entries(), ids=lambda entry: entry.stem)
def test_a_schema_means_the_same_in_the_registrys_draft(entry: Any) -> None:
    schema = draft_4(json.loads(entry.schema_file.read_text()))
    Draft4Validator.check_schema(schema)
    sample = json.loads(entry.sample_file.read_text())
    assert list(Draft4Validator(schema).iter_errors(sample)) == []
    assert list(Draft4Validator(schema).iter_errors(sample | {"type": "another.type.told", "id": 7}))


def test_alarms_can_be_published_and_are_encrypted(prod: Templates) -> None:
    topics = named(prod, "AWS::SNS::Topic", "TopicName")
    assert set(topics) == {"oppulence-pages", "oppulence-chat"}
    keys = prod.stacks["observability"]["Resources"]
    for topic in topics.values():
        key = keys[topic["KmsMasterKeyId"]["Fn::GetAtt"][0]]["Properties"]
        assert "cloudwatch.amazonaws.com" in text(key["KeyPolicy"]), "AWS's own key for SNS lets no alarm in"
        assert key["EnableKeyRotation"]
    policies = [one for _, _, one in prod.resources("AWS::SNS::TopicPolicy")]
    assert len(policies) == 2 and all("budgets.amazonaws.com" in text(one) for one in policies)


def test_budgets_of_errors_burn_over_two_windows_each(prod: Templates) -> None:
    found = alarms(prod)
    for name, budget in (("ApiAvailability", 0.001), ("WebhookAvailability", 0.0005)):
        windows = {"Burns60m": 14.4, "Burns5m": 14.4, "Burns360m": 6, "Burns30m": 6, "Wears1440m": 3, "Wears120m": 3}
        for window, factor in windows.items():
            alarm = found[f"{name}{window}"]
            assert alarm["Threshold"] == pytest.approx(factor * budget) and "AlarmActions" not in alarm
    composite = named(prod, "AWS::CloudWatch::CompositeAlarm", "AlarmName")
    assert len(composite) == 4
    for name, one in composite.items():
        parts = [part for part in one["AlarmRule"].split('"') if part.startswith("oppulence-")]
        assert len(parts) in (2, 4) and all(part.removeprefix("oppulence-") in found for part in parts), name
        assert one["AlarmActions"] == [{"Ref": "Pages" if name.endswith("Burns") else "Chat"}]


def test_an_alarm_looks_no_further_back_than_aws_does(prod: Templates) -> None:
    for name, alarm in alarms(prod).items():
        parts = alarm.get("Metrics", [])
        periods = [part["MetricStat"]["Period"] for part in parts if "MetricStat" in part] or [alarm["Period"]]
        assert max(periods) * alarm["EvaluationPeriods"] <= 86_400 and len(parts) <= 10, name


@pytest.mark.parametrize(
    "name",
    [
        "HighErrorRate", "ApiLatency", "WebhookLatency", "SyncFreshness", "LowRecoveryRate", "BreakerOpen", "DeadLettersKept",
        "LedgerBroken", "UsageTail", "UsageDoubled", "DatabaseFull", "CanaryApiFailed", "CanaryDoorFailed",
        "RecoveryDunningExecutionsFailed",
    ],
)  # fmt: skip
def test_what_must_be_told_has_an_alarm_that_tells_somebody(prod: Templates, name: str) -> None:
    alarm = alarms(prod)[name]
    assert alarm["AlarmActions"] and alarm["TreatMissingData"] == "notBreaching"


def test_our_metrics_are_watched_under_dimensions_that_are_emitted(prod: Templates) -> None:
    """`telemetry.metric` adds the service; requests have sets of their own."""
    allowed = ({"service"}, {"service", "status"}, {"surface"}, {"surface", "status_class"})
    for _, name, alarm in prod.resources("AWS::CloudWatch::Alarm"):
        if "Rolled" in name or "Failing" in name or "Succeeding" in name:
            continue
        stats = [part["MetricStat"]["Metric"] for part in alarm.get("Metrics", []) if "MetricStat" in part] or [alarm]
        for one in stats:
            if one.get("Namespace") == NAMESPACE and "path" not in text(one["Dimensions"]):
                assert {each["Name"] for each in one["Dimensions"]} in allowed, name


def test_the_seeds_threshold_of_recovery_is_watched_over_a_day(prod: Templates) -> None:
    alarm = alarms(prod)["LowRecoveryRate"]
    assert (alarm["Threshold"], alarm["ComparisonOperator"]) == (0.3, "LessThanThreshold")
    assert {part["MetricStat"]["Period"] for part in alarm["Metrics"] if "MetricStat" in part} == {86_400}


def test_dashboards_show_what_is_there(prod: Templates) -> None:
    boards = {
        name.removeprefix("oppulence-"): one for name, one in named(prod, "AWS::CloudWatch::Dashboard", "DashboardName").items()
    }
    assert set(boards) == DASHBOARDS
    for name, board in boards.items():
        body = board["DashboardBody"]["Fn::Sub"]
        widgets = json.loads(body[0] if isinstance(body, list) else body)["widgets"]
        assert widgets and all(one["properties"]["metrics"] for one in widgets), name
    machines = {point.machine for point in entry_points() if point.machine}
    assert all(f"-{machine}" in text(boards["machines"]) for machine in machines)


def test_canaries_ask_routes_that_exist(prod: Templates) -> None:
    canaries = named(prod, "AWS::Synthetics::Canary", "Name")
    assert set(canaries) == {f"oppulence-{name}" for name in WATCHED}
    routes = {f"{point.route.method} {point.route.path}" for point in entry_points() if point.kind == "http"}
    asked = {f"{method} {path}".replace("con_canary", "{connection_id}") for method, path, _, _ in WATCHED.values()}
    assert asked <= routes
    for canary in canaries.values():
        assert canary["RunConfig"]["EnvironmentVariables"]["URL"].startswith("https://api.oppulence.io/")


def test_the_bill_has_a_limit_and_somebody_hears_of_it(prod: Templates) -> None:
    ((_, _, budget),) = prod.resources("AWS::Budgets::Budget")
    told = [one["Notification"]["NotificationType"] for one in budget["NotificationsWithSubscribers"]]
    assert budget["Budget"]["BudgetLimit"] == {"Amount": 3_000, "Unit": "USD"} and set(told) == {"ACTUAL", "FORECASTED"}
